-- name: append
-- Audit records of reads and refusals, of any orgs; store/pool repeats the list of values for as many as there are.
INSERT INTO audit_events (org_id, id, at, actor_id, actor_name, actor_role, action, kind, record_id, patient_id, method,
  route, status, outcome, request_id, client_id, query, shown, patients, mac, mac_format, mac_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19::text::uuid[], $20, $21, $22);

-- name: append_shown
-- The same where some of the records name patients, with the rows to find these records by.
WITH said (org_id, id, at, actor_id, actor_name, actor_role, action, kind, record_id, patient_id, method, route, status,
  outcome, request_id, client_id, query, shown, patients, mac, mac_format, mac_key)
AS (
VALUES ($1::uuid, $2::uuid, $3::timestamptz, $4::uuid, $5::text, $6::text, $7::text, $8::text, $9::uuid, $10::uuid,
  $11::text, $12::text, $13::int, $14::text, $15::text, $16::uuid, $17::text, $18::int, $19::text::uuid[], $20::bytea,
  $21::smallint, $22::smallint)
), noted AS (
  INSERT INTO audit_events (org_id, id, at, actor_id, actor_name, actor_role, action, kind, record_id, patient_id, method,
    route, status, outcome, request_id, client_id, query, shown, patients, mac, mac_format, mac_key)
  SELECT * FROM said
)
INSERT INTO audit_patients (org_id, patient_id, at)
SELECT s.org_id, p.id, s.at FROM said s CROSS JOIN LATERAL unnest(s.patients) AS p (id);

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
  SELECT * FROM audit_events
  WHERE org_id = $1 AND ($2::uuid IS NULL OR actor_id = $2)
    AND ($3::text IS NULL OR action = $3) AND ($4::text IS NULL OR outcome = $4)
    AND at >= coalesce($5::timestamptz, '-infinity') AND at < coalesce($6::timestamptz, 'infinity')
    AND (at, id) < (coalesce($7::timestamptz, 'infinity'), coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  ORDER BY at DESC, id DESC LIMIT $9) e
  LEFT JOIN audit_clients c ON c.org_id = $1 AND c.id = e.client_id
ORDER BY e.at DESC, e.id DESC;

-- name: page_of_patient
-- The same for the records that concern the patient $10: those about the patient, and those that name the patient among
-- others whom the answer showed.
SELECT e.id, e.at, e.actor_id, e.actor_name, e.actor_role, e.action, e.kind, e.record_id, e.patient_id, e.method, e.route,
  e.status, e.outcome, e.request_id, e.query, e.shown, e.patients::text AS patients, c.token_id, c.address, c.agent
FROM (
  SELECT * FROM (
    (SELECT * FROM audit_events
    WHERE org_id = $1 AND patient_id = $10 AND ($2::uuid IS NULL OR actor_id = $2)
      AND ($3::text IS NULL OR action = $3) AND ($4::text IS NULL OR outcome = $4)
      AND at >= coalesce($5::timestamptz, '-infinity') AND at < coalesce($6::timestamptz, 'infinity')
      AND (at, id) < (coalesce($7::timestamptz, 'infinity'), coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    ORDER BY at DESC, id DESC LIMIT $9)
    UNION ALL
    (SELECT e.* FROM (
      SELECT DISTINCT ON (at) at FROM audit_patients
      WHERE org_id = $1 AND patient_id = $10 AND at >= coalesce($5::timestamptz, '-infinity')
        AND at < coalesce($6::timestamptz, 'infinity') AND at <= coalesce($7::timestamptz, 'infinity')
      ORDER BY at DESC) s
      CROSS JOIN LATERAL (
        SELECT * FROM audit_events a
        WHERE a.org_id = $1 AND a.at = s.at AND $10 = ANY (a.patients) AND ($2::uuid IS NULL OR a.actor_id = $2)
          AND ($3::text IS NULL OR a.action = $3) AND ($4::text IS NULL OR a.outcome = $4)
          AND (a.at, a.id)
            < (coalesce($7::timestamptz, 'infinity'), coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY a.id DESC) e
    ORDER BY e.at DESC, e.id DESC LIMIT $9)) u
  ORDER BY at DESC, id DESC LIMIT $9) e
  LEFT JOIN audit_clients c ON c.org_id = $1 AND c.id = e.client_id
ORDER BY e.at DESC, e.id DESC;
