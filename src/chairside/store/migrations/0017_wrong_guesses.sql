-- Values that a user who may not reveal them has tried for a patient's sealed number, and that were wrong. Each is a keyed
-- mark (HMAC) that nothing else in the database can be compared with. Rows are dropped after 30 days.
CREATE TABLE wrong_guesses (
  org_id uuid NOT NULL,
  user_id uuid NOT NULL,
  patient_id uuid NOT NULL,
  guess bytea NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (org_id, user_id, patient_id, guess)
);
ALTER TABLE wrong_guesses ENABLE ROW LEVEL SECURITY;
ALTER TABLE wrong_guesses FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON wrong_guesses USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT, DELETE ON wrong_guesses TO chairside_app;
