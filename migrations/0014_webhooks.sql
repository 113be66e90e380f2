-- Webhooks: addresses that are told what changed, and the outbox of what they are told.

CREATE TABLE webhooks (
    tenant_id     uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (name <> ''),
    form          text NOT NULL, -- json, slack, teams
    place         text NOT NULL, -- scheme and host of the address; the rest of it may be a secret
    events        text[] NOT NULL CHECK (events <> '{}'),
    filter        jsonb NOT NULL DEFAULT '{}',
    secret_id     uuid NOT NULL, -- address and signing secrets, sealed
    rotated_at    timestamptz,   -- the secret before signs beside the new one for a day from here
    paused_at     timestamptz,   -- gets nothing until somebody says so
    paused_why    text,          -- told where we paused it ourselves
    failing_since timestamptz,   -- the first failure after the last success
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, secret_id) REFERENCES secrets ON DELETE CASCADE
);

-- What a webhook is told. Written in the transaction of the change; one row an event, subject and
-- moment, whatever number of things it speaks of. state: waiting, held (its webhook
-- is paused), sent, dead
CREATE TABLE outbox (
    tenant_id     uuid NOT NULL,
    id            uuid NOT NULL, -- the webhook-id of every attempt
    seq           bigint GENERATED ALWAYS AS IDENTITY, -- in the order things happened
    webhook_id    uuid NOT NULL,
    event         text NOT NULL,
    subject       text NOT NULL, -- messages of a webhook about one subject go in order
    at            timestamptz NOT NULL,
    connection_id uuid,          -- findings are told once its run has ended
    items         jsonb NOT NULL, -- the worst first, the first of them only
    critical      bigint NOT NULL DEFAULT 0,
    high          bigint NOT NULL DEFAULT 0,
    medium        bigint NOT NULL DEFAULT 0,
    low           bigint NOT NULL DEFAULT 0,
    info          bigint NOT NULL DEFAULT 0,
    count         bigint NOT NULL, -- of all it speaks of
    gathering     boolean NOT NULL DEFAULT true, -- more of the same moment may come in: nobody took it yet
    state         text NOT NULL DEFAULT 'waiting',
    attempts      integer NOT NULL DEFAULT 0,
    next_try_at   timestamptz NOT NULL,
    claimed_until timestamptz, -- a worker sends it now
    ended_at      timestamptz,
    status        integer, -- of the last answer
    reply         text,    -- its first letters
    fault         text,    -- or why there was none
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE
);
CREATE UNIQUE INDEX outbox_gathering ON outbox (tenant_id, webhook_id, subject, event, at) WHERE gathering;
CREATE INDEX outbox_in_order ON outbox (tenant_id, webhook_id, subject, seq) WHERE state IN ('waiting', 'held');
CREATE INDEX outbox_due ON outbox (tenant_id, webhook_id, next_try_at) WHERE state = 'waiting';
CREATE INDEX outbox_by_webhook ON outbox (tenant_id, webhook_id, seq DESC);
CREATE INDEX outbox_ended ON outbox (tenant_id, ended_at) WHERE state IN ('sent', 'dead');

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['webhooks', 'outbox']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = parallax_tenant())
                        WITH CHECK (tenant_id = parallax_tenant())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO parallax_app', t);
    END LOOP;
END $$;
-- Workers ask who has messages to send, over all tenants.
CREATE POLICY house ON outbox FOR SELECT USING (parallax_house());
