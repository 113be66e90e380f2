-- Trackers: where tickets are also worked on, and which of them are known there as what.

CREATE TABLE trackers (
    tenant_id     uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (name <> ''),
    spec          jsonb NOT NULL, -- kind, address, place and states; no secret
    rule          jsonb,          -- which tickets go there by themselves; none goes where it is null
    secret_id     uuid NOT NULL,  -- token or password, sealed
    paused_at     timestamptz,
    read_until    timestamptz NOT NULL, -- changes there were read up to here
    next_look_at  timestamptz NOT NULL, -- what changed there is asked for then
    quiet_until   timestamptz NOT NULL, -- and nothing is said or asked before this: it wants us to wait, or failed
    claimed_until timestamptz,          -- a worker is at it
    turn          bigint NOT NULL DEFAULT 0, -- the how manieth worker: an earlier one notes nothing any more
    fault         text,                 -- why the last look failed
    fault_at      timestamptz,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, secret_id) REFERENCES secrets ON DELETE CASCADE
);

-- A ticket as a tracker knows it. state: wanted, there, lost
CREATE TABLE tracker_issues (
    tenant_id  uuid NOT NULL,
    tracker_id uuid NOT NULL,
    ticket_id  uuid NOT NULL,
    state      text NOT NULL DEFAULT 'wanted',
    remote_id  text,  -- as the tracker's API names it
    key        text,  -- as its people name it
    url        text,
    status     text,  -- what it said last, in its own words
    told       text,  -- digest of what we said last
    told_state text,  -- the state we said or took over last
    told_note  uuid,  -- the story was told up to here
    version      bigint NOT NULL DEFAULT 1, -- counts what happened here
    told_version bigint NOT NULL DEFAULT 0, -- and how far of it was told
    attempts     integer NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL,
    checked_at   timestamptz NOT NULL, -- seen there
    fault        text,
    PRIMARY KEY (tenant_id, tracker_id, ticket_id),
    FOREIGN KEY (tenant_id, tracker_id) REFERENCES trackers ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets ON DELETE CASCADE
);
CREATE UNIQUE INDEX tracker_issues_by_remote ON tracker_issues (tenant_id, tracker_id, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX tracker_issues_by_ticket ON tracker_issues (tenant_id, ticket_id);
CREATE INDEX tracker_issues_to_tell ON tracker_issues (tenant_id, tracker_id, next_try_at)
    WHERE version <> told_version AND state <> 'lost';
CREATE INDEX tracker_issues_to_check ON tracker_issues (tenant_id, tracker_id, checked_at) WHERE state = 'there';

-- Comments of a tracker that are in a ticket's story already.
CREATE TABLE tracker_comments (
    tenant_id  uuid NOT NULL,
    tracker_id uuid NOT NULL,
    ticket_id  uuid NOT NULL,
    remote_id  text NOT NULL,
    PRIMARY KEY (tenant_id, tracker_id, ticket_id, remote_id),
    FOREIGN KEY (tenant_id, tracker_id, ticket_id) REFERENCES tracker_issues ON DELETE CASCADE
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['trackers', 'tracker_issues', 'tracker_comments']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = parallax_tenant())
                        WITH CHECK (tenant_id = parallax_tenant())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO parallax_app', t);
    END LOOP;
END $$;
-- Workers ask who has trackers, over all tenants.
CREATE POLICY house ON trackers FOR SELECT USING (parallax_house());
