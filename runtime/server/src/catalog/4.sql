-- A version that was removed stays as a name for its component, and can come back. Of older ones the digest is not known.
ALTER TABLE operator_version ADD COLUMN removed INTEGER NOT NULL DEFAULT FALSE;
UPDATE operator_version SET removed = TRUE WHERE digest = '';
