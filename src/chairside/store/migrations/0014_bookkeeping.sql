-- Columns that the server writes into patients by itself are counted apart from edits; ETags tell of both.
ALTER TABLE patients ADD COLUMN revision integer NOT NULL DEFAULT 0;

-- The ETag of a kept answer. Answers of older releases have their version, which was the ETag.
ALTER TABLE idempotency_keys ADD COLUMN etag text;

-- Existing records. The policies bind the owner too, hence one org after the other.
LOCK TABLE patients, patient_social_history, patient_vital_signs IN SHARE ROW EXCLUSIVE MODE;
DO $$
DECLARE
  org uuid;
BEGIN
  FOR org IN SELECT id FROM orgs LOOP
    EXECUTE format('SET LOCAL app.org = %L', org);
    -- smoking_snomed follows the active tobacco entry. updated_at moves, so that a sync reads the patient again.
    UPDATE patients p SET smoking_snomed = h.snomed_code, revision = 1, updated_at = clock_timestamp()
    FROM patient_social_history h
    WHERE p.org_id = org AND h.org_id = org AND h.patient_id = p.id AND h.category = 'tobacco' AND h.deleted_at IS NULL
      AND p.smoking_snomed IS DISTINCT FROM h.snomed_code;
    -- A percentile is kept only if it was sent; others are computed from the birth date and sex of now. It was not sent
    -- where it can be computed: with a BMI, from 24 to 240.5 months, for a sex that the CDC tables know.
    UPDATE patient_vital_signs v SET bmi_percentile = NULL
    FROM patients p
    WHERE v.org_id = org AND p.org_id = org AND p.id = v.patient_id AND v.bmi_percentile IS NOT NULL
      AND v.bmi IS NOT NULL AND p.gender IN ('female', 'male')
      AND v.date_taken >= p.date_of_birth + interval '24 months'
      AND v.date_taken <= p.date_of_birth + interval '240 months' + interval '15 days';
  END LOOP;
END $$;
