-- How many patients there are of each sort, kept by every write: rows of plus and minus that are added up.
-- A row is never changed, so writers of an org do not wait for each other; folding replaces many rows by few.
CREATE TABLE patient_counts (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  archived boolean NOT NULL,
  status text NOT NULL,
  location_id uuid,
  primary_provider_id uuid,
  n bigint NOT NULL,
  PRIMARY KEY (org_id, id)
);

ALTER TABLE patient_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_counts
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON patient_counts TO chairside_app;

-- What is there already. The lock waits for writes under way and keeps others out until the summary is whole; the
-- policies bind the owner too, hence one org after the other.
LOCK TABLE patients IN SHARE ROW EXCLUSIVE MODE;
DO $$
DECLARE
  org uuid;
BEGIN
  FOR org IN SELECT id FROM orgs LOOP
    EXECUTE format('SET LOCAL app.org = %L', org);
    INSERT INTO patient_counts (org_id, id, archived, status, location_id, primary_provider_id, n)
    SELECT org_id, gen_random_uuid(), deleted_at IS NOT NULL, status, location_id, primary_provider_id, count(*)
    FROM patients WHERE org_id = org
    GROUP BY org_id, deleted_at IS NOT NULL, status, location_id, primary_provider_id;
  END LOOP;
END $$;
