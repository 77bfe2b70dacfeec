-- name: all
-- The partitions of some tables with their bounds as text.
SELECT p.relname::text AS parent, c.relname::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds
FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
WHERE p.relnamespace = 'public'::regnamespace AND p.relname = ANY ($1::text[]);

-- name: size
-- Bytes of the rows of a partition.
SELECT pg_relation_size(to_regclass($1));
