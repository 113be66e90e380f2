-- Whether a name is taken would tell a tenant of the others.
ALTER TABLE tenants DROP CONSTRAINT tenants_name_key;
