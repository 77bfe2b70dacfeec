-- name: append
-- Audit records of reads and refusals, of any orgs; store/pool repeats the list of values for as many as there are.
INSERT INTO audit_events (org_id, id, at, record_id, patient_id, request_id, query, shown, patients, mac, mac_format,
  mac_key, request, caller, operation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::uuid[], $10, $11, $12, $13, $14, $15);

-- name: append_shown
-- The same where some of the records name patients, with the rows to find these records by.
WITH said (org_id, id, at, record_id, patient_id, request_id, query, shown, patients, mac, mac_format,
  mac_key, request, caller, operation)
AS (
VALUES ($1::uuid, $2::uuid, $3::timestamptz, $4::uuid, $5::uuid, $6::text, $7::text, $8::int, $9::text::uuid[],
  $10::bytea, $11::smallint, $12::smallint, $13::bigint, $14::bigint, $15::bigint)
), noted AS (
  INSERT INTO audit_events (org_id, id, at, record_id, patient_id, request_id, query, shown, patients, mac, mac_format,
  mac_key, request, caller, operation)
  SELECT * FROM said
)
INSERT INTO audit_patients (org_id, patient_id, at)
SELECT s.org_id, p.id, s.at FROM said s CROSS JOIN LATERAL unnest(s.patients) AS p (id);

-- name: add_caller
-- Who asks, for records that name this row from now on; another worker may have added it meanwhile.
INSERT INTO audit_callers (org_id, id, actor_id, actor_name, actor_role, client_id) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, id) DO NOTHING;

-- name: add_operation
-- The same for what is done, with what outcome.
INSERT INTO audit_operations (org_id, id, action, kind, method, route, status, outcome, own)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (org_id, id) DO NOTHING;

-- name: add_client
-- A client that records name from now on; another worker may have added it meanwhile.
INSERT INTO audit_clients (org_id, id, token_id, address, agent) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, id) DO NOTHING;

-- name: page
-- Audit records, newest first, narrowed by what is given; $7 and $8 are where the page before ended. Planned anew for
-- these values, for which of two indexes serves it hangs on what is given.
SELECT e.id, e.at, e.actor_id, e.actor_name, e.actor_role, e.action, e.kind, e.record_id, e.patient_id, e.method, e.route,
  e.status, e.outcome, e.request_id, e.query, e.shown, e.patients::text AS patients, c.token_id, c.address, c.agent
FROM (
  SELECT at, id FROM audit_events
  WHERE org_id = $1 AND ($2::uuid IS NULL OR actor_id = $2
      OR caller = ANY (ARRAY(SELECT c.id FROM audit_callers c WHERE c.org_id = $1 AND c.actor_id = $2)))
    AND ($3::text IS NULL OR action = $3
      OR operation = ANY (ARRAY(SELECT o.id FROM audit_operations o WHERE o.org_id = $1 AND o.action = $3)))
    AND ($4::text IS NULL OR outcome = $4
      OR operation = ANY (ARRAY(SELECT o.id FROM audit_operations o WHERE o.org_id = $1 AND o.outcome = $4)))
    AND at >= coalesce($5::timestamptz, '-infinity') AND at < coalesce($6::timestamptz, 'infinity')
    AND (at, id) < (coalesce($7::timestamptz, 'infinity'), coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  ORDER BY at DESC, id DESC LIMIT $9) found
  JOIN audit_records e ON e.org_id = $1 AND e.at = found.at AND e.id = found.id
  LEFT JOIN audit_clients c ON c.org_id = $1 AND c.id = e.client_id
ORDER BY e.at DESC, e.id DESC;

-- name: page_of_patient
-- The same for the records that concern the patient $10: those about the patient, and those that name the patient among
-- others whom the answer showed.
SELECT e.id, e.at, e.actor_id, e.actor_name, e.actor_role, e.action, e.kind, e.record_id, e.patient_id, e.method, e.route,
  e.status, e.outcome, e.request_id, e.query, e.shown, e.patients::text AS patients, c.token_id, c.address, c.agent
FROM (
  SELECT at, id FROM (
    (SELECT at, id FROM audit_events
    WHERE org_id = $1 AND patient_id = $10 AND ($2::uuid IS NULL OR actor_id = $2
        OR caller = ANY (ARRAY(SELECT c.id FROM audit_callers c WHERE c.org_id = $1 AND c.actor_id = $2)))
      AND ($3::text IS NULL OR action = $3
        OR operation = ANY (ARRAY(SELECT o.id FROM audit_operations o WHERE o.org_id = $1 AND o.action = $3)))
      AND ($4::text IS NULL OR outcome = $4
        OR operation = ANY (ARRAY(SELECT o.id FROM audit_operations o WHERE o.org_id = $1 AND o.outcome = $4)))
      AND at >= coalesce($5::timestamptz, '-infinity') AND at < coalesce($6::timestamptz, 'infinity')
      AND (at, id) < (coalesce($7::timestamptz, 'infinity'), coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    ORDER BY at DESC, id DESC LIMIT $9)
    UNION ALL
    (SELECT e.at, e.id FROM (
      SELECT DISTINCT ON (at) at FROM audit_patients
      WHERE org_id = $1 AND patient_id = $10 AND at >= coalesce($5::timestamptz, '-infinity')
        AND at < coalesce($6::timestamptz, 'infinity') AND at <= coalesce($7::timestamptz, 'infinity')
      ORDER BY at DESC) s
      CROSS JOIN LATERAL (
        SELECT a.at, a.id FROM audit_events a
        WHERE a.org_id = $1 AND a.at = s.at AND $10 = ANY (a.patients) AND ($2::uuid IS NULL OR a.actor_id = $2
            OR a.caller = ANY (ARRAY(SELECT c.id FROM audit_callers c WHERE c.org_id = $1 AND c.actor_id = $2)))
          AND ($3::text IS NULL OR a.action = $3
            OR a.operation = ANY (ARRAY(SELECT o.id FROM audit_operations o WHERE o.org_id = $1 AND o.action = $3)))
          AND ($4::text IS NULL OR a.outcome = $4
            OR a.operation = ANY (ARRAY(SELECT o.id FROM audit_operations o WHERE o.org_id = $1 AND o.outcome = $4)))
          AND (a.at, a.id)
            < (coalesce($7::timestamptz, 'infinity'), coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY a.id DESC) e
    ORDER BY e.at DESC, e.id DESC LIMIT $9)) u
  ORDER BY at DESC, id DESC LIMIT $9) found
  JOIN audit_records e ON e.org_id = $1 AND e.at = found.at AND e.id = found.id
  LEFT JOIN audit_clients c ON c.org_id = $1 AND c.id = e.client_id
ORDER BY e.at DESC, e.id DESC;
