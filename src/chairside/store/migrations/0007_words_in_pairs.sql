-- A word of a name stands beside another of the same patient, any two of them together once, and with the name that
-- sorts; so two words typed at once are one range of one index, and who comes first is told without the patients.
CREATE TABLE words_in_pairs (
  org_id uuid NOT NULL,
  scope smallint NOT NULL,
  word text COLLATE "C" NOT NULL,
  beside text COLLATE "C" NOT NULL,
  patient_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  PRIMARY KEY (org_id, scope, word, beside, patient_id) INCLUDE (name)
);

-- The policies bind the owner too, hence one org after the other. A word that another one begins with is left out; of
-- the rest, in a ring, each stands beside the next half of them, across the ring once (chairside.words.in_pairs).
LOCK TABLE patients, patient_words IN SHARE ROW EXCLUSIVE MODE;
DO $$
DECLARE
  org uuid;
BEGIN
  FOR org IN SELECT id FROM orgs LOOP
    EXECUTE format('SET LOCAL app.org = %L', org);
    INSERT INTO words_in_pairs (org_id, scope, word, beside, patient_id, name)
    SELECT org, scope, word, '', patient_id, '' FROM patient_words WHERE org_id = org AND scope <> 0;
    INSERT INTO words_in_pairs (org_id, scope, word, beside, patient_id, name)
    SELECT org, 0, ring.words[place], CASE ring.n WHEN 1 THEN '' ELSE ring.words[(place - 1 + step) % ring.n + 1] END,
      p.id, p.last_name_key || ' ' || p.first_name_key
    FROM (
        SELECT patient_id, array_agg(word ORDER BY word) AS words, count(*)::int AS n
        FROM (
          SELECT patient_id, word, lead(word) OVER (PARTITION BY patient_id ORDER BY word) AS following
          FROM patient_words WHERE org_id = org AND scope = 0) w
        WHERE following IS NULL OR NOT starts_with(following, word)
        GROUP BY patient_id) ring
      JOIN patients p ON p.org_id = org AND p.id = ring.patient_id
      CROSS JOIN LATERAL generate_series(1, greatest(ring.n / 2, 1)) step
      CROSS JOIN LATERAL generate_series(1, CASE WHEN 2 * step = ring.n AND ring.n > 2 THEN step ELSE ring.n END) place;
  END LOOP;
END $$;

DROP TABLE patient_words;
ALTER TABLE words_in_pairs RENAME TO patient_words;
ALTER INDEX words_in_pairs_pkey RENAME TO patient_words_pkey;
ALTER TABLE patient_words ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_words FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_words
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON patient_words TO chairside_app;

-- Most patients are their own guarantor, which no other row need be looked at for. The new reference is looked through
-- for all orgs at once, so for this moment, in which nobody else reaches the table, the policies do not bind the owner.
ALTER TABLE patients DROP CONSTRAINT patients_responsible_party;
ALTER TABLE patients ADD COLUMN other_guarantor_id uuid GENERATED ALWAYS AS (nullif(responsible_party_id, id)) STORED;
ALTER TABLE patients NO FORCE ROW LEVEL SECURITY;
ALTER TABLE patients ADD CONSTRAINT patients_responsible_party
  FOREIGN KEY (org_id, other_guarantor_id) REFERENCES patients (org_id, id);
ALTER TABLE patients FORCE ROW LEVEL SECURITY;
