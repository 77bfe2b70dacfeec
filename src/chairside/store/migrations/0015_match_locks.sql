-- Locks on the values by which two patients may match, so that of many who add one person at once, one is first. A row
-- lives no longer than the transaction that inserts it, so the table is always empty to everybody else, and what it
-- holds need not survive a crash.
CREATE UNLOGGED TABLE match_locks (
  org_id uuid NOT NULL,
  key bigint NOT NULL,
  PRIMARY KEY (org_id, key)
);
ALTER TABLE match_locks ENABLE ROW LEVEL SECURITY;
ALTER TABLE match_locks FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON match_locks USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT, DELETE ON match_locks TO chairside_app;
