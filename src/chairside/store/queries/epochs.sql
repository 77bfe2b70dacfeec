-- name: versioned
-- Tables whose records have versions.
SELECT c.table_name::text AS name FROM information_schema.columns c
WHERE c.table_schema = 'public' AND c.column_name = 'version'
  AND c.table_name NOT IN ('events', 'idempotency_keys')
  AND EXISTS (SELECT 1 FROM information_schema.columns o
    WHERE o.table_schema = 'public' AND o.table_name = c.table_name AND o.column_name = 'org_id')
ORDER BY 1;

-- name: newest
-- The time of an org's newest audit record or event, null without any.
SELECT greatest((SELECT max(at) FROM audit_events WHERE org_id = $1),
  (SELECT occurred_at FROM events WHERE org_id = $1 ORDER BY id DESC LIMIT 1));

-- name: move_versions
-- Versions are shown above every one that can have been shown: $2 is the highest stored one and what can have followed.
UPDATE orgs o SET version_base = o.version_base + $2 WHERE o.id = $1;

-- name: move_feed
-- The same for the feed: $2 numbers can have followed those that are given out and those that wait.
UPDATE event_heads SET base = base + last + $2
  + (SELECT count(*) FROM events e WHERE e.org_id = $1 AND e.sequence IS NULL)
WHERE org_id = $1;

-- name: suspend
-- All tokens of an org that are not revoked wait for an administrator.
UPDATE tokens SET suspended_at = $2 WHERE org_id = $1 AND revoked_at IS NULL AND suspended_at IS NULL;

-- name: others
-- Connections of servers and commands to this database, other than this one.
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name ~ '^chairside' AND pid <> pg_backend_pid();
