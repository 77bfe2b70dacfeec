-- name: columns
-- Every column of every table.
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public';

-- name: setting
-- A setting of the database server by name.
SELECT current_setting($1);

-- name: walls
-- Every table that holds rows of orgs: whether row-level security binds its owner too, and whether a policy says how.
SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
  EXISTS (SELECT 1 FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname) AS policy
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND (c.relname = 'orgs'
    OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id'));

-- name: role
-- What a role could do beyond what it was granted.
SELECT rolsuper, rolbypassrls, (SELECT count(*) FROM pg_class WHERE relowner = r.oid) AS owns
FROM pg_roles r WHERE rolname = $1;

-- name: whoami
SELECT current_user;

-- name: knows_keys
-- Whether the table of keys is there yet.
SELECT to_regclass('key_fingerprints') IS NOT NULL;
