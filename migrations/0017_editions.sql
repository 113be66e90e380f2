-- By which edition of our code a run reads. What an image says of itself is taken over from an earlier run
-- of the same edition alone; a run that two editions had a hand in, or a server that knows no editions,
-- is never believed.
ALTER TABLE runs ADD COLUMN edition text;
