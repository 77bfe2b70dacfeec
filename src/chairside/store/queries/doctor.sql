-- name: columns
-- Every column of every table.
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public';

-- name: setting
-- A setting of the database server by name.
SELECT current_setting($1);

-- name: lowers_letters
-- Whether lower() knows letters beyond A to Z. The locale of a database decides on it when the database is made.
SELECT lower('É') = 'é';

-- name: walls
-- Every table that holds rows of orgs: whether row-level security binds its owner too, and whether a policy says how. A
-- partition needs none, for nobody reads it but through its table.
SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
  c.relispartition OR EXISTS (
    SELECT 1 FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname) AS policy
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

-- name: has_tables
-- Whether any table of ours is there.
SELECT to_regclass('orgs') IS NOT NULL;

-- name: database
-- The user of this connection, owners of our tables whose rights it lacks, and whether the database takes writes and
-- every character.
SELECT current_user AS name, pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') AS read_only,
  pg_encoding_to_char(d.encoding) AS encoding,
  ARRAY(SELECT DISTINCT pg_get_userbyid(c.relowner)::text FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('orgs', 'schema_migrations') AND c.relkind = 'r'
      AND NOT pg_has_role(current_user, c.relowner, 'USAGE')) AS owners
FROM pg_database d WHERE d.datname = current_database();

-- name: may_become
-- Whether a role is there, and whether this user could make it.
SELECT current_user AS name, EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1) AS there,
  (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) AS may_create;
