-- name: policy
-- How long an org keeps events and its audit trail.
SELECT events_days, audit_years FROM orgs WHERE id = $1;

-- name: keep
-- Sets how long an org keeps events ($2 days) and its audit trail ($3 years).
UPDATE orgs SET events_days = coalesce($2, events_days), audit_years = coalesce($3, audit_years) WHERE id = $1;

-- name: drop_events
-- Drops events from the beginning of an org's feed up to the first that is not older than a time, a thousand at most. The
-- head remembers how far, in the same transaction.
WITH head AS (
  SELECT dropped FROM event_heads WHERE org_id = $1
), oldest AS (
  SELECT sequence, occurred_at FROM events WHERE org_id = $1 AND sequence > (SELECT dropped FROM head)
  ORDER BY sequence LIMIT 1000
), last AS (
  SELECT max(sequence) AS sequence FROM oldest
  WHERE sequence < coalesce((SELECT min(sequence) FROM oldest WHERE occurred_at >= $2), 9223372036854775807)
), gone AS (
  DELETE FROM events WHERE org_id = $1 AND sequence > (SELECT dropped FROM head)
    AND sequence <= (SELECT sequence FROM last)
)
UPDATE event_heads SET dropped = l.sequence FROM last l WHERE org_id = $1 AND l.sequence > dropped;
