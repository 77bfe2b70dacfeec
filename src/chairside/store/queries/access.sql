-- name: token
-- Who a token stands for; the org in its clear part is $1.
SELECT t.id, t.user_id, t.role, t.patient_id, t.source, t.expires_at, t.revoked_at, t.suspended_at,
  u.name, u.number, o.region, o.version_base
FROM tokens t
  JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id
  JOIN orgs o ON o.id = t.org_id
WHERE t.org_id = $1 AND t.hash = $2;

-- name: touch
-- When tokens were last used, to the minute.
UPDATE tokens SET last_used_at = $3 WHERE org_id = $1 AND id = ANY($2::uuid[]);

-- name: next_number
-- The number of an org's next user.
SELECT coalesce(max(number), 0) + 1 AS number FROM users WHERE org_id = $1;

-- name: add_user
INSERT INTO users (org_id, id, number, name, created_at) VALUES ($1, $2, $3, $4, $5);

-- name: user_by_name
SELECT id, number, name FROM users WHERE org_id = $1 AND name = $2 ORDER BY number LIMIT 1;

-- name: add_token
INSERT INTO tokens (org_id, id, user_id, role, patient_id, prefix, hash, created_at, expires_at, source)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: tokens
-- The tokens of an org, newest first, without what could be used; two of the times also as the org's clocks show them.
SELECT t.id, t.prefix, t.role, u.name, u.number, t.patient_id, t.source, t.created_at, t.expires_at, t.last_used_at,
  t.revoked_at, t.suspended_at,
  t.expires_at AT TIME ZONE s.timezone AS expires_there, t.last_used_at AT TIME ZONE s.timezone AS used_there
FROM tokens t
  JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id
  JOIN org_settings s ON s.org_id = t.org_id AND s.id = t.org_id
WHERE t.org_id = $1 ORDER BY t.created_at DESC, t.id;

-- name: revoke
-- Ends a token, given by id or visible prefix; no row when there is none that still works.
UPDATE tokens SET revoked_at = $3 WHERE org_id = $1 AND (id::text = $2 OR prefix = $2) AND revoked_at IS NULL
RETURNING id;

-- name: reinstate
-- Lets suspended tokens in again: one by id or visible prefix, or all of an org where $2 is null.
UPDATE tokens SET suspended_at = NULL
WHERE org_id = $1 AND ($2::text IS NULL OR id::text = $2 OR prefix = $2) AND suspended_at IS NOT NULL AND revoked_at IS NULL
RETURNING id;
