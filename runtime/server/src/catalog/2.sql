-- Dead letters of a step that were given to it again, in a file of the job's folder.
CREATE TABLE replay (
    job        TEXT NOT NULL REFERENCES job (name) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    step       TEXT NOT NULL,
    -- The length of the file.
    bytes      INTEGER NOT NULL,
    -- The newest checkpoint when it was written; 0: there was none. In a job that goes on from an older one it has not happened.
    checkpoint INTEGER NOT NULL,
    -- The checkpoint that has all of it. Null: none is known to.
    done       INTEGER,
    PRIMARY KEY (job, number)
) STRICT;

-- Dead letters that wait no longer: lines of a part, the first and the last; parts themselves never change.
CREATE TABLE letters_taken (
    job    TEXT NOT NULL REFERENCES job (name) ON DELETE CASCADE,
    step   TEXT NOT NULL,
    part   TEXT NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    -- What they went into. Null: they were dropped.
    replay INTEGER,
    PRIMARY KEY (job, step, part, first),
    FOREIGN KEY (job, replay) REFERENCES replay (job, number) ON DELETE CASCADE
) STRICT;
