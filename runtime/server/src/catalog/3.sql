-- The newest checkpoint when it was said where the job goes on from, and what it may give up: with a newer one that is over.
ALTER TABLE job ADD COLUMN newest INTEGER;
