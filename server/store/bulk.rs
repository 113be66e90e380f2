//! A large estate written straight into the tables, for measurements of what reads them. It is not
//! collected or judged: what it says is shaped like the truth, and is none.

use sqlx::{Connection, Executor, PgConnection};

use super::StoreError;
use crate::model::{ConnectionSpec, TenantId};

/// How large.
#[derive(Debug, Clone, Copy)]
pub struct Bulk {
    /// Connections.
    pub connections: i32,
    /// Assets.
    pub assets: i32,
    /// Findings of each asset, 1 to 15.
    pub findings_each: i32,
}

const CONNECTIONS: &str = "
    INSERT INTO connections (tenant_id, id, name, provider, spec, created_at)
    SELECT $1, ('c0000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'account ' || n, 'registry', $3, now()
    FROM generate_series(1, $2::int) n";
const RUNS: &str = "
    INSERT INTO runs (tenant_id, id, connection_id, state, assets_seen, gap_count, queued_at, started_at, finished_at)
    SELECT tenant_id, gen_random_uuid(), id, 'done', 200, CASE WHEN name LIKE '%7' THEN 3 ELSE 0 END,
           now() - interval '1 hour', now() - interval '1 hour', now() - interval '50 minutes'
    FROM connections WHERE tenant_id = $1";
const ASSETS: &str = "
    INSERT INTO assets (tenant_id, id, connection_id, provider, account, region, native_id, kind, family, platform,
                        name, facts, facts_hash, first_seen, changed_at)
    SELECT $1, ('a0000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           ('c0000000-0000-4000-8000-' || lpad(to_hex(1 + n % $3::int), 12, '0'))::uuid,
           'registry', 'account ' || (1 + n % $3::int), '', 'asset/' || n,
           CASE WHEN n % 2 = 0 THEN 'function' ELSE 'image' END,
           CASE WHEN n % 2 = 0 THEN 'serverless' ELSE 'container' END,
           CASE WHEN n % 2 = 0 THEN 'lambda-zip' ELSE 'oci' END,
           'asset-' || md5(n::text), jsonb_build_object('tags', jsonb_build_array(jsonb_build_object('key', 'team', 'value', 'team-' || n % 40))),
           decode(md5(n::text), 'hex'), now() - interval '60 days', now() - interval '1 day'
    FROM generate_series(1, $2::int) n";
const FINDINGS: &str = "
    INSERT INTO findings (tenant_id, id, asset_id, connection_id, control, area, family, kind, severity, severity_rank,
                          priority, state, reason, evidence, opened_at, changed_at, resolved_at)
    SELECT a.tenant_id, gen_random_uuid(), a.id, a.connection_id, c.control, left(c.control, 3), a.family, a.kind,
           (ARRAY['critical', 'high', 'medium', 'low', 'info'])[c.rank + 1], c.rank, 400 - c.rank * 100, s.state,
           'the fact that decided says so', '[]', s.at, s.at, CASE WHEN s.state = 'resolved' THEN s.at END
    FROM assets a
    CROSS JOIN (SELECT control, least(place / 3, 4)::smallint AS rank FROM unnest(ARRAY['ACC-02', 'ACC-07', 'ACC-01',
        'DEP-01', 'DEP-02', 'API-01', 'HST-01', 'HST-04', 'RES-01', 'RES-02', 'FRM-01', 'FRM-03', 'OPS-01', 'OPS-02', 'BAS-01'])
        WITH ORDINALITY AS c(control, place) WHERE place <= $2::int) c
    CROSS JOIN LATERAL (SELECT CASE WHEN hash % 20 = 0 THEN 'stale' WHEN hash % 7 = 0 THEN 'resolved' ELSE 'open' END AS state,
                               now() - make_interval(mins => hash % 86400) AS at
                        FROM (SELECT abs(hashtext(a.id::text || c.control)) AS hash) h) s
    WHERE a.tenant_id = $1";
const EVENTS: &str = "
    INSERT INTO finding_events (tenant_id, finding_id, at, event, control, family, severity)
    SELECT tenant_id, id, opened_at, 'opened', control, family, severity FROM findings WHERE tenant_id = $1";
const TALLIES: &str = "
    INSERT INTO tallies (tenant_id, connection_id, control, kind, platform, verdict, severity, assets)
    SELECT f.tenant_id, f.connection_id, f.control, f.kind, a.platform, 'fail', f.severity, count(*)
    FROM findings f JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id
    WHERE f.tenant_id = $1 AND f.state = 'open' GROUP BY 1, 2, 3, 4, 5, 7";
const SUMS: &str = "
    INSERT INTO score_sums (tenant_id, connection_id, kind, area, assets, scored, score_sum, known, unknown)
    SELECT tenant_id, connection_id, kind, area, count(*), count(*), count(*) * 70, count(*) * 50, count(*) * 5
    FROM assets CROSS JOIN unnest(ARRAY['', 'ACC', 'DEP', 'API', 'HST', 'RES', 'FRM', 'OPS']) area
    WHERE tenant_id = $1 GROUP BY 1, 2, 3, 4";
const DAYS: &str = "
    INSERT INTO daily_scores (tenant_id, day, connection_id, kind, area, assets, scored, score_sum, known, unknown)
    SELECT tenant_id, current_date - day, connection_id, kind, area, assets, scored, score_sum * (1 - day * 0.01), known, unknown
    FROM score_sums CROSS JOIN generate_series(0, 14) day WHERE tenant_id = $1";

/// Fills the empty tenant of the database at `url`, as its owner.
pub async fn fill(url: &str, tenant: TenantId, spec: &ConnectionSpec, size: Bulk) -> Result<(), StoreError> {
    let mut owner = PgConnection::connect(url).await?;
    let spec = super::to_json("connections", spec)?;
    let id = tenant.0;
    // Row-level security binds the owner too.
    sqlx::query("SELECT set_config('parallax.tenant', $1, false)")
        .bind(id.to_string())
        .execute(&mut owner)
        .await?;
    sqlx::query(CONNECTIONS).bind(id).bind(size.connections).bind(spec).execute(&mut owner).await?;
    sqlx::query(RUNS).bind(id).execute(&mut owner).await?;
    sqlx::query(ASSETS).bind(id).bind(size.assets).bind(size.connections).execute(&mut owner).await?;
    sqlx::query(FINDINGS).bind(id).bind(size.findings_each).execute(&mut owner).await?;
    for filling in [EVENTS, TALLIES, SUMS, DAYS] {
        sqlx::query(filling).bind(id).execute(&mut owner).await?;
    }
    owner.execute("VACUUM ANALYZE").await?;
    Ok(())
}
