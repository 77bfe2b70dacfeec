-- Audit records and the rows they are found by, one partition a month. What there is by now becomes the first partition
-- as it is; the promise of the migrations before saves reading it. store/partitions.py adds the months to come. Each
-- partition has indexes of its own: smaller ones than the tables had, which a common index would not allow.
SET LOCAL lock_timeout = '3s';
DROP VIEW audit_records;
ALTER TABLE audit_events RENAME TO audit_events_first;
ALTER TABLE audit_patients RENAME TO audit_patients_first;
CREATE TABLE audit_events (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  record_id uuid,
  patient_id uuid,
  request bigint,
  caller bigint,
  operation bigint,
  shown integer,
  mac_format smallint,
  mac_key smallint,
  mac bytea,
  patients uuid[],
  query text,
  request_id text,
  client_id uuid,
  actor_id uuid,
  actor_name text,
  actor_role text,
  action text,
  kind text,
  method text,
  route text,
  status integer,
  outcome text
) PARTITION BY RANGE (at);
ALTER TABLE audit_events ALTER COLUMN patients SET STORAGE EXTERNAL;
CREATE TABLE audit_patients (
  org_id uuid NOT NULL,
  patient_id uuid NOT NULL,
  at timestamptz NOT NULL
) PARTITION BY RANGE (at);
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_events FOR SELECT USING (org_id = current_setting('app.org')::uuid);
CREATE POLICY append ON audit_events FOR INSERT WITH CHECK (true);
CREATE POLICY archived ON audit_events FOR DELETE USING (org_id = current_setting('app.org')::uuid);
ALTER TABLE audit_patients ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_patients FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_patients FOR SELECT USING (org_id = current_setting('app.org')::uuid);
CREATE POLICY append ON audit_patients FOR INSERT WITH CHECK (true);
CREATE POLICY archived ON audit_patients FOR DELETE USING (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT ON audit_events, audit_patients TO chairside_app;
REVOKE ALL ON audit_events_first, audit_patients_first FROM chairside_app;

DO $$
DECLARE
  month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month';
  until text;
  each text;
BEGIN
  FOREACH each IN ARRAY ARRAY['audit_events', 'audit_patients'] LOOP
    SELECT substring(conname FROM '\d{4}_\d\d$') INTO until FROM pg_constraint
    WHERE conrelid = (each || '_first')::regclass AND conname LIKE each || '\_until\_%';
    IF until IS NULL THEN
      -- It was empty when the promise would have been made, and another server may have written since.
      until := to_char(month, 'YYYY_MM');
      EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', each || '_first');
      IF pg_relation_size((each || '_first')::regclass) = 0 THEN
        EXECUTE format('DROP TABLE %I', each || '_first');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING STORAGE)', each || '_first', each);
        EXECUTE format('CREATE INDEX ON %I (org_id, %s at)', each || '_first',
          CASE each WHEN 'audit_patients' THEN 'patient_id,' ELSE '' END);
        IF each = 'audit_events' THEN
          CREATE INDEX audit_events_first_patient ON audit_events_first (org_id, patient_id, at)
            WHERE patient_id IS NOT NULL;
        END IF;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', each || '_first');
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', each || '_first');
      END IF;
    END IF;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)',
      each, each || '_first', replace(until, '_', '-') || '-01T00:00:00+00:00');
    -- Times that no partition is made for, such as those of a clock that is years ahead.
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', each || '_other', each);
    EXECUTE format('CREATE INDEX ON %I (org_id, %s at)', each || '_other',
      CASE each WHEN 'audit_patients' THEN 'patient_id,' ELSE '' END);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', each || '_other');
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', each || '_other');
  END LOOP;
  CREATE INDEX audit_events_other_patient ON audit_events_other (org_id, patient_id, at) WHERE patient_id IS NOT NULL;
END $$;

CREATE VIEW audit_records WITH (security_invoker = true) AS
SELECT e.org_id, e.id, e.at, coalesce(e.actor_id, c.actor_id) AS actor_id, coalesce(e.actor_name, c.actor_name) AS actor_name,
  coalesce(e.actor_role, c.actor_role) AS actor_role, coalesce(e.action, o.action) AS action, coalesce(e.kind, o.kind) AS kind,
  CASE WHEN o.own THEN coalesce(e.record_id, e.patient_id) ELSE e.record_id END AS record_id, e.patient_id,
  coalesce(e.method, o.method) AS method, coalesce(e.route, o.route) AS route, coalesce(e.status, o.status) AS status,
  coalesce(e.outcome, o.outcome) AS outcome, coalesce(e.request_id, lpad(to_hex(e.request), 16, '0')) AS request_id,
  coalesce(e.client_id, c.client_id) AS client_id, e.query, e.shown, e.patients, e.mac, e.mac_format, e.mac_key
FROM audit_events e
  LEFT JOIN audit_callers c ON c.org_id = e.org_id AND c.id = e.caller
  LEFT JOIN audit_operations o ON o.org_id = e.org_id AND o.id = e.operation;
GRANT SELECT ON audit_records TO chairside_app;
