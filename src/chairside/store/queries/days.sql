-- name: today
-- The day it is at places: at locations, at those of patients, and where the org itself is, by id.
SELECT x.id, (now() AT TIME ZONE coalesce(x.timezone, s.timezone))::date AS today
FROM org_settings s JOIN locations x ON x.org_id = $1 AND x.id = ANY($2::uuid[])
WHERE s.org_id = $1 AND s.id = $1
UNION ALL
SELECT x.id, (now() AT TIME ZONE coalesce(l.timezone, s.timezone))::date
FROM org_settings s
  JOIN patients x ON x.org_id = $1 AND x.id = ANY($2::uuid[])
  LEFT JOIN locations l ON l.org_id = $1 AND l.id = x.location_id
WHERE s.org_id = $1 AND s.id = $1
UNION ALL
SELECT s.id, (now() AT TIME ZONE s.timezone)::date FROM org_settings s
WHERE s.org_id = $1 AND s.id = $1 AND s.id = ANY($2::uuid[]);

-- name: known_zone
-- The org, if the database knows a time zone of this name; exactly so, for it would not mind another case.
SELECT s.id FROM org_settings s
WHERE s.org_id = $1 AND s.id = $1 AND EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = $2);
