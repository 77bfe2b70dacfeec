"""What a database holds, told shortly enough to compare: of every table and org the number of rows and their digest."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chairside import embedded
from tests.database import Connection, connected

TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
OWNED = "SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'org_id' AND NOT attisdropped"
# Columns that a restore changes on purpose, to start a new epoch.
OF_EPOCHS = ["suspended_at", "version_base", "base"]
Sums = dict[tuple[str, str], tuple[int, str]]


def checksums(data_dir: Path) -> Sums:
    """By table and org; what is of no org stands under its own id or none."""
    with embedded.attached(data_dir, progress=lambda _: None):
        return asyncio.run(_all(data_dir))


async def _all(data_dir: Path) -> Sums:
    async with connected(data_dir, "superuser") as connection:
        owned = {row[0] for row in await connection.fetch(OWNED)}
        found: Sums = {}
        for (table,) in await connection.fetch(TABLES):
            found |= await _of(connection, table, "org_id" if table in owned else "id" if table == "orgs" else "''")
        return found


async def _of(connection: Connection, table: str, by: str) -> Sums:
    digest = "md5(string_agg(r, '|' ORDER BY r COLLATE \"C\"))"
    rows = await connection.fetch(
        f"SELECT owner, count(*), {digest} FROM (SELECT {by}::text AS owner, (to_jsonb(t) - $1::text[])::text AS r"
        f" FROM {table} t) rows GROUP BY 1",
        OF_EPOCHS,
    )
    return {(table, row[0]): (row[1], row[2]) for row in rows}


def differences(one: Sums, other: Sums) -> list[str]:
    """The tables of which they tell different things, without the things."""
    return sorted(
        {table for table, org in one.keys() | other.keys() if one.get((table, org)) != other.get((table, org))}
    )
