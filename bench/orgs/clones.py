"""More orgs with the catalogs of the first: the same ids, which a key that begins with the org tells apart."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from bench.orgs.pattern import columns
from chairside.records import ALL
from chairside.records.patients import PATIENTS

# What stands for the org itself has its id, and is not copied as it is.
_OF_ORG = (
    f"""INSERT INTO orgs (id, name, region, created_at, derivation)
    SELECT o.id, 'Bench Dental ' || o.n, 'US', now(), {PATIENTS.derivation}
    FROM unnest($1::uuid[]) WITH ORDINALITY o (id, n)""",
    """INSERT INTO event_heads (org_id, last) SELECT id, 0 FROM unnest($1::uuid[]) id""",
    """INSERT INTO org_settings (org_id, id, blocking_preset, timezone, created_at, updated_at, version)
    SELECT id, id, 'reference', 'America/New_York', now(), now(), 1 FROM unnest($1::uuid[]) id""",
)


async def add(connection: asyncpg.Connection[asyncpg.Record], org_id: str, others: Sequence[str]) -> None:
    if not others:
        return
    for statement in _OF_ORG:
        await connection.execute(statement, others)
    catalogs = [kind.table for kind in ALL if kind.parent is None and "name" in {f.name for f in kind.fields}]
    for table in ("users", *catalogs):
        listed = [c for c in await columns(connection, table) if c != "org_id"]
        names = ", ".join(listed)
        await connection.execute(
            f"INSERT INTO {table} (org_id, {names}) SELECT o.id, {', '.join('c.' + name for name in listed)}"
            f" FROM {table} c CROSS JOIN unnest($2::uuid[]) o (id) WHERE c.org_id = $1",
            org_id,
            others,
        )
