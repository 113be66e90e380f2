-- Every batch of a run looks for those among its assets that had been missing: few are.
CREATE INDEX assets_missing ON assets (tenant_id, id) WHERE state <> 'present';
