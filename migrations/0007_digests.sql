-- Digests: what changed, by mail, at a moment that comes again.

CREATE TABLE digests (
    tenant_id     uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (name <> ''),
    schedule      jsonb NOT NULL,
    heartbeat     boolean NOT NULL DEFAULT true, -- sent also when there is no news
    paused        boolean NOT NULL DEFAULT false,
    covered_until timestamptz NOT NULL, -- what happened before was told
    next_at       timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE digest_recipients (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    digest_id uuid NOT NULL,
    email     text NOT NULL,
    person_id uuid REFERENCES people ON DELETE CASCADE, -- a member, or an address of nobody here
    word      text NOT NULL, -- in the link by which they leave
    left_at   timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, digest_id, email),
    FOREIGN KEY (tenant_id, digest_id) REFERENCES digests ON DELETE CASCADE
);

-- One mail a recipient and period. state: waiting, sent, refused, given_up, quiet (no news, no mail)
CREATE TABLE digest_mails (
    tenant_id    uuid NOT NULL,
    digest_id    uuid NOT NULL,
    recipient_id uuid NOT NULL,
    period       timestamptz NOT NULL, -- when it was due
    since        timestamptz NOT NULL, -- what it tells begins here
    until        timestamptz NOT NULL, -- and ends here
    state        text NOT NULL DEFAULT 'waiting',
    attempts     integer NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL,
    sent_at      timestamptz,
    fault        text,
    PRIMARY KEY (tenant_id, digest_id, recipient_id, period),
    FOREIGN KEY (tenant_id, digest_id) REFERENCES digests ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, recipient_id) REFERENCES digest_recipients ON DELETE CASCADE
);
CREATE INDEX digest_mails_waiting ON digest_mails (tenant_id, next_try_at) WHERE state = 'waiting';

-- Criticals that are new or back, without reading every other event of the period.
CREATE INDEX finding_events_alarming ON finding_events (tenant_id, at DESC, finding_id)
    WHERE severity = 'critical' AND event IN ('opened', 'reopened');

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['digests', 'digest_recipients', 'digest_mails']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = parallax_tenant())
                        WITH CHECK (tenant_id = parallax_tenant())', t);
        EXECUTE format('CREATE POLICY house ON %I USING (parallax_house()) WITH CHECK (parallax_house())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO parallax_app', t);
    END LOOP;
END $$;
