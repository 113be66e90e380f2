//! Assets: the inventory, and one asset with its facts and verdicts.

use axum::extract::Path;
use axum::http::{HeaderMap, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::call::{Asked, Call, known};
use super::super::{Answer, listing, single};
use super::findings::{Evidence, evidence};
use crate::error::AppError;
use crate::model::{Family, Kind, Platform, Provider, Severity, Verdict};
use crate::store::assessments::Judged;
use crate::store::pages::asset;
use crate::store::pages::inventory::{self, Filter, Key};

/// Whether an asset is there.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AssetState {
    /// The last reading saw it.
    Present,
    /// It cannot be read now.
    Stale,
    /// It is there no more.
    Gone,
}

impl AssetState {
    const fn code(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Stale => "stale",
            Self::Gone => "gone",
        }
    }

    fn of(code: &str) -> Self {
        match code {
            "stale" => Self::Stale,
            "gone" => Self::Gone,
            _ => Self::Present,
        }
    }
}

/// An asset (row).
#[derive(Debug, Serialize, ToSchema)]
struct Asset {
    id: Uuid,
    name: String,
    kind: Kind,
    family: Family,
    platform: Platform,
    provider: Provider,
    /// Account, subscription or registry.
    account: String,
    /// Empty for registries.
    region: String,
    state: AssetState,
    /// 0 to 100; null where nothing is known.
    score: Option<f32>,
    /// Verdicts that are known.
    known: i32,
    /// Verdicts that are not.
    unknown: i32,
    /// Controls that fail.
    failing: i32,
}

/// What one control says of an asset.
#[derive(Debug, Serialize, ToSchema)]
struct VerdictOnAsset {
    /// Code of the control.
    control: String,
    verdict: Verdict,
    severity: Severity,
    /// What was found, or why nothing can be said; empty where the control's reading is fixed.
    reason: String,
    evidence: Vec<Evidence>,
    /// For unknown: the permission that would help.
    permission: Option<String>,
}

/// An asset with its facts and verdicts.
#[derive(Debug, Serialize, ToSchema)]
struct AssetWhole {
    id: Uuid,
    name: String,
    kind: Kind,
    family: Family,
    platform: Platform,
    provider: Provider,
    account: String,
    region: String,
    /// Its full id at its provider.
    native_id: String,
    state: AssetState,
    score: Option<f32>,
    connection_id: Uuid,
    first_seen: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    last_seen: Option<DateTime<Utc>>,
    /// What was read of it, by name. A fact that could not be read says why.
    #[schema(value_type = Object)]
    facts: serde_json::Value,
    verdicts: Vec<VerdictOnAsset>,
    /// Its page in the dashboard.
    page: String,
}

/// What the inventory may be narrowed to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// Part of the name.
    name: Option<String>,
    #[param(inline)]
    family: Option<Family>,
    #[param(inline)]
    kind: Option<Kind>,
    #[param(inline)]
    platform: Option<Platform>,
    #[param(inline)]
    provider: Option<Provider>,
    region: Option<String>,
    /// Id of a connection.
    connection: Option<Uuid>,
    /// Code of a control that fails on them.
    failing: Option<String>,
    /// Code of a control that cannot be answered for them.
    unknown: Option<String>,
    /// Without it: all that are not gone.
    #[param(inline)]
    state: Option<AssetState>,
    /// Rows of a page: 1 to 500, 50 without it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// From the `next` of the page before.
    cursor: Option<String>,
    /// Only these fields of a row, separated by commas.
    fields: Option<String>,
}

fn filter(asked: &Narrow) -> Filter {
    let text = |part: &Option<String>| part.as_ref().map(|text| text.replace('\0', "\u{fffd}"));
    Filter {
        text: text(&asked.name),
        family: asked.family,
        kind: asked.kind,
        platform: asked.platform,
        provider: asked.provider,
        region: text(&asked.region),
        scores: None,
        connection: asked.connection,
        failing: text(&asked.failing),
        unknown: text(&asked.unknown),
        state: asked.state.map(|state| state.code().to_owned()),
    }
}

/// List assets
///
/// By name.
#[utoipa::path(
    get, path = "/api/v1/assets", tag = "assets", operation_id = "list_assets", params(Narrow),
    responses((status = 200, description = "A page of assets.", body = listing::Page<Asset>)),
)]
pub async fn list(call: Call, uri: Uri, Asked(asked): Asked<Narrow>) -> Answer {
    let size = listing::size(asked.limit)?;
    let after = listing::key::<Key>(asked.cursor.as_deref())?;
    if after.as_ref().is_some_and(|key| key.name.contains('\0')) {
        return Err(super::super::problem::Problem::invalid("cursor", "take it from the page before"));
    }
    let mut tx = call.begin().await?;
    let found = inventory::list(&mut tx, &filter(&asked), after.as_ref(), size).await?;
    drop(tx);
    let last = found.rows.last().filter(|_| found.more);
    let last = last.map(|row| Key { name: row.name.clone(), id: row.id });
    let rows: Vec<Asset> = found
        .rows
        .into_iter()
        .map(|row| Asset {
            id: row.id,
            name: row.name,
            kind: row.kind,
            family: row.kind.family(),
            platform: row.platform,
            provider: row.provider,
            account: row.account,
            region: row.region,
            state: AssetState::of(&row.state),
            score: row.score,
            known: row.known,
            unknown: row.unknown,
            failing: row.failing,
        })
        .collect();
    listing::answer(&uri, asked.fields.as_deref(), &rows, last)
}

/// Read an asset
///
/// With everything that was read of it, and what each control says.
#[utoipa::path(
    get, path = "/api/v1/assets/{id}", tag = "assets", operation_id = "get_asset",
    params(("id" = Uuid, Path, description = "Id of the asset."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The asset.", body = AssetWhole, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let found = asset::get(&mut tx, known(&id)?).await?.ok_or(AppError::NotFound("this asset"))?;
    drop(tx);
    let page = call.state.link(&format!("/assets/{}", found.id));
    single::answer(&headers, &whole(found, page))
}

fn whole(found: asset::Whole, page: String) -> AssetWhole {
    AssetWhole {
        id: found.id,
        name: found.name,
        kind: found.kind,
        family: found.kind.family(),
        platform: found.platform,
        provider: found.provider,
        account: found.account,
        region: found.region,
        native_id: found.native_id,
        state: AssetState::of(&found.state),
        score: found.score,
        connection_id: found.connection,
        first_seen: found.first_seen,
        changed_at: found.changed_at,
        last_seen: found.last_seen,
        facts: found.facts,
        verdicts: found.verdicts.into_iter().map(verdict).collect(),
        page,
    }
}

fn verdict(judged: Judged) -> VerdictOnAsset {
    VerdictOnAsset {
        control: judged.control,
        verdict: judged.verdict,
        severity: judged.severity,
        reason: judged.reason,
        evidence: evidence(judged.evidence),
        permission: judged.permission,
    }
}
