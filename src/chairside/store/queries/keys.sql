-- name: known
-- The keys this database was used with. Keys are of no org.
SELECT id, fingerprint FROM key_fingerprints;

-- name: remember
INSERT INTO key_fingerprints (id, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: forget_others
-- After a rotation one key is left, beside those of the audit trail.
DELETE FROM key_fingerprints WHERE id <> $1 AND id NOT LIKE 'audit%';

-- name: earlier_writes
-- How many transactions of the server have been writing since before a time, in microseconds of the epoch.
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name ~ '^chairside write [0-9]{16} '
  AND substring(application_name FROM 17 FOR 16)::bigint < $1;
