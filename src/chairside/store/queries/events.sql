-- name: record
-- Audit, events and the answer to an Idempotency-Key, in the transaction of the change they tell of.
WITH noted AS (
  INSERT INTO events (org_id, actor_id, actor_name, actor_role, id, type, occurred_at, kind, record_id, patient_id,
    version, changed, notes)
  SELECT o.id, $16::uuid, $17::text, $18::text, e.*
  FROM orgs o CROSS JOIN unnest($19::uuid[], $20::text[], $21::timestamptz[], $22::text[], $23::uuid[], $24::uuid[],
    $25::int[], $26::text[], $27::text[]) AS e (id, type, occurred_at, kind, record_id, patient_id, version, changed, notes)
  WHERE o.id = $1
), named AS (
  INSERT INTO audit_patients (org_id, patient_id, at)
  SELECT o.id, p.id, $3 FROM orgs o CROSS JOIN unnest($9::text::uuid[]) AS p (id) WHERE o.id = $1
), answered AS (
  UPDATE idempotency_keys SET status = $29, body = $30
  WHERE org_id = $1 AND caller_id = $16::uuid AND key = $28
)
INSERT INTO audit_events (org_id, id, at, record_id, patient_id, request_id, query, shown, patients, mac, mac_format,
  mac_key, request, caller, operation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::uuid[], $10, $11, $12, $13, $14, $15);

-- name: pending
-- Whether any event waits for its number, the last stored number, what the epoch adds to stored numbers, and up to which
-- stored number events were dropped.
SELECT EXISTS (SELECT 1 FROM events WHERE org_id = $1 AND sequence IS NULL) AS pending, last, base, dropped
FROM event_heads WHERE org_id = $1;

-- name: hold_feed
-- One at a time gives out numbers of an org's feed.
SELECT last FROM event_heads WHERE org_id = $1 FOR UPDATE;

-- name: number
-- Numbers events in the order they were made, up to $3 of them, after the last number given out ($2).
UPDATE events e SET sequence = $2 + n.place
FROM (
  SELECT id, row_number() OVER (ORDER BY id) AS place
  FROM (SELECT id FROM events WHERE org_id = $1 AND sequence IS NULL ORDER BY id LIMIT $3) p) n
WHERE e.org_id = $1 AND e.id = n.id;

-- name: move_head
-- How far numbers are given out.
UPDATE event_heads SET last = last + $2 WHERE org_id = $1;

-- name: feed
-- Events after a number, in order, each with the number up to which events had been dropped when these were read.
SELECT sequence, type, occurred_at, kind, record_id, patient_id, version, actor_id, actor_name, actor_role, changed, notes,
  (SELECT dropped FROM event_heads WHERE org_id = $1) AS dropped
FROM events WHERE org_id = $1 AND sequence > $2 AND ($4::text[] IS NULL OR type = ANY($4::text[]))
ORDER BY sequence LIMIT $3;
