-- Connections that people make, keep and remove on pages.

-- Made on the machine itself, by the command line or the demo: such a one may lead anywhere. What
-- people make on pages or through the API leads no nearer than the operator lets it.
ALTER TABLE connections ADD COLUMN by_operator boolean NOT NULL DEFAULT true;
-- Removed, and its history goes too as soon as a worker comes to it.
ALTER TABLE connections ADD COLUMN erase boolean NOT NULL DEFAULT false;

-- The name of a removed connection is free again.
-- Safe while an older server runs: a tenant has few connections, the index is made at once.
ALTER TABLE connections DROP CONSTRAINT connections_tenant_id_name_key;
CREATE UNIQUE INDEX connections_by_name ON connections (tenant_id, name) WHERE removed_at IS NULL;

-- When a connection is read next, given its last run. Each has its own place in the interval, by its
-- id, so that a hundred made together are spread over it; between half and one and a half intervals
-- after a run begun by hand, and from then on exactly one interval apart.
CREATE FUNCTION parallax_due(connection uuid, every bigint, last timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_timestamp(
    (('x' || substr(md5(connection::text), 1, 8))::bit(32)::bigint % every)
    + every * ceil((extract(epoch FROM last)::double precision + every / 2.0
                    - (('x' || substr(md5(connection::text), 1, 8))::bit(32)::bigint % every)) / every));
