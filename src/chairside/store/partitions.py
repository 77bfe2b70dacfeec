"""Monthly partitions of the audit trail: adds those to come, and drops one that holds nothing any more."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from chairside.store.lending import Connection
from chairside.store.sql import queries
from chairside.store.transactions import if_not_locked

# Partitioned tables, each with the indexes of a partition: the end of the name, the columns after the org, a condition.
INDEXES = {
    "audit_events": (("at", "at", ""), ("patient", "patient_id, at", " WHERE patient_id IS NOT NULL")),
    "audit_patients": (("at", "patient_id, at", ""),),
}
# Months after this one that have partitions. A job that does not run for so long is noticed by `doctor` before.
AHEAD = 3
# An exclusive lock on the table makes all writers wait, so it is not waited for long, and asked for again.
LOCK_SECONDS, TRIES, PAUSE_SECONDS = 0.5, 20, 0.5
# Why a month cannot be added: rows of it are in the partition of other times, or another server was first.
PASSED_OVER = (
    asyncpg.CheckViolationError,
    asyncpg.DuplicateTableError,
    asyncpg.DuplicateObjectError,
    asyncpg.UniqueViolationError,
    asyncpg.InvalidObjectDefinitionError,
)
# Why it is left to the next run.
BUSY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
_BOUND = re.compile(r"TO \('([^']+)'\)")


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition with the time before which its rows are; None for the one of all other times."""

    table: str
    name: str
    until: datetime | None


async def partitions(owner: Connection) -> list[Partition]:
    """Returns all partitions of the trail, by table and time."""
    found = []
    for row in await owner.fetch(queries()["partitions.all"], list(INDEXES)):
        bound = _BOUND.search(row["bounds"])
        until = datetime.fromisoformat(_iso(bound[1])) if bound else None
        found.append(Partition(row["parent"], row["name"], until))
    return sorted(found, key=lambda p: (p.table, p.until is None, p.until or datetime.max.replace(tzinfo=UTC)))


def _iso(text: str) -> str:
    return text.replace("+00", "+00:00") if text.endswith("+00") else text


async def add_months(owner: Connection, now: datetime) -> list[str]:
    """Makes the partitions of this month and the next ones that are missing; returns their names.

    A month of which rows are in the partition of other times already gets none; `doctor` says so.
    """
    made = []
    there = await partitions(owner)
    for table in {p.table: None for p in there}:  # none before the migration that makes them
        last = max(p.until for p in there if p.table == table and p.until is not None)
        while last < months_after(now, AHEAD + 1):
            name = f"{table}_{last:%Y_%m}"
            try:
                with contextlib.suppress(*PASSED_OVER):
                    await _add(owner, table, name, last)
                    made.append(name)
            except BUSY:
                break
            last = months_after(last, 1)
    return made


async def _add(owner: Connection, table: str, name: str, start: datetime) -> None:
    """Fills nothing and scans nothing but the partition of other times; readers and writers of the table go on."""
    until = months_after(start, 1)
    # Statements that are sent at once are all done or none.
    statements = [
        f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'",
        f"CREATE TABLE {name} (LIKE {table} INCLUDING STORAGE)",
        *(
            f"CREATE INDEX {name}_{end} ON {name} (org_id, {columns}){condition}"
            for end, columns, condition in INDEXES[table]
        ),
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{until}')",
    ]
    await owner.execute("; ".join(statements))


async def lock_against_writes(owner: Connection, names: Sequence[str]) -> bool:
    """Locks partitions, which are of the past, within the caller's transaction; False when they cannot be locked."""
    return all([await _try(owner, f"LOCK TABLE {name} IN SHARE MODE") for name in names])


async def drop(owner: Connection, name: str) -> bool:
    """Drops a partition within the caller's transaction; False when its table cannot be locked.

    Each try waits for the lock a moment only, because all who write wait behind it.
    """
    return await _try(owner, f"DROP TABLE {name}")


async def _try(owner: Connection, statement: str) -> bool:
    for attempt in range(TRIES):
        if await if_not_locked(owner, statement, LOCK_SECONDS):
            return True
        await asyncio.sleep(PAUSE_SECONDS * (attempt + 1 < TRIES))
    return False


def months_after(at: datetime, months: int) -> datetime:
    """Returns the beginning of the month so many months after that of a UTC time."""
    count = at.year * 12 + at.month - 1 + months
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)
