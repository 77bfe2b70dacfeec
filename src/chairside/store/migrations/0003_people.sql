-- People and practice: relationships, referrals, communications, custom fields, and the catalogs they name.

CREATE TABLE communication_types (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  description text,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX communication_types_name ON communication_types (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX communication_types_order ON communication_types (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE referral_sources (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  description text,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX referral_sources_name ON referral_sources (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX referral_sources_order ON referral_sources (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE referral_partners (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  practice_name text,
  specialty text,
  phone text,
  email text,
  npi text,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX referral_partners_name ON referral_partners (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX referral_partners_order ON referral_partners (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE field_definitions (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  description text,
  field_type text NOT NULL CHECK (field_type IN ('text', 'number', 'date', 'boolean', 'dropdown', 'currency')),
  dropdown_options text[],
  is_required boolean NOT NULL,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX field_definitions_name ON field_definitions (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX field_definitions_order ON field_definitions (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE appointments (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  provider_id uuid,
  location_id uuid,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz,
  status text NOT NULL CHECK (status IN ('scheduled', 'confirmed', 'completed', 'cancelled', 'no_show')),
  note text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT appointments_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT appointments_provider FOREIGN KEY (org_id, provider_id) REFERENCES providers (org_id, id),
  CONSTRAINT appointments_location FOREIGN KEY (org_id, location_id) REFERENCES locations (org_id, id)
);

CREATE TABLE patient_relationships (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  to_patient_id uuid NOT NULL,
  relationship_type text NOT NULL CHECK (relationship_type IN ('caregiver', 'child', 'clone', 'foster_child', 'grandchild', 'grandparent', 'guardian', 'life_partner', 'merge', 'other_family', 'parent', 'sibling', 'spouse', 'stepchild', 'stepparent')),
  is_guardian boolean NOT NULL,
  note text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_relationships_from_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_relationships_to_patient FOREIGN KEY (org_id, to_patient_id) REFERENCES patients (org_id, id)
);

CREATE TABLE patient_referral_attributions (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  attribution_role text NOT NULL CHECK (attribution_role IN ('assist', 'primary', 'secondary')),
  provider_id uuid,
  referral_partner_id uuid,
  referral_source_id uuid,
  referring_patient_id uuid,
  source_note text,
  attributed_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_referral_attributions_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_referral_attributions_provider FOREIGN KEY (org_id, provider_id) REFERENCES providers (org_id, id),
  CONSTRAINT patient_referral_attributions_referral_partner FOREIGN KEY (org_id, referral_partner_id) REFERENCES referral_partners (org_id, id),
  CONSTRAINT patient_referral_attributions_referral_source FOREIGN KEY (org_id, referral_source_id) REFERENCES referral_sources (org_id, id),
  CONSTRAINT patient_referral_attributions_referring_patient FOREIGN KEY (org_id, referring_patient_id) REFERENCES patients (org_id, id)
);

CREATE TABLE patient_communication_logs (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  communication_datetime timestamptz NOT NULL,
  communication_type_id uuid,
  appointment_id uuid,
  mode text CHECK (mode IN ('phone', 'email', 'mail', 'in_person', 'text', 'fax')),
  direction text CHECK (direction IN ('sent', 'received', 'neither')),
  note text,
  communication_source text NOT NULL CHECK (communication_source IN ('user', 'integration', 'automated')),
  author_id uuid,
  author_name text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_communication_logs_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_communication_logs_communication_type FOREIGN KEY (org_id, communication_type_id) REFERENCES communication_types (org_id, id),
  CONSTRAINT patient_communication_logs_appointment FOREIGN KEY (org_id, appointment_id) REFERENCES appointments (org_id, id)
);

CREATE TABLE patient_field_values (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  field_definition_id uuid NOT NULL,
  value text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_field_values_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_field_values_field_definition FOREIGN KEY (org_id, field_definition_id) REFERENCES field_definitions (org_id, id)
);

CREATE INDEX appointments_of_patient ON appointments (org_id, patient_id, starts_at, id) WHERE deleted_at IS NULL;
CREATE INDEX appointments_by_start ON appointments (org_id, starts_at, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX patient_relationships_active ON patient_relationships
  (org_id, patient_id, to_patient_id, relationship_type) WHERE deleted_at IS NULL;
CREATE INDEX patient_relationships_to ON patient_relationships (org_id, to_patient_id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX patient_referral_attributions_primary ON patient_referral_attributions (org_id, patient_id)
  WHERE deleted_at IS NULL AND attribution_role = 'primary';
CREATE INDEX patient_referral_attributions_of_patient ON patient_referral_attributions (org_id, patient_id, created_at, id)
  WHERE deleted_at IS NULL;
CREATE INDEX patient_communication_logs_of_patient ON patient_communication_logs
  (org_id, patient_id, communication_datetime, id);
CREATE UNIQUE INDEX patient_field_values_one ON patient_field_values (org_id, patient_id, field_definition_id);
CREATE INDEX patient_field_values_by_field ON patient_field_values (org_id, field_definition_id, value)
  WHERE deleted_at IS NULL;

-- The net: no row of another org is seen or written, and a forgotten org raises.
ALTER TABLE communication_types ENABLE ROW LEVEL SECURITY;
ALTER TABLE communication_types FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON communication_types
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE referral_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_sources FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON referral_sources
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE referral_partners ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_partners FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON referral_partners
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE field_definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE field_definitions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON field_definitions
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE appointments ENABLE ROW LEVEL SECURITY;
ALTER TABLE appointments FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON appointments
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_relationships ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_relationships FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_relationships
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_referral_attributions ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_referral_attributions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_referral_attributions
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_communication_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_communication_logs FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_communication_logs
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_field_values ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_field_values FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_field_values
  USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);

-- The log of communications is only ever added to.
GRANT SELECT, INSERT ON patient_communication_logs TO chairside_app;
GRANT SELECT, INSERT, UPDATE ON communication_types, referral_sources, referral_partners, field_definitions, appointments, patient_relationships, patient_referral_attributions, patient_field_values TO chairside_app;
