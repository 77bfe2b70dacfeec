-- Decisions to go on in spite of a reading that holds procedures, and the newest reading of each vital sign.
CREATE TABLE hold_overrides (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  vital_signs_id uuid NOT NULL,
  reason text NOT NULL,
  bp_systolic integer,
  bp_diastolic integer,
  pulse integer,
  oxygen_saturation integer,
  respiration_rate integer,
  temperature_f numeric(4,1),
  ends_at timestamptz NOT NULL,
  author_id uuid NOT NULL,
  author_name text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT hold_overrides_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT hold_overrides_vital_signs FOREIGN KEY (org_id, vital_signs_id)
    REFERENCES patient_vital_signs (org_id, id)
);
CREATE INDEX hold_overrides_of_patient ON hold_overrides (org_id, patient_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX hold_overrides_of_reading ON hold_overrides (org_id, vital_signs_id, ends_at) WHERE deleted_at IS NULL;
ALTER TABLE hold_overrides ENABLE ROW LEVEL SECURITY;
ALTER TABLE hold_overrides FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON hold_overrides USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT, UPDATE ON hold_overrides TO chairside_app;

-- One index per vital sign finds its newest value without a look at the readings that lack it.
CREATE INDEX patient_vital_signs_bp_systolic ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND bp_systolic IS NOT NULL;
CREATE INDEX patient_vital_signs_bp_diastolic ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND bp_diastolic IS NOT NULL;
CREATE INDEX patient_vital_signs_pulse ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND pulse IS NOT NULL;
CREATE INDEX patient_vital_signs_oxygen_saturation ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND oxygen_saturation IS NOT NULL;
CREATE INDEX patient_vital_signs_respiration_rate ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND respiration_rate IS NOT NULL;
CREATE INDEX patient_vital_signs_temperature_f ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND temperature_f IS NOT NULL;
CREATE INDEX patient_vital_signs_height_inches ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND height_inches IS NOT NULL;
CREATE INDEX patient_vital_signs_weight_lbs ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND weight_lbs IS NOT NULL;
CREATE INDEX patient_vital_signs_bmi ON patient_vital_signs (org_id, patient_id, date_taken)
  WHERE deleted_at IS NULL AND bmi IS NOT NULL;
