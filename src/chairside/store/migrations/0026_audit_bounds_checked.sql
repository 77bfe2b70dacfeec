-- Old rows keep the promise too. Reads all of them once, while others read and write.
DO $$
DECLARE
  bound record;
BEGIN
  FOR bound IN SELECT conrelid::regclass AS of, conname FROM pg_constraint
    WHERE conname ~ '^audit_(events|patients)_until_' AND NOT convalidated LOOP
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', bound.of, bound.conname);
  END LOOP;
END $$;
