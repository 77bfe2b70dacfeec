-- The foundation: orgs and their users, the trail, the feed, safe retries; patients, tags and the first catalogs.
-- Every key starts with the org, so that a reference cannot cross orgs and a row has one shard.

CREATE TABLE orgs (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  region text NOT NULL DEFAULT 'US',
  created_at timestamptz NOT NULL
);

CREATE TABLE users (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  number integer NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX users_number ON users (org_id, number);

CREATE TABLE tokens (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  role text NOT NULL,
  patient_id uuid,
  prefix text NOT NULL,
  hash bytea NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);
CREATE UNIQUE INDEX tokens_hash ON tokens (org_id, hash);

CREATE TABLE idempotency_keys (
  org_id uuid NOT NULL,
  caller_id uuid NOT NULL,
  key text COLLATE "C" NOT NULL,
  fingerprint bytea NOT NULL,
  created_at timestamptz NOT NULL,
  status integer,
  body bytea,
  version integer,
  location text,
  PRIMARY KEY (org_id, caller_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (org_id, created_at);

CREATE TABLE audit_events (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  actor_id uuid,
  actor_name text,
  actor_role text,
  action text NOT NULL,
  kind text,
  record_id uuid,
  patient_id uuid,
  method text NOT NULL,
  route text NOT NULL,
  status integer NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('allowed', 'denied', 'invalid', 'failed')),
  request_id text NOT NULL,
  -- In the order it is read; every request adds a row, so it has no index that it can do without.
  PRIMARY KEY (org_id, at, id)
);
CREATE INDEX audit_events_patient ON audit_events (org_id, patient_id, at, id) WHERE patient_id IS NOT NULL;

CREATE TABLE events (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  sequence bigint,
  type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  kind text NOT NULL,
  record_id uuid NOT NULL,
  patient_id uuid,
  version integer NOT NULL,
  actor_id uuid NOT NULL,
  actor_name text NOT NULL,
  actor_role text NOT NULL,
  changed text NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX events_sequence ON events (org_id, sequence);
CREATE INDEX events_pending ON events (org_id, id) WHERE sequence IS NULL;

CREATE TABLE event_heads (
  org_id uuid PRIMARY KEY,
  last bigint NOT NULL
);

CREATE TABLE providers (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  abbreviation text,
  npi text,
  specialty text,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX providers_name ON providers (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX providers_order ON providers (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE locations (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  is_active boolean NOT NULL,
  phone text,
  address text,
  timezone text,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX locations_name ON locations (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX locations_order ON locations (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE fee_schedules (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX fee_schedules_name ON fee_schedules (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX fee_schedules_order ON fee_schedules (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE billing_types (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX billing_types_name ON billing_types (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX billing_types_order ON billing_types (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE employers (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  phone text,
  address text,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX employers_name ON employers (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX employers_order ON employers (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE tag_definitions (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  category text,
  color text,
  description text,
  item_order integer NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX tag_definitions_name ON tag_definitions (org_id, name_key) WHERE deleted_at IS NULL;

CREATE INDEX tag_definitions_order ON tag_definitions (org_id, item_order, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE patients (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  first_name text NOT NULL,
  last_name text NOT NULL,
  middle_name text,
  preferred_name text,
  salutation text,
  title text,
  chart_number text,
  date_of_birth date,
  gender text CHECK (gender IN ('female', 'male', 'non_binary', 'other', 'prefer_not_to_say', 'unknown')),
  pronoun text CHECK (pronoun IN ('he_him', 'not_specified', 'other', 'she_her', 'they_them')),
  marital_status text CHECK (marital_status IN ('divorced', 'domestic_partner', 'married', 'other', 'separated', 'single', 'widowed')),
  social_security_number text,
  medicaid_id text,
  email text,
  mobile_phone text,
  home_phone text,
  work_phone text,
  address_line1 text,
  address_line2 text,
  city text,
  state text,
  postal_code text,
  country text,
  address_note text,
  preferred_language text,
  preferred_contact_method text CHECK (preferred_contact_method IN ('email', 'mail', 'none', 'phone', 'text')),
  preferred_confirmation_method text CHECK (preferred_confirmation_method IN ('email', 'mail', 'none', 'phone', 'text')),
  receives_sms boolean NOT NULL,
  receives_email boolean NOT NULL,
  emergency_contact_name text,
  emergency_contact_phone text,
  status text NOT NULL CHECK (status IN ('active', 'archived', 'deceased', 'inactive', 'prospective')),
  allergy_review_status text NOT NULL CHECK (allergy_review_status IN ('nkda', 'not_reviewed', 'reviewed')),
  premedication_required boolean NOT NULL,
  medical_summary text,
  medical_urgent_note text,
  treatment_notes text,
  appointment_module_note text,
  ask_to_arrive_early_mins integer,
  consent_flags integer,
  date_first_visit date,
  date_time_deceased timestamptz,
  smoking_snomed text,
  latest_vitals_date date,
  primary_provider_id uuid,
  secondary_provider_id uuid,
  location_id uuid,
  responsible_party_id uuid NOT NULL,
  fee_schedule_id uuid,
  billing_type_id uuid,
  employer_id uuid,
  billing_cycle_day integer,
  balance_0_30 numeric(12,2),
  balance_31_60 numeric(12,2),
  balance_61_90 numeric(12,2),
  balance_over_90 numeric(12,2),
  balance_total numeric(12,2),
  insurance_estimate numeric(12,2),
  estimated_balance numeric(12,2),
  payment_plan_due numeric(12,2),
  scheduling_restricted boolean NOT NULL,
  balances_as_of timestamptz,
  last_name_key text COLLATE "C" NOT NULL,
  first_name_key text COLLATE "C" NOT NULL,
  chart_number_key text COLLATE "C",
  email_key text COLLATE "C",
  mobile_phone_e164 text,
  home_phone_e164 text,
  work_phone_e164 text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  social_security_number_sealed bytea,
  social_security_number_index bytea,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patients_primary_provider FOREIGN KEY (org_id, primary_provider_id) REFERENCES providers (org_id, id),
  CONSTRAINT patients_secondary_provider FOREIGN KEY (org_id, secondary_provider_id) REFERENCES providers (org_id, id),
  CONSTRAINT patients_location FOREIGN KEY (org_id, location_id) REFERENCES locations (org_id, id),
  CONSTRAINT patients_responsible_party FOREIGN KEY (org_id, responsible_party_id) REFERENCES patients (org_id, id),
  CONSTRAINT patients_fee_schedule FOREIGN KEY (org_id, fee_schedule_id) REFERENCES fee_schedules (org_id, id),
  CONSTRAINT patients_billing_type FOREIGN KEY (org_id, billing_type_id) REFERENCES billing_types (org_id, id),
  CONSTRAINT patients_employer FOREIGN KEY (org_id, employer_id) REFERENCES employers (org_id, id)
);

CREATE TABLE patient_tags (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  tag_definition_id uuid NOT NULL,
  created_by integer NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT patient_tags_patient FOREIGN KEY (org_id, patient_id) REFERENCES patients (org_id, id),
  CONSTRAINT patient_tags_tag_definition FOREIGN KEY (org_id, tag_definition_id) REFERENCES tag_definitions (org_id, id)
);

CREATE UNIQUE INDEX patients_chart_number ON patients (org_id, chart_number);
CREATE INDEX patients_by_last ON patients (org_id, last_name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX patients_by_last_first ON patients (org_id, last_name_key, first_name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX patients_by_first ON patients (org_id, first_name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX patients_by_birth ON patients (org_id, date_of_birth, id) WHERE deleted_at IS NULL;
CREATE INDEX patients_by_chart ON patients (org_id, chart_number_key, id) WHERE deleted_at IS NULL;
CREATE INDEX patients_by_created ON patients (org_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX patients_by_updated ON patients (org_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX patients_by_status ON patients (org_id, status, id);
CREATE INDEX patients_by_guarantor ON patients (org_id, responsible_party_id, id);
CREATE INDEX patients_by_email ON patients (org_id, email_key) WHERE deleted_at IS NULL AND email_key IS NOT NULL;
CREATE INDEX patients_by_mobile ON patients (org_id, mobile_phone_e164) WHERE deleted_at IS NULL AND mobile_phone_e164 IS NOT NULL;
CREATE INDEX patients_by_ssn ON patients (org_id, social_security_number_index) WHERE social_security_number_index IS NOT NULL;
CREATE INDEX patients_by_location ON patients (org_id, location_id, status, date_first_visit);
CREATE INDEX patients_by_provider ON patients (org_id, primary_provider_id, id);
CREATE UNIQUE INDEX patient_tags_active ON patient_tags (org_id, patient_id, tag_definition_id) WHERE deleted_at IS NULL;
CREATE INDEX patient_tags_by_tag ON patient_tags (org_id, tag_definition_id, patient_id) WHERE deleted_at IS NULL;

CREATE TABLE patient_words (
  org_id uuid NOT NULL,
  scope smallint NOT NULL,
  word text COLLATE "C" NOT NULL,
  patient_id uuid NOT NULL,
  PRIMARY KEY (org_id, scope, word, patient_id)
);

-- Keys of sealed values, by what tells them apart without revealing them. Not of any org.
CREATE TABLE key_fingerprints (
  id text PRIMARY KEY,
  fingerprint bytea NOT NULL
);

-- The net under every statement's own filter: no row of another org is seen or written, and a forgotten org raises.
ALTER TABLE orgs ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgs FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON orgs USING (id = current_setting('app.org')::uuid) WITH CHECK (id = current_setting('app.org')::uuid);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON users USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON tokens USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON idempotency_keys USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_events FOR SELECT USING (org_id = current_setting('app.org')::uuid);
-- Reads of many orgs are made durable in one commit; an appended record can be read by its own org alone.
CREATE POLICY append ON audit_events FOR INSERT WITH CHECK (true);
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON events USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE event_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON event_heads USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE providers ENABLE ROW LEVEL SECURITY;
ALTER TABLE providers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON providers USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE locations ENABLE ROW LEVEL SECURITY;
ALTER TABLE locations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON locations USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE fee_schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE fee_schedules FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON fee_schedules USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE billing_types ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing_types FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON billing_types USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE employers ENABLE ROW LEVEL SECURITY;
ALTER TABLE employers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON employers USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE tag_definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE tag_definitions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON tag_definitions USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patients ENABLE ROW LEVEL SECURITY;
ALTER TABLE patients FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patients USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_tags FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_tags USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE patient_words ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_words FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON patient_words USING (org_id = current_setting('app.org')::uuid) WITH CHECK (org_id = current_setting('app.org')::uuid);
-- Who migrates may list the orgs; everything inside an org is closed to the owner too.
CREATE POLICY of_owner ON orgs TO CURRENT_USER USING (true) WITH CHECK (true);

-- The server's role owns nothing; it deletes only what is derived or expired, and the trail not at all.
GRANT SELECT ON orgs, key_fingerprints TO chairside_app;
GRANT SELECT, INSERT ON audit_events TO chairside_app;
GRANT SELECT, INSERT, UPDATE ON users, tokens, events, event_heads, providers, locations, fee_schedules, billing_types, employers, tag_definitions, patients, patient_tags TO chairside_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys, patient_words TO chairside_app;
