-- The estate: tenants, connections, runs, assets, assessments, findings, scores, jobs' progress.
--
-- tenant_id is the first column of every primary key and index of a tenant table; row-level
-- security is on and forced; the application acts as parallax_app, which cannot bypass it.

DO $$ BEGIN
    CREATE ROLE parallax_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT parallax_app TO CURRENT_USER;

CREATE TABLE tenants (
    id         uuid PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name <> ''),
    settings   jsonb NOT NULL DEFAULT '{}',
    judged_on  date, -- the day all assets were last judged
    created_at timestamptz NOT NULL
);

CREATE TABLE connections (
    tenant_id        uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id               uuid NOT NULL,
    name             text NOT NULL CHECK (name <> ''),
    provider         text NOT NULL,
    spec             jsonb NOT NULL,
    interval_seconds bigint NOT NULL DEFAULT 21600 CHECK (interval_seconds >= 60),
    paused           boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

-- state: queued, running, done, failed, interrupted
CREATE TABLE runs (
    tenant_id      uuid NOT NULL,
    id             uuid NOT NULL,
    connection_id  uuid NOT NULL,
    state          text NOT NULL DEFAULT 'queued',
    phase          text NOT NULL DEFAULT '',
    done           bigint NOT NULL DEFAULT 0,
    total          bigint,
    assets_seen    bigint NOT NULL DEFAULT 0,
    assets_changed bigint NOT NULL DEFAULT 0,
    gap_count      bigint NOT NULL DEFAULT 0,
    fault          text,
    attempts       integer NOT NULL DEFAULT 0,
    queued_at      timestamptz NOT NULL,
    started_at     timestamptz,
    heartbeat_at   timestamptz,
    finished_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);
CREATE INDEX runs_by_connection ON runs (tenant_id, connection_id, queued_at DESC);
-- One run at a time for a connection, also when two workers meet.
CREATE UNIQUE INDEX runs_one_at_a_time ON runs (tenant_id, connection_id) WHERE state IN ('queued', 'running');

CREATE TABLE gaps (
    tenant_id  uuid NOT NULL,
    run_id     uuid NOT NULL,
    position   integer NOT NULL,
    facet      text NOT NULL,
    call       text NOT NULL,
    code       text NOT NULL,
    message    text NOT NULL,
    permission text,
    asset      text,
    hides_assets boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, run_id, position),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs ON DELETE CASCADE
);

-- state: present, stale (not seen by a run that had gaps), gone
CREATE TABLE assets (
    tenant_id     uuid NOT NULL,
    id            uuid NOT NULL,
    connection_id uuid NOT NULL,
    provider      text NOT NULL,
    account       text NOT NULL,
    region        text NOT NULL,
    native_id     text NOT NULL,
    kind          text NOT NULL,
    family        text NOT NULL,
    platform      text NOT NULL,
    name          text NOT NULL,
    state         text NOT NULL DEFAULT 'present',
    facts         jsonb NOT NULL,
    facts_hash    bytea NOT NULL,
    first_seen    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);
-- The inventory narrows inside this index and never reads the facts of what it passes over.
CREATE INDEX assets_by_name ON assets
    (tenant_id, name, id, family, kind, platform, provider, region, state, connection_id);
CREATE INDEX assets_by_region ON assets (tenant_id, region, name, id);
CREATE INDEX assets_by_connection ON assets (tenant_id, connection_id, id);
CREATE INDEX assets_by_kind ON assets (tenant_id, kind, name, id);

-- Which run saw an asset last: apart from assets, so that seeing an asset again without a change
-- rewrites neither its facts nor its indexes.
CREATE TABLE sightings (
    tenant_id uuid NOT NULL,
    asset_id  uuid NOT NULL,
    run_id    uuid NOT NULL,
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, asset_id),
    FOREIGN KEY (tenant_id, asset_id) REFERENCES assets ON DELETE CASCADE
) WITH (fillfactor = 70);

-- Earlier facts, written when they change.
CREATE TABLE asset_versions (
    tenant_id uuid NOT NULL,
    asset_id  uuid NOT NULL,
    seen_at   timestamptz NOT NULL,
    run_id    uuid NOT NULL,
    facts     jsonb NOT NULL,
    PRIMARY KEY (tenant_id, asset_id, seen_at),
    FOREIGN KEY (tenant_id, asset_id) REFERENCES assets ON DELETE CASCADE
);

-- What the controls said last. outcomes: [{control, verdict, severity, reason, evidence, permission}]
-- with one object a control; score is null where nothing is known.
CREATE TABLE assessments (
    tenant_id   uuid NOT NULL,
    asset_id    uuid NOT NULL,
    control_set bytea NOT NULL,
    facts_hash  bytea NOT NULL,
    -- The asset's state, connection and platform when it was judged: what it is counted under.
    state         text NOT NULL,
    connection_id uuid NOT NULL,
    platform      text NOT NULL,
    assessed_at timestamptz NOT NULL,
    score       real,
    known       integer NOT NULL,
    unknown     integer NOT NULL,
    worst       smallint NOT NULL DEFAULT 9, -- 0 critical … 4 info, 9 nothing fails
    failing     text[] NOT NULL,
    not_known   text[] NOT NULL,
    outcomes    jsonb NOT NULL,
    PRIMARY KEY (tenant_id, asset_id),
    FOREIGN KEY (tenant_id, asset_id) REFERENCES assets ON DELETE CASCADE
);
CREATE INDEX assessments_by_score ON assessments (tenant_id, score, asset_id);
-- Tells which assets a control cannot be answered for without reading their outcomes.
CREATE INDEX assessments_not_known ON assessments (tenant_id, asset_id) INCLUDE (not_known)
    WHERE not_known <> '{}';

-- Counts that pages read: how many present assets have this verdict of this control. Kept by
-- differences in the transaction that writes assessments.
CREATE TABLE tallies (
    tenant_id     uuid NOT NULL,
    connection_id uuid NOT NULL,
    control       text NOT NULL,
    kind          text NOT NULL,
    platform      text NOT NULL,
    verdict       text NOT NULL,
    severity      text NOT NULL,
    assets        bigint NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, control, kind, platform, verdict, severity),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);

-- Sums that scores are means of, by area ('' is all areas): the mean is score_sum / scored.
CREATE TABLE score_sums (
    tenant_id     uuid NOT NULL,
    connection_id uuid NOT NULL,
    kind          text NOT NULL,
    area          text NOT NULL,
    assets        bigint NOT NULL,
    scored        bigint NOT NULL,
    score_sum     double precision NOT NULL,
    known         bigint NOT NULL,
    unknown       bigint NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, kind, area),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);

-- The score_sums of the end of each day.
CREATE TABLE daily_scores (
    tenant_id     uuid NOT NULL,
    day           date NOT NULL,
    connection_id uuid NOT NULL,
    kind          text NOT NULL,
    area          text NOT NULL,
    assets        bigint NOT NULL,
    scored        bigint NOT NULL,
    score_sum     double precision NOT NULL,
    known         bigint NOT NULL,
    unknown       bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, connection_id, kind, area),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);

-- state: open, resolved, stale. priority: higher is more urgent (see score::priority).
CREATE TABLE findings (
    tenant_id     uuid NOT NULL,
    id            uuid NOT NULL,
    asset_id      uuid NOT NULL,
    connection_id uuid NOT NULL,
    control       text NOT NULL,
    discriminator text NOT NULL DEFAULT '',
    area          text NOT NULL,
    family        text NOT NULL,
    kind          text NOT NULL,
    severity      text NOT NULL,
    severity_rank smallint NOT NULL, -- 0 critical … 4 info
    priority      integer NOT NULL,
    state         text NOT NULL DEFAULT 'open',
    reason        text NOT NULL,
    evidence      jsonb NOT NULL,
    opened_at     timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    resolved_at   timestamptz,
    reopened      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, asset_id) REFERENCES assets ON DELETE CASCADE
);
-- Lists narrow inside this index.
CREATE INDEX findings_by_priority ON findings
    (tenant_id, state, priority DESC, id, severity, area, family, kind, connection_id);
CREATE INDEX findings_by_control ON findings (tenant_id, control, state, priority DESC, id) INCLUDE (asset_id, severity, area, family);
CREATE INDEX findings_by_asset ON findings (tenant_id, asset_id);

-- event: opened, resolved, reopened, stale, seen_again
CREATE TABLE finding_events (
    tenant_id  uuid NOT NULL,
    finding_id uuid NOT NULL,
    at         timestamptz NOT NULL,
    event      text NOT NULL,
    run_id     uuid,
    control    text NOT NULL,
    family     text NOT NULL,
    severity   text NOT NULL,
    PRIMARY KEY (tenant_id, finding_id, at, event),
    FOREIGN KEY (tenant_id, finding_id) REFERENCES findings ON DELETE CASCADE
);
CREATE INDEX finding_events_by_time ON finding_events (tenant_id, at DESC, finding_id);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['connections', 'runs', 'gaps', 'assets', 'sightings', 'asset_versions',
        'assessments', 'tallies', 'score_sums', 'daily_scores', 'findings', 'finding_events']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format($p$CREATE POLICY tenant ON %I
            USING (tenant_id = nullif(current_setting('parallax.tenant', true), '')::uuid)
            WITH CHECK (tenant_id = nullif(current_setting('parallax.tenant', true), '')::uuid)$p$, t);
    END LOOP;
    ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
    ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON tenants
        USING (id = nullif(current_setting('parallax.tenant', true), '')::uuid)
        WITH CHECK (id = nullif(current_setting('parallax.tenant', true), '')::uuid);
END $$;

GRANT USAGE ON SCHEMA public TO parallax_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO parallax_app;
REVOKE ALL ON _sqlx_migrations FROM parallax_app;
