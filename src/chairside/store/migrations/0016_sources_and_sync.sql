-- A token may name the source of the communication logs it writes.
ALTER TABLE tokens ADD COLUMN source text CHECK (source IN ('user', 'integration', 'automated'));

-- A copy is kept in step by a walk in order of updated_at over live and archived patients. Live ones have
-- patients_by_updated; an index of the archived only costs nothing when a live patient changes.
CREATE INDEX patients_archived_by_updated ON patients (org_id, updated_at, id) WHERE deleted_at IS NOT NULL;
