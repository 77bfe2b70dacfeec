-- name: token
-- Who a token stands for, and until when unless it is used; the org in its clear part is $1.
SELECT t.id, t.user_id, t.role, t.patient_id, t.source, t.networks, t.revoked_at,
  t.suspended_at IS NOT NULL OR u.suspended_at IS NOT NULL AS suspended,
  least(t.expires_at,
    greatest(t.last_used_at, t.reinstated_at, t.created_at) + make_interval(days => t.idle_days)) AS ends_at,
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
SELECT id, number, name, suspended_at FROM users WHERE org_id = $1 AND name = $2 ORDER BY number LIMIT 1;

-- name: add_token
INSERT INTO tokens (org_id, id, user_id, role, patient_id, prefix, hash, created_at, expires_at, source,
  idle_days, networks)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::cidr[]);

-- name: tokens
-- The tokens of an org, newest first, without what could be used; two of the times also as the org's clocks show them.
SELECT t.id, t.prefix, t.role, u.name, u.number, t.patient_id, t.source, t.created_at, t.expires_at, t.idle_days,
  e.ends_at, t.last_used_at, t.networks, t.revoked_at, coalesce(t.suspended_at, u.suspended_at) AS suspended_at,
  e.ends_at AT TIME ZONE s.timezone AS ends_there, t.last_used_at AT TIME ZONE s.timezone AS used_there
FROM tokens t
  JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id
  JOIN org_settings s ON s.org_id = t.org_id AND s.id = t.org_id
  CROSS JOIN LATERAL (SELECT least(t.expires_at,
    greatest(t.last_used_at, t.reinstated_at, t.created_at) + make_interval(days => t.idle_days)) AS ends_at) e
WHERE t.org_id = $1 ORDER BY t.created_at DESC, t.id;

-- name: revoke
-- Ends a token, given by id or visible prefix; no row when there is none that still works.
UPDATE tokens SET revoked_at = $3 WHERE org_id = $1 AND (id::text = $2 OR prefix = $2) AND revoked_at IS NULL
RETURNING id;

-- name: reinstate
-- Lets suspended tokens in again: one by id or visible prefix, or all of an org where $2 is null. It counts as a use.
UPDATE tokens SET suspended_at = NULL, reinstated_at = $3
WHERE org_id = $1 AND ($2::text IS NULL OR id::text = $2 OR prefix = $2) AND suspended_at IS NOT NULL AND revoked_at IS NULL
RETURNING id;

-- name: users
-- The users of an org by number, with the tokens that are not revoked and the last use of any.
SELECT u.id, u.number, u.name, u.created_at, u.suspended_at, count(t.id) FILTER (WHERE t.revoked_at IS NULL) AS tokens,
  max(t.last_used_at) AS last_used_at, max(t.last_used_at) AT TIME ZONE max(s.timezone) AS used_there
FROM users u
  JOIN org_settings s ON s.org_id = u.org_id AND s.id = u.org_id
  LEFT JOIN tokens t ON t.org_id = u.org_id AND t.user_id = u.id
WHERE u.org_id = $1
GROUP BY u.org_id, u.id ORDER BY u.number;

-- name: suspend_user
-- Suspends a user as of a moment, or ends it where that is null.
UPDATE users SET suspended_at = $3 WHERE org_id = $1 AND id = $2;

-- name: risks
-- Of the tokens of an org, those that work for ever, used or not, and those that wait for an administrator.
SELECT count(*) FILTER (WHERE expires_at IS NULL AND idle_days IS NULL) AS endless,
  count(*) FILTER (WHERE suspended_at IS NOT NULL) AS suspended
FROM tokens WHERE org_id = $1 AND revoked_at IS NULL;
