-- name: writing
-- Since when transactions that are still open have been writing, in microseconds of the epoch. What they write bears
-- a later time of change and becomes visible at some moment after, so a reader by time of change stops before them.
SELECT substring(application_name FROM 17)::bigint AS since FROM pg_stat_activity
WHERE application_name ~ '^chairside write [0-9]{16}$' AND $1::uuid IS NOT NULL;
