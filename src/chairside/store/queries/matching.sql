-- name: lock
-- Takes the locks of these keys, in one order for all; waits while another open transaction has one of them.
INSERT INTO match_locks (org_id, key)
SELECT o.id, k.key FROM orgs o CROSS JOIN unnest($2::bigint[]) AS k (key) WHERE o.id = $1 ORDER BY k.key
ON CONFLICT DO NOTHING;

-- name: release
-- Removes the rows, so that nothing is left behind; others wait until the transaction ends nevertheless.
DELETE FROM match_locks WHERE org_id = $1 AND key = ANY($2::bigint[]);
