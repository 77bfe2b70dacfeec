"""Starts a new epoch after a restore: tokens are suspended, and no version or feed number is given out twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from chairside.store.lending import Connection
from chairside.store.pool import Place, connect
from chairside.store.sql import queries
from chairside.store.transactions import transaction

# Numbers left out beside those that time allows, for a restore of what was backed up a moment ago.
SLACK = 1 << 20
# Changes of one record, and events of one org, in a second: several times what a large server writes.
FASTEST_RECORD, FASTEST_ORG = 1_000, 10_000


@dataclass(frozen=True, slots=True)
class Epoch:
    """A begun epoch: the number of orgs, and of tokens that were suspended."""

    orgs: int
    suspended: int


async def begin_epoch(owner: Place, *, since: datetime | None = None, now: datetime | None = None) -> Epoch:
    """Starts a new epoch in every org of a restored database, which has the schema of this release.

    `since` is the moment as of which the database was restored; without it, the newest record of all orgs tells. All
    numbers that can have been given out between then and `now` are left out. No server may use the database meanwhile.
    Beginning twice is harmless.
    """
    connection = await connect(owner)
    try:
        now = now or datetime.now(UTC)
        orgs = [row["id"] for row in await connection.fetch(queries()["orgs.all"])]
        since = since or await _newest(connection, orgs) or now
        seconds = max(0, round((now - since).total_seconds()))
        highest = _highest([row["name"] for row in await connection.fetch(queries()["epochs.versioned"])])
        suspended = 0
        for org in orgs:
            async with transaction(connection, org, writes=True):
                most = await connection.fetchval(highest, org) or 0
                moved = most + SLACK + FASTEST_RECORD * seconds
                await connection.execute(queries()["epochs.move_versions"], org, moved)
                await connection.execute(queries()["epochs.move_feed"], org, SLACK + FASTEST_ORG * seconds)
                status = await connection.execute(queries()["epochs.suspend"], org, now)
                suspended += int(status.rsplit(" ", 1)[1])
        return Epoch(len(orgs), suspended)
    finally:
        await connection.close()


async def _newest(connection: Connection, orgs: list[str]) -> datetime | None:
    found: list[datetime] = []
    for org in orgs:
        async with transaction(connection, org, writes=False):
            if at := await connection.fetchval(queries()["epochs.newest"], org):
                found.append(at)
    return max(found, default=None)


def _highest(tables: list[str]) -> str:
    """The statement that finds an org's highest stored version."""
    parts = ", ".join(f"(SELECT max(version) FROM {table} WHERE org_id = $1)" for table in tables)
    return f"SELECT greatest({parts})"
