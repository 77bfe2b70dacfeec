-- name: append
-- Audit records of reads and refusals, of any orgs; store/pool repeats the list of values for as many as there are.
INSERT INTO audit_events (org_id, id, at, actor_id, actor_name, actor_role, action, kind, record_id, patient_id, method,
  route, status, outcome, request_id, mac)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: page
-- Audit records, newest first, narrowed by what is given; $8 and $9 are where the page before ended. Planned anew for
-- these values, for which of two indexes serves it hangs on what is given.
SELECT id, at, actor_id, actor_name, actor_role, action, kind, record_id, patient_id, method, route, status, outcome,
  request_id
FROM audit_events
WHERE org_id = $1 AND ($2::uuid IS NULL OR actor_id = $2) AND ($3::uuid IS NULL OR patient_id = $3)
  AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL OR outcome = $5)
  AND at >= coalesce($6::timestamptz, '-infinity') AND at < coalesce($7::timestamptz, 'infinity')
  AND (at, id) < (coalesce($8::timestamptz, 'infinity'), coalesce($9::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY at DESC, id DESC LIMIT $10;
