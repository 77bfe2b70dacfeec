-- A list in order of status skips the archived by what the index itself holds, as the other sorts do by their condition;
-- the archived are in this index, too, because a list of theirs starts from it.
DROP INDEX patients_by_status;
CREATE INDEX patients_by_status ON patients (org_id, status, id) INCLUDE (deleted_at);
