-- The chart: alerts, allergies, medications, problems, vital signs, social history, their catalogs, org settings.

CREATE TABLE alert_definitions (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  category text,
  description text,
  default_scope text NOT NULL CHECK (default_scope IN ('patient', 'family')),
  default_is_urgent boolean NOT NULL,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX alert_definitions_name ON alert_definitions (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX alert_definitions_order ON alert_definitions (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE allergy_definitions (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  allergen_class text,
  rx_cui text,
  snomed_code text,
  codes_verified boolean NOT NULL,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX allergy_definitions_name ON allergy_definitions (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX allergy_definitions_order ON allergy_definitions (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE medication_definitions (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  generic_name text,
  rx_cui text,
  drug_class text,
  default_dosage text,
  default_route text,
  default_frequency text,
  codes_verified boolean NOT NULL,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX medication_definitions_name ON medication_definitions (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX medication_definitions_order ON medication_definitions (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE disease_definitions (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  icd10_code text,
  snomed_code text,
  category text,
  codes_verified boolean NOT NULL,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX disease_definitions_name ON disease_definitions (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX disease_definitions_order ON disease_definitions (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE org_settings (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  blocking_preset text NOT NULL CHECK (blocking_preset IN ('reference', 'conservative', 'perioperative')),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE TABLE patient_alerts (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  alert_definition_id uuid NOT NULL,
  alert_scope text NOT NULL CHECK (alert_scope IN ('patient', 'family')),
  is_urgent boolean NOT NULL,
  note text,
  disable_on date,
  status text NOT NULL CHECK (status IN ('active', 'disabled', 'archived')),
  date_disabled timestamptz,
  created_by integer NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_alerts_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_alerts_alert_definition FOREIGN KEY (org_id, alert_definition_id) REFERENCES alert_definitions (org_id, id)
);

CREATE TABLE patient_allergies (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  allergy_definition_id uuid NOT NULL,
  reaction text,
  severity text,
  snomed_reaction text,
  date_adverse_reaction date,
  status_is_active boolean NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_allergies_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_allergies_allergy_definition FOREIGN KEY (org_id, allergy_definition_id) REFERENCES allergy_definitions (org_id, id)
);

CREATE TABLE patient_medications (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  medication_definition_id uuid,
  med_descript text,
  rx_cui text,
  dosage text,
  route text,
  frequency text,
  date_start date,
  date_stop date,
  provider_id uuid,
  is_cpoe boolean NOT NULL,
  patient_note text,
  status text NOT NULL CHECK (status IN ('active', 'completed', 'discontinued', 'on_hold')),
  discontinuation_reason text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_medications_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_medications_medication_definition FOREIGN KEY (org_id, medication_definition_id) REFERENCES medication_definitions (org_id, id),
  CONSTRAINT patient_medications_provider FOREIGN KEY (org_id, provider_id) REFERENCES providers (org_id, id)
);

CREATE TABLE patient_diseases (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  disease_definition_id uuid NOT NULL,
  problem_status text NOT NULL CHECK (problem_status IN ('active', 'resolved', 'inactive')),
  function_status text NOT NULL CHECK (function_status IN ('problem', 'cognitive_result', 'cognitive_problem', 'functional_result', 'functional_problem')),
  date_start date,
  date_stop date,
  snomed_problem_type text,
  patient_note text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_diseases_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_diseases_disease_definition FOREIGN KEY (org_id, disease_definition_id) REFERENCES disease_definitions (org_id, id)
);

CREATE TABLE patient_vital_signs (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  date_taken date NOT NULL,
  time_taken time,
  provider_id uuid,
  bp_systolic integer,
  bp_diastolic integer,
  pulse integer,
  oxygen_saturation integer,
  respiration_rate integer,
  temperature_f numeric(4,1),
  height_inches numeric(5,2),
  weight_lbs numeric(6,2),
  bmi numeric(4,1),
  bmi_percentile integer,
  weight_code text,
  has_followup_plan boolean NOT NULL,
  note text,
  created_by integer NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_vital_signs_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_vital_signs_provider FOREIGN KEY (org_id, provider_id) REFERENCES providers (org_id, id)
);

CREATE TABLE patient_social_history (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  category text NOT NULL CHECK (category IN ('tobacco', 'alcohol', 'drug_use', 'occupation', 'exercise', 'diet', 'sexual_health', 'other')),
  value text NOT NULL,
  snomed_code text,
  note text,
  date_recorded date,
  created_by integer NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_social_history_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id)
);

CREATE INDEX patient_alerts_of_patient ON patient_alerts (org_id, patient_id, created_at, id);
CREATE UNIQUE INDEX patient_allergies_active ON patient_allergies (org_id, patient_id, allergy_definition_id)
  WHERE deleted_at IS NULL AND status_is_active;
CREATE INDEX patient_allergies_of_patient ON patient_allergies (org_id, patient_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX patient_medications_of_patient ON patient_medications (org_id, patient_id, created_at, id)
  WHERE deleted_at IS NULL;
CREATE INDEX patient_diseases_of_patient ON patient_diseases (org_id, patient_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX patient_vital_signs_of_patient ON patient_vital_signs (org_id, patient_id, date_taken, id)
  WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX patient_social_history_category ON patient_social_history (org_id, patient_id, category)
  WHERE deleted_at IS NULL;

-- What was noticed when a record was written, such as a critical reading; never a value.
ALTER TABLE events ADD COLUMN notes text NOT NULL DEFAULT '';

-- Orgs that are there already decide as the reference does; before the tables are closed to their owner too.
INSERT INTO org_settings (org_id, id, blocking_preset, created_at, updated_at, version)
SELECT id, id, 'reference', now(), now(), 1 FROM orgs;

-- The net: no row of another org is seen or written, and a forgotten org raises.
ALTER TABLE alert_definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_definitions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON alert_definitions
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE allergy_definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE allergy_definitions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON allergy_definitions
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE medication_definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE medication_definitions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON medication_definitions
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE disease_definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE disease_definitions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON disease_definitions
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE org_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE org_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON org_settings
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_alerts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_alerts
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_allergies ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_allergies FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_allergies
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_medications ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_medications FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_medications
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_diseases ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_diseases FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_diseases
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_vital_signs ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_vital_signs FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_vital_signs
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_social_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_social_history FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_social_history
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);

GRANT SELECT, INSERT, UPDATE ON alert_definitions, allergy_definitions, medication_definitions, disease_definitions, org_settings, patient_alerts, patient_allergies, patient_medications, patient_diseases, patient_vital_signs, patient_social_history TO chairside_app;
