//! Everything a tenant has, row by row, for taking along. No secret is among it: sealed columns
//! and hashes stay behind.

use std::time::Duration;

use futures::{Stream, StreamExt};
use sqlx::{AssertSqlSafe, Row};

use super::{Store, StoreError};
use crate::model::TenantId;

/// Tables that are told whole, in an order that could be read back.
pub const TABLES: &[&str] = &[
    "tenants",
    "memberships",
    "connections",
    "runs",
    "gaps",
    "assets",
    "sightings",
    "asset_versions",
    "assessments",
    "tallies",
    "score_sums",
    "daily_scores",
    "findings",
    "finding_events",
    "exceptions",
    "exception_findings",
    "ticket_policies",
    "tickets",
    "ticket_findings",
    "ticket_notes",
    "ticket_references",
    "digests",
    "digest_recipients",
    "digest_mails",
    "webhooks",
    "outbox",
    "trackers",
    "tracker_issues",
    "tracker_comments",
    "providers",
    "api_tokens",
    "audit",
];
/// Tables of a tenant that are not told: they hold nothing but secrets, or what passes.
pub const LEFT_OUT: &[&str] = &["secrets", "sessions", "links", "replies"];
/// Columns that are never told.
const HIDDEN: &str = "'{secret_hash,client_secret,facts_hash,control_set,secret_id,word}'::text[]";

/// A reader who takes nothing for so long holds a connection to the database for nothing.
const PATIENCE: Duration = Duration::from_mins(1);

/// `{"table": …, "row": {…}}` a line, all of one snapshot, read as it is taken.
pub fn rows(
    store: &Store,
    tenant: TenantId,
) -> impl Stream<Item = Result<String, StoreError>> + Send + use<> {
    let (send, receive) = tokio::sync::mpsc::channel(64);
    let store = store.clone();
    tokio::spawn(async move {
        if let Err(fault) = read(&store, tenant, &send).await {
            // Nobody listens any more, or is told that the file is not whole.
            let _ = send.send(Err(fault)).await;
        }
    });
    tokio_stream(receive)
}

fn tokio_stream<T>(receive: tokio::sync::mpsc::Receiver<T>) -> impl Stream<Item = T> {
    futures::stream::unfold(
        receive,
        |mut receive| async move { receive.recv().await.map(|item| (item, receive)) },
    )
}

async fn read(
    store: &Store,
    tenant: TenantId,
    send: &tokio::sync::mpsc::Sender<Result<String, StoreError>>,
) -> Result<(), StoreError> {
    let mut tx = store.begin_snapshot(tenant).await?;
    for table in TABLES {
        let key = if *table == "tenants" { "id" } else { "tenant_id" };
        // The names are the constants above; the tenant is bound.
        let text = format!(
            "SELECT json_build_object('table', '{table}', 'row', to_jsonb(t) - {HIDDEN})::text AS line
             FROM {table} t WHERE {key} = $1"
        );
        let mut lines = sqlx::query(AssertSqlSafe(text)).bind(tenant.0).fetch(tx.on());
        while let Some(row) = lines.next().await {
            let line: String = row?.try_get("line")?;
            if send.send_timeout(Ok(line), PATIENCE).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
