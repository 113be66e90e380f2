-- Tickets: work on findings that have one cause (a control) and one owner.

CREATE TABLE tickets (
    tenant_id     uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id            uuid NOT NULL,
    number        bigint NOT NULL, -- counts within the tenant
    control       text NOT NULL,
    owner         text NOT NULL,   -- of the assets; '' where nothing names one
    state         text NOT NULL DEFAULT 'open', -- open, in_progress, done, wont_fix
    severity      text NOT NULL,   -- the worst among its findings so far
    severity_rank smallint NOT NULL,
    findings      bigint NOT NULL DEFAULT 0,
    open_findings bigint NOT NULL DEFAULT 0, -- kept by differences, in the transaction that changes findings
    assignee      uuid REFERENCES people ON DELETE SET NULL,
    due_at        timestamptz,
    due_by_hand   boolean NOT NULL DEFAULT false,
    opened_at     timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    closed_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number)
);
-- One ticket under way for a cause and owner, also when two workers meet.
CREATE UNIQUE INDEX tickets_one_under_way ON tickets (tenant_id, control, owner) WHERE state IN ('open', 'in_progress');
CREATE INDEX tickets_by_state ON tickets (tenant_id, state, severity_rank, due_at, id);
CREATE INDEX tickets_by_change ON tickets (tenant_id, changed_at, id);

-- A finding is in one ticket at most.
CREATE TABLE ticket_findings (
    tenant_id  uuid NOT NULL,
    finding_id uuid NOT NULL,
    ticket_id  uuid NOT NULL,
    added_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, finding_id),
    FOREIGN KEY (tenant_id, finding_id) REFERENCES findings ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets ON DELETE CASCADE
);
CREATE INDEX ticket_findings_by_ticket ON ticket_findings (tenant_id, ticket_id, finding_id);

-- A ticket's story. kind: opened, findings, state, assigned, due, comment, reference
CREATE TABLE ticket_notes (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    ticket_id  uuid NOT NULL,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    actor      text NOT NULL, -- as in the audit log; 'rule' and 'estate' where nobody did it
    actor_name text NOT NULL,
    words      text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets ON DELETE CASCADE
);
CREATE INDEX ticket_notes_by_ticket ON ticket_notes (tenant_id, ticket_id, id);

-- Where the same work is known elsewhere.
CREATE TABLE ticket_references (
    tenant_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    url       text NOT NULL,
    label     text NOT NULL,
    added_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, ticket_id, url),
    FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets ON DELETE CASCADE
);

-- Days to fix and rules that open tickets; its row is also what ticket writers queue up at.
CREATE TABLE ticket_policies (
    tenant_id   uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    last_number bigint NOT NULL DEFAULT 0,
    policy      jsonb NOT NULL DEFAULT '{}'
);

-- Who owns an asset: the first of these tags that says something, or else the account.
CREATE FUNCTION parallax_owner(facts jsonb, keys text[], otherwise text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        (SELECT left(trim(tag->>'value'), 200)
         FROM jsonb_array_elements(CASE jsonb_typeof(facts->'tags') WHEN 'array' THEN facts->'tags' ELSE '[]' END)
              WITH ORDINALITY AS tags(tag, place)
         WHERE lower(tag->>'key') = ANY(keys) AND trim(tag->>'value') <> ''
         ORDER BY array_position(keys, lower(tag->>'key')), place LIMIT 1),
        otherwise)
$$;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['tickets', 'ticket_findings', 'ticket_notes', 'ticket_references', 'ticket_policies']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = parallax_tenant())
                        WITH CHECK (tenant_id = parallax_tenant())', t);
        EXECUTE format('CREATE POLICY house ON %I USING (parallax_house()) WITH CHECK (parallax_house())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO parallax_app', t);
    END LOOP;
END $$;
