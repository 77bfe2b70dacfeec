-- The audit trail goes into monthly partitions in three steps, none of which makes writers wait. First, what there is
-- by now promises to hold nothing of the month after next or later. New rows are checked at once, old ones by the
-- next migration. Empty tables need no promise.
DO $$
DECLARE
  month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months';
  each text;
BEGIN
  FOREACH each IN ARRAY ARRAY['audit_events', 'audit_patients'] LOOP
    IF pg_relation_size(each::regclass) > 0 THEN
      EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (at < %L) NOT VALID',
        each, each || to_char(month, '"_until_"YYYY_MM'), to_char(month, 'YYYY-MM-DD"T00:00:00+00:00"'));
    END IF;
  END LOOP;
END $$;
