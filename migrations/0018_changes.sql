-- Whether somebody asked for a run: it then reads everything, so that who mended something sees it mended. And
-- the beginning of the whole reading that a run builds on, where it takes over what its source's own record of
-- changes does not speak of; none where the run read everything itself.
-- Safe while an older server runs: it queues runs that nobody asked for, and what it reads is of another edition.
ALTER TABLE runs ADD COLUMN asked boolean NOT NULL DEFAULT false, ADD COLUMN since timestamptz;
