-- name: latest
-- The latest of an org's committed changes that are later than an id ($2) and a time ($3); null where there are none. The
-- id of an event holds the time at which it was made. Patients are read too, because a migration may have changed
-- them without an event.
SELECT
  (SELECT id FROM events WHERE org_id = $1 AND id > $2 ORDER BY id DESC LIMIT 1) AS event_id,
  (SELECT updated_at FROM patients WHERE org_id = $1 AND updated_at > $3 AND deleted_at IS NULL
    ORDER BY updated_at DESC LIMIT 1) AS live,
  (SELECT updated_at FROM patients WHERE org_id = $1 AND updated_at > $3 AND deleted_at IS NOT NULL
    ORDER BY updated_at DESC LIMIT 1) AS archived;
