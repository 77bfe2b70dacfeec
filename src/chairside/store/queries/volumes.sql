-- name: add
-- Joins what users saw on days ($2 users, $3 days, $4 bits) with what is kept; how many bits are set then, and whether the
-- day was reported. The rows stay locked until the end of the transaction, so that one worker alone reports a day.
INSERT INTO shown_volumes AS v (org_id, user_id, day, patients)
SELECT o.id, s.user_id, s.day, s.patients
FROM orgs o CROSS JOIN unnest($2::uuid[], $3::date[], $4::bit(8192)[]) AS s (user_id, day, patients)
WHERE o.id = $1 ORDER BY s.user_id, s.day
ON CONFLICT (org_id, user_id, day) DO UPDATE SET patients = v.patients | excluded.patients
RETURNING user_id, day, bit_count(patients) AS bits, reported_at IS NOT NULL AS reported;

-- name: before
-- The bits set on each earlier day of a user ($2), from one day ($3) until another ($4).
SELECT bit_count(patients) AS bits FROM shown_volumes WHERE org_id = $1 AND user_id = $2 AND day >= $3 AND day < $4;

-- name: reported
-- Keeps that the day of a user was reported.
UPDATE shown_volumes SET reported_at = $4 WHERE org_id = $1 AND user_id = $2 AND day = $3;

-- name: forget
-- Drops the days of any user of the org from before a time, about a thousand of them.
DELETE FROM shown_volumes WHERE org_id = $1 AND day < ($2::timestamptz AT TIME ZONE 'UTC')::date AND (user_id, day) IN (
  SELECT user_id, day FROM shown_volumes
  WHERE org_id = $1 AND day < ($2::timestamptz AT TIME ZONE 'UTC')::date LIMIT 1000);
