-- name: known
-- The keys this database was used with. Keys are of no org.
SELECT id, fingerprint FROM key_fingerprints;

-- name: remember
INSERT INTO key_fingerprints (id, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: forget_others
-- After a rotation one key is left, beside that of the audit trail.
DELETE FROM key_fingerprints WHERE id NOT IN ($1, 'audit');
