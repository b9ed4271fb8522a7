-- Whether a job that has failed waits for somebody to start it, since the server was aborted under it again and again.
ALTER TABLE job ADD COLUMN quarantined INTEGER NOT NULL DEFAULT FALSE;
-- Jobs that the server runs, and whether each has held: it has completed a checkpoint, or run for a while. What is there when a server
-- starts was there when the one before ended without ending its jobs.
CREATE TABLE running (
    job  TEXT PRIMARY KEY REFERENCES job (name) ON DELETE CASCADE,
    held INTEGER NOT NULL DEFAULT FALSE
) STRICT;
-- Such ends, by job that ran; whether the server aborted itself, or was killed.
CREATE TABLE unclean_end (
    job     TEXT NOT NULL REFERENCES job (name) ON DELETE CASCADE,
    at_us   INTEGER NOT NULL,
    aborted INTEGER NOT NULL,
    held    INTEGER NOT NULL
) STRICT;
