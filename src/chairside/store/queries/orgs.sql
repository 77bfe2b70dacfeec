-- name: add
-- An org and the head of its feed.
INSERT INTO orgs (id, name, region, created_at) VALUES ($1, $2, $3, $4);

-- name: add_head
INSERT INTO event_heads (org_id, last) VALUES ($1, 0);

-- name: add_settings
INSERT INTO org_settings (org_id, id, blocking_preset, timezone, created_at, updated_at, version)
VALUES ($1, $1, $2, $3, $4, $4, 1);

-- name: read
SELECT id, name, region, version_base, created_at FROM orgs WHERE id = $1;

-- name: since
-- The time zone of an org, and the day there on which it was made.
SELECT s.timezone, (o.created_at AT TIME ZONE s.timezone)::date AS since
FROM org_settings s JOIN orgs o ON o.id = $1
WHERE s.org_id = $1 AND s.id = $1;

-- name: all
-- Every org, oldest first; only who migrates may list them.
SELECT id, name, region, created_at FROM orgs ORDER BY created_at, id;
