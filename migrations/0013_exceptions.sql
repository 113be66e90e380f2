-- Exceptions: findings, or a control for a scope, accepted until a moment: by whom, why, until when.

CREATE TABLE exceptions (
    tenant_id    uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id           uuid NOT NULL,
    control      text,                         -- accepted for a scope; null where findings were chosen
    scope        jsonb NOT NULL DEFAULT '{}',
    kind         text NOT NULL,                -- risk_accepted, false_positive, compensating_control, planned_fix
    reason       text NOT NULL CHECK (reason <> ''),
    made_by      text NOT NULL,                -- as in the audit log
    made_by_name text NOT NULL,
    made_at      timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    until        timestamptz NOT NULL,
    revoked_at   timestamptz,
    revoked_by_name text,
    -- new: what is there is not accepted yet; held; ended: what it accepted came back
    phase        text NOT NULL DEFAULT 'new',
    matched      bigint NOT NULL DEFAULT 0,    -- assets it concerned when the phase began
    done         bigint NOT NULL DEFAULT 0,    -- of which so many were seen to
    worked_at    timestamptz,                  -- somebody sees to it just now
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX exceptions_by_end ON exceptions (tenant_id, until, id);
-- What holds, and what is over and not seen to: few beside those that ended long ago.
CREATE INDEX exceptions_at_work ON exceptions (tenant_id, until) INCLUDE (revoked_at, phase) WHERE phase <> 'ended';

-- The findings chosen for an exception.
CREATE TABLE exception_findings (
    tenant_id    uuid NOT NULL,
    exception_id uuid NOT NULL,
    finding_id   uuid NOT NULL,
    asset_id     uuid NOT NULL,
    PRIMARY KEY (tenant_id, exception_id, finding_id),
    FOREIGN KEY (tenant_id, exception_id) REFERENCES exceptions ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, finding_id) REFERENCES findings ON DELETE CASCADE
);
CREATE INDEX exception_findings_by_asset ON exception_findings (tenant_id, asset_id, finding_id);
CREATE INDEX exception_findings_by_finding ON exception_findings (tenant_id, finding_id);

-- Safe while an older server runs: columns come with their defaults, and the two indexes hold the few
-- rows their conditions name; making them reads the table once and keeps writers waiting for seconds.
-- A finding whose state is accepted hangs on the exception that lasts longest.
ALTER TABLE findings ADD COLUMN exception_id uuid;
CREATE INDEX findings_by_exception ON findings (tenant_id, exception_id, asset_id) WHERE exception_id IS NOT NULL;

-- outcomes keep what the controls said; which of it is accepted stands beside them, so that
-- accepting rewrites no outcomes.
ALTER TABLE assessments ADD COLUMN accepted text[] NOT NULL DEFAULT '{}';
ALTER TABLE score_sums ADD COLUMN accepted bigint NOT NULL DEFAULT 0;
ALTER TABLE daily_scores ADD COLUMN accepted bigint NOT NULL DEFAULT 0;

ALTER TABLE tenants ADD COLUMN longest_exception_days integer NOT NULL DEFAULT 365
    CHECK (longest_exception_days BETWEEN 1 AND 3650);

-- A critical that returns when its exception ends is news as well.
DROP INDEX finding_events_alarming;
CREATE INDEX finding_events_alarming ON finding_events (tenant_id, at DESC, finding_id)
    WHERE severity = 'critical' AND event IN ('opened', 'reopened', 'returned');

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['exceptions', 'exception_findings']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = parallax_tenant())
                        WITH CHECK (tenant_id = parallax_tenant())', t);
        EXECUTE format('CREATE POLICY house ON %I USING (parallax_house()) WITH CHECK (parallax_house())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO parallax_app', t);
    END LOOP;
END $$;
