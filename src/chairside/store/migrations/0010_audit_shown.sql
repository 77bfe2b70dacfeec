-- An audit record names every patient that the answer showed, the client that asked, and the query's parameters that are
-- no patient data. Records from before have none of these four, and their MAC covers none.
ALTER TABLE audit_events
  ADD COLUMN client_id uuid, ADD COLUMN query text, ADD COLUMN shown integer, ADD COLUMN patients uuid[];
-- Ids do not compress, and trying costs a long list more than storing it.
ALTER TABLE audit_events ALTER COLUMN patients SET STORAGE EXTERNAL;

-- One row per patient that a record names in patients, to find the record by; GIN does not serve under row-level
-- security, because its operators are not leakproof. Written with the record, and checked by `audit verify`.
CREATE TABLE audit_patients (
  org_id uuid NOT NULL,
  patient_id uuid NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX audit_patients_found ON audit_patients (org_id, patient_id, at);
ALTER TABLE audit_patients ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_patients FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_patients FOR SELECT USING (org_id = current_setting('app.org')::uuid);
-- Like audit_events: one commit holds the records of many orgs.
CREATE POLICY append ON audit_patients FOR INSERT WITH CHECK (true);
GRANT SELECT, INSERT ON audit_patients TO chairside_app;

-- Token, source address and user agent, once for each combination; the id is a MAC of the other columns.
CREATE TABLE audit_clients (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  token_id uuid NOT NULL,
  address text,
  agent text,
  PRIMARY KEY (org_id, id)
);
ALTER TABLE audit_clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_clients FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_clients USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT ON audit_clients TO chairside_app;
