-- name: all
-- The archives of an org, oldest first; times as text.
SELECT to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS until, number, hash, complete_to,
  records, digest, keep_until, sealed_at, format, key, signature
FROM audit_archives WHERE org_id = $1 ORDER BY audit_archives.until;

-- name: oldest
-- The time of the oldest audit record of an org.
SELECT min(at) FROM audit_events WHERE org_id = $1;

-- name: count
-- How many records of a time there are.
SELECT count(*) FROM audit_events WHERE org_id = $1 AND at >= $2 AND at < $3;

-- name: numbers
-- The links after a number that hold any record of before a time; a link has its records in order of time.
SELECT number FROM audit_links WHERE org_id = $1 AND number > $2 AND ats[1] < $3 ORDER BY number;

-- name: first_kept
-- The first link after a number with a record of a time or later; the last link of all at least, which the next one names.
SELECT coalesce(min(number) FILTER (WHERE until >= $3), max(number), $2 + 1) FROM audit_links
WHERE org_id = $1 AND number > $2;

-- name: add
INSERT INTO audit_archives (org_id, until, number, hash, complete_to, records, digest, keep_until, sealed_at, format, key,
  signature)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: drop_records
DELETE FROM audit_events WHERE org_id = $1 AND at < $2;

-- name: drop_patients
DELETE FROM audit_patients WHERE org_id = $1 AND at < $2;

-- name: drop_links
DELETE FROM audit_links WHERE org_id = $1 AND number <= $2;
