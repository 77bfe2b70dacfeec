-- name: source
-- What decides whether a backup can be whole and be restored: the user, the tables' place, the encoding and the schema.
SELECT current_user AS name, r.rolsuper OR r.rolbypassrls AS sees_all, pg_encoding_to_char(d.encoding) AS encoding,
  to_regclass('public.schema_migrations') IS NOT NULL AS migrated,
  (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = to_regclass('schema_migrations')) AS schema
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database();

-- name: newest
-- The number of the newest migration that was applied.
SELECT max(number) FROM schema_migrations;

-- name: unreadable
-- Tables in our schema that this user may not read.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm', 'S')
  AND NOT has_table_privilege(c.oid, 'SELECT')
ORDER BY 1;

-- name: roles
-- Roles other than owners that rights and policies of this database name.
SELECT DISTINCT r.rolname FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype IN ('a', 'r')
  AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1;

-- name: policies
-- Policies that name the owner of their table, who is another one after a restore elsewhere.
SELECT p.polname, c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relowner = ANY(p.polroles)
ORDER BY 1, 2;

-- name: outside
-- Objects in our schema that need an extension or another schema, which a restored database would lack.
WITH ours AS (
  SELECT 'pg_class'::regclass AS classid, oid AS objid FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'pg_rewrite'::regclass, w.oid FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class
  WHERE c.relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a JOIN pg_class c ON c.oid = a.adrelid
  WHERE c.relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace = 'public'::regnamespace
), of_extensions AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
), elsewhere AS (
  SELECT classid, objid FROM of_extensions
  UNION ALL
  SELECT 'pg_class'::regclass, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname !~ '^pg_'
  UNION ALL
  SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname !~ '^pg_'
  UNION ALL
  SELECT 'pg_type'::regclass, t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname !~ '^pg_'
)
SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) AS object,
  pg_describe_object(d.refclassid, d.refobjid, 0) AS needs
FROM pg_depend d
WHERE d.deptype IN ('n', 'a') AND (d.classid, d.objid) IN (SELECT classid, objid FROM ours)
  AND (d.classid, d.objid) NOT IN (SELECT classid, objid FROM of_extensions)
  AND (d.refclassid, d.refobjid) IN (SELECT classid, objid FROM elsewhere)
ORDER BY 1, 2;

-- name: target
-- What decides whether a backup can be restored here: the encoding, and to whom the tables can belong.
SELECT current_user AS name, pg_encoding_to_char(d.encoding) AS encoding, pg_get_userbyid(d.datdba)::text AS owner,
  pg_has_role(current_user, d.datdba, 'MEMBER') AS may_become_owner,
  has_schema_privilege('public', 'CREATE') AS may_create,
  (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) AS may_create_roles
FROM pg_database d WHERE d.datname = current_database();

-- name: missing_roles
-- Those of some roles that are not there.
SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) ORDER BY 1;

-- name: restored
-- The comment that a restore left on the database, null without one.
SELECT obj_description(to_regclass('public.schema_migrations'), 'pg_class');
