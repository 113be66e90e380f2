//! Exceptions: what is accepted for a time; looked at before it is made.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::body::Sent;
use super::super::call::{Asked, Call, known};
use super::super::once::Once;
use super::super::problem::Problem;
use super::super::{Answer, ApiState, listing, single};
use crate::desk::exceptions::{self as desk, Terms};
use crate::error::AppError;
use crate::model::{ExceptionKind, ExceptionScope, ExceptionState, Family, Kind, Platform};
use crate::pipeline::exceptions as pipeline;
use crate::store::Tx;
use crate::store::exceptions::Subject;
use crate::store::pages::exceptions::{self, Filter, Key};

/// A tag of an asset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TagOfScope {
    #[schema(min_length = 1, max_length = 255)]
    key: String,
    #[schema(max_length = 255)]
    value: String,
}

/// Where an exception of a control holds; what is left out does not matter, nothing is everywhere.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Scope {
    /// Id of a connection.
    connection: Option<Uuid>,
    /// Account, subscription or registry.
    #[schema(max_length = 255)]
    account: Option<String>,
    #[schema(max_length = 255)]
    region: Option<String>,
    family: Option<Family>,
    kind: Option<Kind>,
    platform: Option<Platform>,
    tag: Option<TagOfScope>,
    /// A pattern of names: `*` is any letters, `?` is one. At most 8 stars.
    #[schema(min_length = 1, max_length = 200, example = "test-*")]
    name: Option<String>,
}

impl Scope {
    fn of(scope: &ExceptionScope) -> Self {
        Self {
            connection: scope.connection,
            account: scope.account.clone(),
            region: scope.region.clone(),
            family: scope.family,
            kind: scope.kind,
            platform: scope.platform,
            tag: scope.tag.clone().map(|(key, value)| TagOfScope { key, value }),
            name: scope.name.clone().map(String::from),
        }
    }

    fn read(self) -> Result<ExceptionScope, Problem> {
        let name = self.name.map(|name| name.parse()).transpose();
        Ok(ExceptionScope {
            connection: self.connection,
            account: self.account,
            region: self.region,
            family: self.family,
            kind: self.kind,
            platform: self.platform,
            tag: self.tag.map(|tag| (tag.key, tag.value)),
            name: name.map_err(|problem: String| Problem::invalid("scope.name", problem))?,
        })
    }
}

/// An exception (row).
#[derive(Debug, Serialize, ToSchema)]
pub struct Exception {
    id: Uuid,
    state: ExceptionState,
    /// Code of the control it accepts; null where findings were chosen.
    #[schema(example = "ACC-02")]
    control: Option<String>,
    /// Where it accepts the control; null where findings were chosen.
    scope: Option<Scope>,
    /// Findings that were chosen.
    chosen: i64,
    /// What it accepts, in words.
    subject: String,
    kind: ExceptionKind,
    /// Why.
    reason: String,
    /// Who made it, as in the audit log.
    made_by: String,
    made_by_name: String,
    made_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    /// What it accepted is open again from here on.
    until: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    revoked_by_name: Option<String>,
    /// Findings accepted under it now; 1001 where there are more than 1000.
    findings: i64,
    /// It is being brought to what was there when it was made, or is over and being taken from it.
    settling: bool,
    /// Its page in the dashboard.
    page: String,
}

impl Exception {
    fn of(row: exceptions::Exception, state: &ApiState) -> Self {
        let now = (state.now)();
        Self {
            state: row.state(now),
            settling: row.unsettled(now),
            subject: desk::subject_of(&row),
            page: state.link(&format!("/exceptions/{}", row.id)),
            scope: row.control.is_some().then(|| Scope::of(&row.scope)),
            id: row.id,
            control: row.control,
            chosen: row.chosen,
            kind: row.kind,
            reason: row.reason,
            made_by: row.made_by,
            made_by_name: row.made_by_name,
            made_at: row.made_at,
            changed_at: row.changed_at,
            until: row.until,
            revoked_at: row.revoked_at,
            revoked_by_name: row.revoked_by_name,
            findings: row.findings,
        }
    }
}

/// What exceptions may be narrowed to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// `active` takes in those that expire within two weeks.
    #[param(inline)]
    state: Option<ExceptionState>,
    /// Code of a control.
    control: Option<String>,
    /// Rows of a page: 1 to 500, 50 without it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// From the `next` of the page before.
    cursor: Option<String>,
    /// Only these fields of a row, separated by commas.
    fields: Option<String>,
}

/// List exceptions
///
/// Of those that hold the next to end first; else the last to end first.
#[utoipa::path(
    get, path = "/api/v1/exceptions", tag = "exceptions", operation_id = "list_exceptions", params(Narrow),
    responses((status = 200, description = "A page of exceptions.", body = listing::Page<Exception>)),
)]
pub async fn list(call: Call, uri: Uri, Asked(asked): Asked<Narrow>) -> Answer {
    let size = listing::size(asked.limit)?;
    let control = asked.control.as_ref().map(|text| text.replace('\0', "\u{fffd}"));
    let filter = Filter { state: asked.state, control };
    let mut tx = call.begin().await?;
    let after = listing::key::<Key>(asked.cursor.as_deref())?;
    let found = exceptions::list(&mut tx, &filter, call.now(), after, size).await?;
    drop(tx);
    let last = found.rows.last().filter(|_| found.more).map(|row| Key { until: row.until, id: row.id });
    let rows: Vec<Exception> = found.rows.into_iter().map(|row| Exception::of(row, &call.state)).collect();
    listing::answer(&uri, asked.fields.as_deref(), &rows, last)
}

async fn found(tx: &mut Tx, id: &str) -> Result<exceptions::Exception, Problem> {
    Ok(exceptions::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this exception"))?)
}

/// Read an exception
///
/// What it accepts now: `/api/v1/findings?state=accepted&exception=…`.
#[utoipa::path(
    get, path = "/api/v1/exceptions/{id}", tag = "exceptions", operation_id = "get_exception",
    params(("id" = Uuid, Path, description = "Id of the exception."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The exception.", body = Exception, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    drop(tx);
    single::answer(&headers, &Exception::of(row, &call.state))
}

/// What is to be accepted: findings, or a control within a scope.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptionSubject {
    /// Ids of findings; not together with a control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 500)]
    findings: Vec<Uuid>,
    /// Code of a control; not together with findings.
    #[serde(default)]
    control: Option<String>,
    #[serde(default)]
    scope: Scope,
}

impl ExceptionSubject {
    /// What it means here.
    pub async fn read(self, tx: &mut Tx) -> Result<Subject, Problem> {
        let subject = match (self.control, self.findings.is_empty()) {
            (Some(control), true) => Subject::Control { control, scope: self.scope.read()? },
            (None, false) => Subject::Findings(self.findings),
            (Some(_), false) => {
                return Err(Problem::invalid("findings", "choose findings or a control, not both"));
            }
            (None, true) => return Err(Problem::invalid("control", "choose a control, or findings")),
        };
        Ok(desk::checked(tx, subject).await?)
    }
}

/// An exception to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptionToMake {
    /// Ids of findings; not together with a control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 500)]
    findings: Vec<Uuid>,
    /// Code of a control; not together with findings.
    #[serde(default)]
    control: Option<String>,
    #[serde(default)]
    scope: Scope,
    kind: ExceptionKind,
    /// Why.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
    /// Until when: to come, and within the tenant's longest time.
    until: DateTime<Utc>,
}

/// Make an exception
///
/// What it speaks of is accepted: at once where it is little, else within seconds (`settling`).
/// Findings that come under it later are accepted from the start. From `until` on all is open again.
#[utoipa::path(
    post, path = "/api/v1/exceptions", tag = "exceptions", operation_id = "make_exception",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[!-~]+$", description = "Sent twice, done once: remembered for a day.")),
    request_body = ExceptionToMake,
    responses((status = 201, description = "It holds.", body = Exception, headers(("ETag" = String)))),
)]
pub async fn make(call: Call, headers: HeaderMap, Sent(sent): Sent<ExceptionToMake>) -> Answer {
    let once = Once::of(&call, &headers, "exceptions", &sent)?;
    let terms = Terms { kind: sent.kind, reason: sent.reason, until: sent.until };
    let subject = ExceptionSubject { findings: sent.findings, control: sent.control, scope: sent.scope };
    let mut tx = call.begin().await?;
    if let Some(answer) = once.earlier(&mut tx, &call).await? {
        return answer;
    }
    let subject = subject.read(&mut tx).await?;
    let id = desk::make(&mut tx, &call.actor, subject, &terms, call.now()).await?;
    let row = exceptions::get(&mut tx, id).await?.ok_or(AppError::NotFound("this exception"))?;
    let answer = once.done(tx, &call, StatusCode::CREATED, &Exception::of(row, &call.state)).await;
    pipeline::settle_small(&call.state.store, call.actor.tenant, id, call.state.now).await?;
    answer
}

/// Other terms; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptionChange {
    #[serde(default)]
    #[schema(nullable = false)]
    kind: Option<ExceptionKind>,
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 2000)]
    reason: Option<String>,
    #[serde(default)]
    #[schema(nullable = false)]
    until: Option<DateTime<Utc>>,
}

/// Change an exception
///
/// Why, and until when. One that is over is not changed: make another.
#[utoipa::path(
    patch, path = "/api/v1/exceptions/{id}", tag = "exceptions", operation_id = "change_exception",
    params(("id" = Uuid, Path, description = "Id of the exception."),
           ("If-Match" = Option<String>, Header, description = "The `ETag` of what you read: refused where it changed since.")),
    request_body = ExceptionChange,
    responses((status = 200, description = "The exception as it is now.", body = Exception, headers(("ETag" = String))),
              (status = 412, description = "It changed since you read it.", body = super::super::problem::Document, content_type = "application/problem+json")),
)]
pub async fn change(
    call: Call,
    headers: HeaderMap,
    Path(id): Path<String>,
    Sent(sent): Sent<ExceptionChange>,
) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    single::unchanged(&headers, &Exception::of(row.clone(), &call.state))?;
    let terms = Terms {
        kind: sent.kind.unwrap_or(row.kind),
        reason: sent.reason.unwrap_or_else(|| row.reason.clone()),
        until: sent.until.unwrap_or(row.until),
    };
    desk::change(&mut tx, &call.actor, &row, &terms, call.now()).await?;
    let row = found(&mut tx, &id).await?;
    tx.commit().await?;
    single::changed(StatusCode::OK, &Exception::of(row, &call.state))
}

/// Revoke an exception
///
/// What it accepted is open again from now on.
#[utoipa::path(
    post, path = "/api/v1/exceptions/{id}/revoke", tag = "exceptions", operation_id = "revoke_exception",
    params(("id" = Uuid, Path, description = "Id of the exception.")),
    responses((status = 200, description = "It is over.", body = Exception, headers(("ETag" = String)))),
)]
pub async fn revoke(call: Call, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    desk::revoke(&mut tx, &call.actor, &row, call.now()).await?;
    tx.commit().await?;
    pipeline::settle_small(&call.state.store, call.actor.tenant, row.id, call.state.now).await?;
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    drop(tx);
    single::changed(StatusCode::OK, &Exception::of(row, &call.state))
}
