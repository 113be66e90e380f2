-- People, the tenants they belong to, how they log in, and the record of what they change.
--
-- parallax.tenant is set by every transaction of a tenant. parallax.scope = 'house' is set only by
-- the transactions that know no tenant yet: logging in, and finding out whose run comes next. Of the
-- estate it sees the runs alone, to read: no transaction ever sees the assets of two tenants.

CREATE FUNCTION parallax_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('parallax.tenant', true), '')::uuid;
CREATE FUNCTION parallax_house() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('parallax.scope', true) = 'house', false);

ALTER TABLE tenants ADD COLUMN configured boolean NOT NULL DEFAULT false; -- settings made on a page win over the environment's

-- password_hash: argon2id, PHC string. totp_secret: sealed with the house's key.
CREATE TABLE people (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE CHECK (email = lower(email) AND email LIKE '%_@_%' AND length(email) <= 254),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    password_hash text,
    totp_secret   bytea,
    totp_on       boolean NOT NULL DEFAULT false,
    totp_step     bigint NOT NULL DEFAULT 0, -- the last step whose code was taken: none is taken twice
    created_at    timestamptz NOT NULL,
    last_login_at timestamptz
);

CREATE TABLE recovery_codes (
    person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    used_at   timestamptz,
    PRIMARY KEY (person_id, code_hash)
);

-- Who somebody is at a provider.
CREATE TABLE identities (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    person_id  uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_person ON identities (person_id);

-- role: owner, admin, analyst, viewer. granted_by: '' a person, else the provider whose groups gave it.
CREATE TABLE memberships (
    tenant_id  uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    person_id  uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'analyst', 'viewer')),
    granted_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, person_id)
);
CREATE INDEX memberships_by_person ON memberships (person_id);

-- secret_hash: SHA-256 of the cookie. stage: in, or totp where the second factor is still asked.
CREATE TABLE sessions (
    secret_hash bytea PRIMARY KEY,
    id          uuid NOT NULL UNIQUE,
    person_id   uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    tenant_id   uuid REFERENCES tenants ON DELETE SET NULL,
    stage       text NOT NULL CHECK (stage IN ('in', 'totp')),
    csrf        text NOT NULL,
    created_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    address     text NOT NULL,
    agent       text NOT NULL,
    method      text NOT NULL, -- password, or the provider's name
    id_token    bytea -- sealed; for logging out at the provider
);
CREATE INDEX sessions_by_person ON sessions (person_id, created_at DESC);

-- A link that works once: the first owner's set-up, an invitation, a new password.
CREATE TABLE links (
    secret_hash bytea PRIMARY KEY,
    purpose     text NOT NULL CHECK (purpose IN ('setup', 'invite', 'reset')),
    tenant_id   uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    email       text NOT NULL DEFAULT '',
    role        text NOT NULL DEFAULT 'owner',
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);

-- A provider people log in with. client_secret: sealed. roles: {"group": "role"}.
CREATE TABLE providers (
    tenant_id     uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id            uuid NOT NULL UNIQUE,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    issuer        text NOT NULL,
    client_id     text NOT NULL,
    client_secret bytea,
    domains       text[] NOT NULL DEFAULT '{}',
    groups_claim  text NOT NULL DEFAULT 'groups',
    roles         jsonb NOT NULL DEFAULT '{}',
    default_role  text, -- none: only those whose groups give a role come in
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

-- A log-in under way at a provider. held: sealed nonce, verifier and where to go after.
CREATE TABLE login_flows (
    state_hash  bytea PRIMARY KEY,
    provider_id uuid NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    held        bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);

-- scopes: permission codes. secret_hash: SHA-256 of the token.
CREATE TABLE api_tokens (
    tenant_id   uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id          uuid NOT NULL,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    secret_hash bytea NOT NULL UNIQUE,
    shown       text NOT NULL, -- the first letters, to tell tokens apart
    scopes      text[] NOT NULL CHECK (scopes <> '{}'),
    created_by  uuid REFERENCES people ON DELETE SET NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    revoked_at  timestamptz,
    PRIMARY KEY (tenant_id, id)
);

-- Attempts that are counted: by account, by address. Old rows are swept.
CREATE TABLE attempts (
    key      text NOT NULL,
    since    timestamptz NOT NULL,
    count    integer NOT NULL,
    PRIMARY KEY (key)
);

-- Secrets of connections, trackers, webhooks: sealed, told to nobody.
CREATE TABLE secrets (
    tenant_id  uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id         uuid NOT NULL,
    sealed     bytea NOT NULL,
    key_id     text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE connections ADD COLUMN secret_id uuid;
ALTER TABLE connections ADD COLUMN tested jsonb; -- what the last test of it said, call by call
ALTER TABLE connections ADD COLUMN removed_at timestamptz; -- removed, its history kept

-- Who did what, from where. before and after hold no secrets. Only ever added to.
CREATE TABLE audit (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id        uuid NOT NULL,
    at        timestamptz NOT NULL,
    actor     text NOT NULL, -- person:…, token:…, system
    actor_name text NOT NULL,
    address   text NOT NULL,
    action    text NOT NULL,
    subject   text NOT NULL,
    before    jsonb,
    after     jsonb,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_by_time ON audit (tenant_id, at DESC, id DESC);
CREATE INDEX audit_by_action ON audit (tenant_id, action, at DESC, id DESC);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['memberships', 'providers', 'api_tokens', 'sessions', 'links'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = parallax_tenant()) WITH CHECK (tenant_id = parallax_tenant())', t);
        EXECUTE format('CREATE POLICY house ON %I USING (parallax_house()) WITH CHECK (parallax_house())', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['secrets', 'audit'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = parallax_tenant()) WITH CHECK (tenant_id = parallax_tenant())', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['people', 'recovery_codes', 'identities', 'login_flows', 'attempts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY house ON %I USING (parallax_house()) WITH CHECK (parallax_house())', t);
    END LOOP;
END $$;

-- A tenant sees who its members are.
CREATE POLICY members ON people FOR SELECT USING (EXISTS (
    SELECT 1 FROM memberships m WHERE m.person_id = people.id AND m.tenant_id = parallax_tenant()));
CREATE POLICY house ON tenants USING (parallax_house()) WITH CHECK (parallax_house());

-- Workers ask whose run comes next, over all tenants: the one index that does not open with the tenant.
CREATE POLICY house ON runs FOR SELECT USING (parallax_house());
CREATE INDEX runs_under_way ON runs (queued_at, tenant_id) WHERE state IN ('queued', 'running');

GRANT SELECT, INSERT, UPDATE, DELETE ON people, recovery_codes, identities, memberships, sessions, links,
    providers, login_flows, api_tokens, attempts, secrets TO parallax_app;
-- The record is added to and read, by nobody changed. A tenant's deletion takes its record along.
GRANT SELECT, INSERT ON audit TO parallax_app;
