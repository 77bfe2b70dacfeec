-- How many patients carry each tag, archived patients apart: rows of plus and minus like those of patient_counts.
CREATE TABLE tag_counts (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  archived boolean NOT NULL,
  tag_definition_id uuid NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (org_id, id)
);

ALTER TABLE tag_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE tag_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON tag_counts
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON tag_counts TO chairside_app;

-- What is there already; the lock and the turns of the orgs as in 0005.
LOCK TABLE patients, patient_tags IN SHARE ROW EXCLUSIVE MODE;
DO $$
DECLARE
  org uuid;
BEGIN
  FOR org IN SELECT id FROM orgs LOOP
    EXECUTE format('SET LOCAL app.org = %L', org);
    INSERT INTO tag_counts (org_id, id, archived, tag_definition_id, n)
    SELECT org, gen_random_uuid(), p.deleted_at IS NOT NULL, t.tag_definition_id, count(*)
    FROM patient_tags t JOIN patients p ON p.org_id = org AND p.id = t.patient_id
    WHERE t.org_id = org AND t.deleted_at IS NULL
    GROUP BY p.deleted_at IS NOT NULL, t.tag_definition_id;
  END LOOP;
END $$;
