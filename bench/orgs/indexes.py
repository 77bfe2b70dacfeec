"""Takes the indexes off tables that are about to be filled, and makes them anew from what is there then."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

# Primary keys stay where references need them; their ids grow, so they cost little meanwhile.
_FREE = """
SELECT i.indexrelid::regclass::text AS name, i.indrelid::regclass::text AS of, pg_get_indexdef(i.indexrelid) AS made,
  c.conname::text AS key, pg_get_constraintdef(c.oid) AS says
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
WHERE i.indrelid = ANY ($1::text[]::regclass[])
  AND (c.oid IS NULL OR NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = 'id'))
ORDER BY 1"""


async def drop(connection: asyncpg.Connection[asyncpg.Record], tables: Sequence[str]) -> list[str]:
    """Drop all that can be missing for a while; the statements that make them again."""
    again = []
    for row in await connection.fetch(_FREE, tables):
        if row["key"]:
            await connection.execute(f"ALTER TABLE {row['of']} DROP CONSTRAINT {row['key']}")
            again.append(f"ALTER TABLE {row['of']} ADD CONSTRAINT {row['key']} {row['says']}")
        else:
            await connection.execute(f"DROP INDEX {row['name']}")
            again.append(row["made"])
    return again


async def restore(connection: asyncpg.Connection[asyncpg.Record], statements: Sequence[str]) -> None:
    await connection.execute("SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 2")
    for statement in statements:
        await connection.execute(statement)
    await connection.execute("RESET maintenance_work_mem; RESET max_parallel_maintenance_workers")
