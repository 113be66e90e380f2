//! What an exception would do, told before it is made.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::body::Sent;
use super::super::call::Call;
use super::super::{Answer, single};
use super::exceptions::ExceptionSubject;
use super::findings::Finding;
use crate::model::{Family, Severity};
use crate::pipeline::exceptions as pipeline;

/// Findings of a severity.
#[derive(Debug, Serialize, ToSchema)]
struct SeverityCount {
    severity: Severity,
    findings: i64,
}

/// How the mean score of a family would move.
#[derive(Debug, Serialize, ToSchema)]
struct ScoreMove {
    family: Family,
    before: Option<f64>,
    after: Option<f64>,
}

/// What an exception would do.
#[derive(Debug, Serialize, ToSchema)]
struct ExceptionPreview {
    /// Findings it would accept now.
    findings: i64,
    /// Assets they are on.
    assets: i64,
    severities: Vec<SeverityCount>,
    /// The most urgent of them, at most 20.
    first: Vec<Finding>,
    scores: Vec<ScoreMove>,
    /// False where scores were reckoned from a sample of the assets.
    exact: bool,
}

/// Preview an exception
///
/// Which findings it would accept, and how scores would move; nothing is done.
#[utoipa::path(
    post, path = "/api/v1/exceptions/preview", tag = "exceptions", operation_id = "preview_exception",
    request_body = ExceptionSubject,
    responses((status = 200, description = "What it would do.", body = ExceptionPreview)),
)]
pub async fn preview(call: Call, Sent(sent): Sent<ExceptionSubject>) -> Answer {
    let mut tx = call.begin().await?;
    let subject = sent.read(&mut tx).await?;
    let told = pipeline::preview(&mut tx, &subject, call.now()).await?;
    drop(tx);
    let count = told.count();
    let preview = ExceptionPreview {
        findings: count,
        assets: told.assets,
        severities: told
            .severities
            .into_iter()
            .map(|(severity, findings)| SeverityCount { severity, findings })
            .collect(),
        first: told.findings.into_iter().map(|row| Finding::of(row, &call.state)).collect(),
        scores: told
            .moves
            .into_iter()
            .map(|one| ScoreMove { family: one.family, before: one.before, after: one.after })
            .collect(),
        exact: told.exact,
    };
    single::changed(StatusCode::OK, &preview)
}
