-- name: writing
-- Since when transactions of the org that are still open have been writing, in microseconds of the epoch. What they
-- write bears a later time of change and becomes visible at some moment after, so a reader by time of change stops
-- before them. A name of an application is short, so it holds the org's last twenty digits.
SELECT substring(application_name FROM 17 FOR 16)::bigint AS since FROM pg_stat_activity
WHERE application_name ~ '^chairside write [0-9]{16} [0-9a-f]{20}$'
  AND right(application_name, 20) = right(replace($1::uuid::text, '-', ''), 20);
