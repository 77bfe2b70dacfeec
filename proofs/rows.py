"""What the database holds of an org, table by table, as a superuser sees it: no policy can hide a change."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from tests.database import connected

Sums = dict[str, tuple[int, str]]
TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND a.attname = 'org_id'
  AND NOT c.relispartition AND c.relname <> ALL($1)
"""


def sums(data_dir: Path, org_id: str, without: Collection[str] = ()) -> Sums:
    """How many rows each table holds of the org, and a checksum of all their values."""
    return asyncio.run(_sums(data_dir, org_id, without))


async def _sums(data_dir: Path, org_id: str, without: Collection[str]) -> Sums:
    found: Sums = {}
    async with connected(data_dir, "superuser") as connection:
        for row in await connection.fetch(TABLES, list(without)):
            table = row["relname"]
            [held] = await connection.fetch(
                "SELECT count(*) AS rows, coalesce(md5(string_agg(h, '' ORDER BY h)), '') AS sum"
                f' FROM (SELECT md5(t::text) AS h FROM "{table}" t WHERE org_id = $1) hashed',
                org_id,
            )
            found[table] = (held["rows"], held["sum"])
    return found


def differences(before: Sums, after: Sums) -> list[str]:
    """The tables whose rows are not as they were."""
    return [f"{table}: {before.get(table)} -> {after[table]}" for table in after if before.get(table) != after[table]]


def execute(data_dir: Path, *statements: str) -> None:
    """Run statements as a superuser, one after the other."""

    async def run() -> None:
        async with connected(data_dir, "superuser") as connection:
            for statement in statements:
                await connection.execute(statement)

    asyncio.run(run())
