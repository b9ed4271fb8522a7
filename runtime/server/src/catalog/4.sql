-- A version that was removed stays as a name for its component, and can come back. Of older ones the digest is not known.
ALTER TABLE operator_version ADD COLUMN removed INTEGER NOT NULL DEFAULT FALSE;
UPDATE operator_version SET removed = TRUE WHERE digest = '';
-- Operators that take over states of newer versions at the next start, since it undoes a swap: JSON, a list of names.
ALTER TABLE job ADD COLUMN goes_back TEXT NOT NULL DEFAULT '[]';
