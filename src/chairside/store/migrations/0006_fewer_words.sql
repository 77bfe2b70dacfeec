-- What patients who are not archived are found by, where an index of theirs leads there already: birth date, e-mail and
-- mobile phone are no longer among the search words, other telephone numbers once instead of twice.
ALTER TABLE patients ALTER COLUMN mobile_phone_e164 TYPE text COLLATE "C";
DROP INDEX patients_by_email, patients_by_mobile;
CREATE INDEX patients_by_email ON patients (org_id, email_key) INCLUDE (id)
  WHERE deleted_at IS NULL AND email_key IS NOT NULL;
CREATE INDEX patients_by_mobile ON patients (org_id, mobile_phone_e164) INCLUDE (id)
  WHERE deleted_at IS NULL AND mobile_phone_e164 IS NOT NULL;

-- Events have no number until the feed is read; until then they need no place in its order.
DROP INDEX events_sequence;
CREATE UNIQUE INDEX events_sequence ON events (org_id, sequence) WHERE sequence IS NOT NULL;

-- The policies bind the owner too, hence one org after the other.
LOCK TABLE patients, patient_words IN SHARE ROW EXCLUSIVE MODE;
DO $$
DECLARE
  org uuid;
BEGIN
  FOR org IN SELECT id FROM orgs LOOP
    EXECUTE format('SET LOCAL app.org = %L', org);
    DELETE FROM patient_words WHERE org_id = org AND scope = 1 AND word LIKE '@%';
    DELETE FROM patient_words w USING patients p
    WHERE w.org_id = org AND p.org_id = org AND p.id = w.patient_id AND w.scope = 1 AND p.deleted_at IS NULL
      AND w.word = left(regexp_replace(p.email_key, '[^[:alnum:]]', '', 'g'), 64);
    DELETE FROM patient_words w
    USING patients p CROSS JOIN LATERAL unnest(ARRAY[p.mobile_phone_e164, p.home_phone_e164, p.work_phone_e164]) AS n (e164)
    WHERE w.org_id = org AND p.org_id = org AND p.id = w.patient_id AND w.scope IN (1, 2)
      AND (w.word = substr(n.e164, 2) OR n.e164 LIKE '+1%' AND w.word = substr(n.e164, 3));
    INSERT INTO patient_words (org_id, scope, word, patient_id)
    SELECT org, CASE WHEN p.deleted_at IS NULL THEN 1 ELSE 2 END, n.e164, p.id
    FROM patients p CROSS JOIN LATERAL unnest(ARRAY[p.home_phone_e164, p.work_phone_e164,
      CASE WHEN p.deleted_at IS NOT NULL THEN p.mobile_phone_e164 END]) AS n (e164)
    WHERE p.org_id = org AND n.e164 IS NOT NULL
    ON CONFLICT DO NOTHING;
  END LOOP;
END $$;
