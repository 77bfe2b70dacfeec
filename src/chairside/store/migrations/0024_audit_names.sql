-- Audit records name two rows instead of repeating their texts: who asked, and what was done with what outcome. The ids
-- are MACs of the other columns. Both rows are stored before the first record that names them.
CREATE TABLE audit_callers (
  org_id uuid NOT NULL,
  id bigint NOT NULL,
  actor_id uuid,
  actor_name text,
  actor_role text,
  client_id uuid,
  PRIMARY KEY (org_id, id)
);
-- own: the record is about the patient's own record, so its record_id is its patient_id.
CREATE TABLE audit_operations (
  org_id uuid NOT NULL,
  id bigint NOT NULL,
  action text NOT NULL,
  kind text,
  method text NOT NULL,
  route text NOT NULL,
  status integer NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('allowed', 'denied', 'invalid', 'failed')),
  own boolean NOT NULL,
  PRIMARY KEY (org_id, id)
);
ALTER TABLE audit_callers ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_callers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_callers USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
ALTER TABLE audit_operations ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_operations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_org ON audit_operations USING (org_id = current_setting('app.org')::uuid)
  WITH CHECK (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT ON audit_callers, audit_operations TO chairside_app;

-- Records from before keep their texts, and so do those of a server of the release before that still runs. A request id
-- of 16 hexadecimal digits, as the server makes them, is kept as a number.
ALTER TABLE audit_events
  ADD COLUMN request bigint, ADD COLUMN caller bigint, ADD COLUMN operation bigint,
  ALTER COLUMN action DROP NOT NULL, ALTER COLUMN method DROP NOT NULL, ALTER COLUMN route DROP NOT NULL,
  ALTER COLUMN status DROP NOT NULL, ALTER COLUMN outcome DROP NOT NULL, ALTER COLUMN request_id DROP NOT NULL;

-- Every record as its MAC covers it, whichever way it is stored.
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
