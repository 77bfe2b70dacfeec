-- name: claim
-- Takes a key for this transaction; no row when it is taken already.
INSERT INTO idempotency_keys (org_id, caller_id, key, fingerprint, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, caller_id, key) DO NOTHING RETURNING key;

-- name: read
-- The answer that a key has. Its body holds ETag and location too, but in answers of releases before migration 0024; those
-- of before 0014 are kept with a version instead of an ETag.
SELECT fingerprint, status, body, coalesce(etag, version::text) AS etag, location FROM idempotency_keys
WHERE org_id = $1 AND caller_id = $2 AND key = $3;

-- name: forget
-- Keys that nobody will retry any more, about a thousand of them: the oldest, by their range of the index.
DELETE FROM idempotency_keys WHERE org_id = $1 AND created_at < $2 AND created_at <= coalesce(
  (SELECT created_at FROM idempotency_keys WHERE org_id = $1 ORDER BY created_at OFFSET 999 LIMIT 1), $2);
