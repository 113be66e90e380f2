-- What the API needs beside what the pages read.

-- Programs that follow the estate ask what changed since they last asked.
CREATE INDEX findings_by_change ON findings (tenant_id, changed_at, id);

-- Answers to creations, so that one sent twice is done once.
CREATE TABLE replies (
    tenant_id  uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    caller     text NOT NULL,
    key        text NOT NULL,
    request    bytea NOT NULL, -- digest of method, address and body
    status     smallint NOT NULL,
    body       jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, caller, key)
);
CREATE INDEX replies_by_age ON replies (tenant_id, created_at);

ALTER TABLE replies ENABLE ROW LEVEL SECURITY;
ALTER TABLE replies FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON replies USING (tenant_id = parallax_tenant()) WITH CHECK (tenant_id = parallax_tenant());
CREATE POLICY house ON replies USING (parallax_house()) WITH CHECK (parallax_house());
GRANT SELECT, INSERT, UPDATE, DELETE ON replies TO parallax_app;
