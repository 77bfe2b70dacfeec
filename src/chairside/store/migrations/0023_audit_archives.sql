-- Months of an org's audit trail that were written to a file and dropped here: every record before until, and every link
-- up to number, whose hash the next link names. Signed with the audit key.
CREATE TABLE audit_archives (
  org_id uuid NOT NULL,
  until timestamptz NOT NULL,
  number bigint NOT NULL,
  hash bytea NOT NULL,
  complete_to text NOT NULL,
  records bigint NOT NULL,
  digest text NOT NULL,
  keep_until text NOT NULL,
  sealed_at text NOT NULL,
  format smallint NOT NULL,
  key smallint NOT NULL,
  signature text NOT NULL,
  PRIMARY KEY (org_id, until)
);
ALTER TABLE audit_archives ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_archives FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_archives USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT ON audit_archives TO chairside_app;
-- For the owner, who archives. The server's role has no right to delete, so these open nothing to it.
CREATE POLICY archived ON audit_events FOR DELETE USING (org_id = current_setting('app.org')::uuid);
CREATE POLICY archived ON audit_patients FOR DELETE USING (org_id = current_setting('app.org')::uuid);
