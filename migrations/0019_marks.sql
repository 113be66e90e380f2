-- How the run that saw an asset last marked it: a digest of what its source's lists showed. A later run that
-- makes the same mark takes the asset for unchanged without reading its facts back.
-- Safe while an older server runs: it leaves marks behind, beside runs of another edition, which are not believed.
ALTER TABLE sightings ADD COLUMN mark bytea;
