-- name: last
-- The last link of an org.
SELECT number, hash, complete_to, to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS sealed_at,
  signature, format, key
FROM audit_links WHERE org_id = $1 ORDER BY number DESC LIMIT 1;

-- name: hash_of
-- The hash of one link.
SELECT hash FROM audit_links WHERE org_id = $1 AND number = $2;

-- name: span
-- Where the next $5 records after a place ($2, $3) end; no row when there are fewer.
SELECT at, id FROM audit_events WHERE org_id = $1 AND at >= $2 AND (at, id) > ($2, $3) AND at < $4
ORDER BY at, id OFFSET $5 - 1 LIMIT 1;

-- name: unsealed
-- The records after a place ($2, $3) and up to another ($4, $5) that stand in no link. EXCEPT, because nothing that
-- the planner believes about arrays makes it compare each record with each sealed one; LATERAL, because it believes in
-- so many records after any place that it would read the whole trail of an org for the few that there are. Of a record that has
-- its MAC nothing else is needed, so the rows that it names are not read; its patients make most of its bytes.
WITH waiting AS (
  SELECT at, id FROM audit_events WHERE org_id = $1 AND at >= $2 AND (at, id) > ($2, $3) AND at <= $4
    AND (at, id) <= ($4, $5)
  EXCEPT
  SELECT s.at, s.id FROM audit_links l CROSS JOIN LATERAL unnest(l.ats, l.ids) AS s (at, id)
  WHERE l.org_id = $1 AND l.until >= $2
)
SELECT e.org_id, e.id, e.at, e.actor_id, e.actor_name, e.actor_role, e.action, e.kind, e.record_id, e.patient_id, e.method,
  e.route, e.status, e.outcome, e.request_id, e.client_id, e.query, e.shown,
  CASE WHEN e.mac IS NULL THEN e.patients::text END AS patients, e.mac
FROM waiting w CROSS JOIN LATERAL (
  SELECT * FROM audit_events a WHERE a.org_id = $1 AND a.at = w.at AND a.id = w.id OFFSET 0) e
ORDER BY e.at, e.id;

-- name: append
-- The next link; no row when somebody else has made it.
INSERT INTO audit_links (org_id, number, previous, sealed_at, complete_to, until, ats, ids, macs, hash, signature,
  format, key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (org_id, number) DO NOTHING RETURNING number;

-- name: links
-- Links after a number, whole; times as text, for a forged one may lie beyond what a clock can show.
SELECT number, previous, to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS sealed_at,
  to_char(complete_to AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS complete_to,
  to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS until,
  ARRAY(SELECT to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'
    FROM unnest(ats) WITH ORDINALITY AS a (at, place) ORDER BY a.place) AS ats,
  ids::text[] AS ids, macs, hash, signature, format, key
FROM audit_links WHERE org_id = $1 AND number > $2 ORDER BY number LIMIT $3;

-- name: sealed
-- The records of links $2 to $3 in their order, each as it stands now; its id is null when it is gone.
SELECT l.number, s.place::int AS place, s.id AS sealed_id,
  e.org_id, e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS at, e.actor_id, e.actor_name,
  e.actor_role, e.action, e.kind, e.record_id, e.patient_id, e.method, e.route, e.status, e.outcome, e.request_id,
  e.client_id, e.query, e.shown, e.patients::text AS patients, e.mac, e.mac_format, e.mac_key
FROM audit_links l CROSS JOIN LATERAL unnest(l.ats, l.ids) WITH ORDINALITY AS s (at, id, place)
  LEFT JOIN audit_records e ON e.org_id = l.org_id AND e.at = s.at AND e.id = s.id
WHERE l.org_id = $1 AND l.number BETWEEN $2 AND $3
ORDER BY l.number, s.place;

-- name: archived
-- Records of the org from before a time; none where all of them were archived and dropped.
SELECT id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS at
FROM audit_events WHERE org_id = $1 AND at < $2 ORDER BY at, id;

-- name: loose
-- All records of the org from a time on ($2, if given) that stand in no link, each as it stands now.
WITH waiting AS (
  SELECT at, id FROM audit_events WHERE org_id = $1 AND at >= coalesce($2::timestamptz, '-infinity')
  EXCEPT
  SELECT s.at, s.id FROM audit_links l CROSS JOIN LATERAL unnest(l.ats, l.ids) AS s (at, id)
  WHERE l.org_id = $1 AND l.until >= coalesce($2::timestamptz, '-infinity')
)
SELECT e.org_id, e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS at, e.actor_id,
  e.actor_name, e.actor_role, e.action, e.kind, e.record_id, e.patient_id, e.method, e.route, e.status, e.outcome,
  e.request_id, e.client_id, e.query, e.shown, e.patients::text AS patients, e.mac, e.mac_format, e.mac_key
FROM waiting w JOIN audit_records e ON e.org_id = $1 AND e.at = w.at AND e.id = w.id
ORDER BY e.at, e.id;

-- name: clients
-- Every client that a record of the org may name.
SELECT id, token_id, address, agent FROM audit_clients WHERE org_id = $1;

-- name: unnamed
-- Records from a time on ($3, if given) that name a client which is not there ($2 are those that are) or a patient by
-- whom they are not found.
SELECT e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS at,
  e.client_id IS NOT NULL AND NOT e.client_id = ANY ($2::uuid[]) AS client
FROM audit_records e
WHERE e.org_id = $1 AND e.at >= coalesce($3::timestamptz, '-infinity') AND (e.client_id IS NOT NULL AND NOT e.client_id = ANY ($2::uuid[])
  OR EXISTS (SELECT 1 FROM unnest(e.patients) AS p (id) WHERE NOT EXISTS (
    SELECT 1 FROM audit_patients f WHERE f.org_id = $1 AND f.patient_id = p.id AND f.at = e.at)))
ORDER BY e.at, e.id;
