-- A version of an operator is immutable: a name for the digest of a component.
CREATE TABLE operator_version (
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    digest     TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    world      TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE job (
    name            TEXT PRIMARY KEY,
    -- The revision that is to run.
    revision        INTEGER NOT NULL,
    wanted          TEXT NOT NULL CHECK (wanted IN ('running', 'stopped', 'finished', 'failed')),
    -- Why it failed.
    reason          TEXT,
    -- The checkpoint that the next start goes on from; null: the last one.
    from_checkpoint INTEGER,
    -- Whose state the next start may give up: JSON, a list of names.
    allow_dropped   TEXT NOT NULL DEFAULT '[]',
    created_us      INTEGER NOT NULL
) STRICT;

-- A revision is immutable but for what became of it.
CREATE TABLE revision (
    job        TEXT NOT NULL REFERENCES job (name) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    -- How it came to be: 'deploy', 'swap' or 'rollback'.
    cause      TEXT NOT NULL,
    pipeline   TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('trying', 'kept', 'rolled-back')),
    reason     TEXT,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (job, number)
) STRICT;

-- The versions of operators that a revision runs.
CREATE TABLE revision_operator (
    job     TEXT NOT NULL,
    number  INTEGER NOT NULL,
    name    TEXT NOT NULL,
    version TEXT NOT NULL,
    FOREIGN KEY (job, number) REFERENCES revision (job, number) ON DELETE CASCADE
) STRICT;

CREATE TABLE token (
    name       TEXT PRIMARY KEY,
    role       TEXT NOT NULL CHECK (role IN ('read', 'deploy', 'admin')),
    -- The blake3 digest of the token.
    hash       BLOB NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;
