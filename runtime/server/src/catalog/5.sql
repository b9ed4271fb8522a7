-- Whether a failed job is quarantined: the server aborted again and again while it ran.
ALTER TABLE job ADD COLUMN quarantined INTEGER NOT NULL DEFAULT FALSE;
-- Jobs that the server runs, and whether each is stable: it has completed a checkpoint, or run for a while. Rows that are there when a
-- server starts were left by one that ended without ending its jobs.
CREATE TABLE running (
    job    TEXT PRIMARY KEY REFERENCES job (name) ON DELETE CASCADE,
    stable INTEGER NOT NULL DEFAULT FALSE
) STRICT;
-- Unclean ends of the server, per job that ran; whether the server aborted, or was killed.
CREATE TABLE unclean_end (
    job     TEXT NOT NULL REFERENCES job (name) ON DELETE CASCADE,
    at_us   INTEGER NOT NULL,
    aborted INTEGER NOT NULL,
    stable  INTEGER NOT NULL
) STRICT;
