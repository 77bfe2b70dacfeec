-- The schema of a database as text, one fact to a line, from its catalogs.
WITH ours AS (
  SELECT c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relacl,
    pg_get_userbyid(c.relowner) AS owner
  FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND NOT c.relispartition
), facts AS (
  SELECT relname, 0 AS part, 0 AS place,
    CASE relkind WHEN 'r' THEN 'table' ELSE 'kind ' || relkind::text END || ' ' || relname || ', owner ' || owner
      || CASE WHEN relforcerowsecurity AND relrowsecurity THEN ', row-level security forced'
           WHEN relrowsecurity THEN ', row-level security not forced' ELSE ', no row-level security' END AS fact
  FROM ours
  UNION ALL
  SELECT relname, 1, a.attnum, '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || CASE WHEN k.collname <> 'default' THEN ' collate ' || k.collname ELSE '' END
    || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
    || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
  FROM ours
    JOIN pg_attribute a ON a.attrelid = ours.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation k ON k.oid = a.attcollation
  UNION ALL
  SELECT relname, 2, 0, '  constraint ' || n.conname || ' ' || pg_get_constraintdef(n.oid)
  FROM ours JOIN pg_constraint n ON n.conrelid = ours.oid AND n.contype <> 'n'
  UNION ALL
  SELECT relname, 3, 0, '  ' || replace(replace(i.indexdef, 'CREATE UNIQUE INDEX', 'unique index'), 'CREATE INDEX', 'index')
  FROM ours JOIN pg_indexes i ON i.schemaname = 'public' AND i.tablename = relname
  UNION ALL
  SELECT relname, 4, 0, '  trigger ' || t.tgname
  FROM ours JOIN pg_trigger t ON t.tgrelid = ours.oid AND NOT t.tgisinternal
  UNION ALL
  SELECT relname, 5, 0, '  policy ' || p.policyname || ' ' || p.permissive || ' ' || p.cmd || ' to '
    || array_to_string(p.roles, ', ') || coalesce(' using ' || p.qual, '') || coalesce(' check ' || p.with_check, '')
  FROM ours JOIN pg_policies p ON p.schemaname = 'public' AND p.tablename = relname
  UNION ALL
  SELECT relname, 6, 0, '  grant ' || string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type) || ' to '
    || CASE g.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(g.grantee) END
  FROM ours CROSS JOIN LATERAL aclexplode(relacl) g
  WHERE pg_get_userbyid(g.grantee) <> owner
  GROUP BY relname, g.grantee
)
SELECT CASE WHEN part = 0 THEN E'\n' ELSE '' END || fact AS line
FROM facts ORDER BY relname COLLATE "C", part, place, fact COLLATE "C";
