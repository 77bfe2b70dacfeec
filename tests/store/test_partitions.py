"""The audit trail is kept in monthly partitions: an upgrade moves no row, and months are added before they begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from chairside import embedded
from chairside.cli import record_checks
from chairside.store import migrate as schema
from chairside.store.migrate import migrate, migrations
from chairside.store.partitions import AHEAD, add_months, drop, months_after, partitions
from chairside.store.pool import Place, connect
from tests.house import House

ORG, OTHER = "00000000-0000-7000-9000-000000000001", "00000000-0000-7000-9000-000000000002"
ROWS = 300
OLD_ROWS = """INSERT INTO audit_events (org_id, id, at, action, method, route, status, outcome, request_id, patients)
SELECT $1::uuid, gen_random_uuid(), now() - i * interval '1 day', 'read', 'GET', '/', 200, 'allowed', 'r' || i,
  ARRAY[$1::uuid]
FROM generate_series(0, $2::int - 1) i"""
OLD_PATIENTS = """INSERT INTO audit_patients (org_id, patient_id, at)
SELECT $1::uuid, $1::uuid, now() - i * interval '1 day' FROM generate_series(0, $2::int - 1) i"""
FILE = "SELECT pg_relation_filenode($1::regclass)"
WHERE = "SELECT tableoid::regclass::text AS name, count(*) AS rows FROM {} GROUP BY 1 ORDER BY 1"


@pytest.fixture
async def superuser(house: House, empty: Place) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await connect(replace(empty, user=embedded.endpoint(house.data_dir).superuser))
    try:
        yield connection
    finally:
        await connection.close()


async def migrated(place: Place, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Brings a database to a migration, as a server that was killed after it would leave it."""
    with monkeypatch.context() as before:
        before.setattr(schema, "migrations", lambda: [m for m in migrations() if m.number <= number])
        await migrate(place)


async def test_an_upgrade_moves_no_row(
    empty: Place, superuser: asyncpg.Connection[asyncpg.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables become the first partitions as they are, with their indexes; servers of the release before write on
    between all steps, and what is written later goes into the month's partition."""
    await migrated(empty, 24, monkeypatch)
    for org in (ORG, OTHER):
        await superuser.execute(OLD_ROWS, org, ROWS)
        await superuser.execute(OLD_PATIENTS, org, ROWS)
    before = [await superuser.fetchval(FILE, each) for each in ("audit_events", "audit_events_pkey", "audit_patients")]
    for number in (25, 26, 27):
        await migrated(empty, number, monkeypatch)
        await superuser.execute(OLD_ROWS, ORG, 1)
    names = ("audit_events_first", "audit_events_pkey", "audit_patients_first")
    assert [await superuser.fetchval(FILE, each) for each in names] == before
    found = await superuser.fetch(WHERE.format("audit_events"))
    assert [tuple(row) for row in found] == [("audit_events_first", 2 * ROWS + 3)]
    for table in ("audit_events_first", "audit_patients_first"):
        assert not await superuser.fetchval("SELECT has_table_privilege('chairside_app', $1, 'SELECT, INSERT')", table)
    assert await superuser.fetchval("SELECT count(*) FROM audit_records WHERE patients = ARRAY[$1::uuid]", ORG) == (
        ROWS + 3
    )
    await migrate(empty)
    month = next(p for p in await partitions(superuser) if p.name == "audit_events_first")
    assert month.until == months_after(datetime.now(UTC), 2)
    later = f"'{(month.until + timedelta(seconds=1)).isoformat()}'::timestamptz"
    await superuser.execute(OLD_ROWS.replace("now()", later), ORG, 1)
    found = await superuser.fetch(WHERE.format("audit_events"))
    assert (f"audit_events_{month.until:%Y_%m}", 1) in [tuple(row) for row in found]


async def test_a_new_database_begins_with_this_month(
    empty: Place, superuser: asyncpg.Connection[asyncpg.Record]
) -> None:
    """The months ahead are there at once, and migrating again adds none."""
    await migrate(empty)
    now = datetime.now(UTC)
    for table in ("audit_events", "audit_patients"):
        there = [p.until for p in await partitions(superuser) if p.table == table]
        assert there == [*(months_after(now, n) for n in range(1, AHEAD + 2)), None]
    await migrate(empty)
    assert len(await partitions(superuser)) == 2 * (AHEAD + 2)
    for row in await superuser.fetch(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced,"
        " has_table_privilege('chairside_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE') AS open"
        " FROM pg_class c WHERE c.relispartition AND c.relkind = 'r' AND c.relname LIKE 'audit%'"
    ):
        assert (row["forced"], row["open"]) == (True, False), row["relname"]


async def test_months_are_added_by_one_of_many(empty: Place, superuser: asyncpg.Connection[asyncpg.Record]) -> None:
    """Servers that add the same months at once trip over nothing; each month is there once."""
    await migrate(empty)
    year = datetime.now(UTC) + timedelta(days=365)
    others = [await connect(empty) for _ in range(3)]
    try:
        await asyncio.gather(*(add_months(other, year) for other in others))
        await add_months(others[0], year)
    finally:
        for other in others:
            await other.close()
    untils = [p.until for p in await partitions(superuser) if p.table == "audit_events"]
    assert untils[-2] == months_after(year, AHEAD + 1)
    assert len(set(untils)) == len(untils)


async def test_a_time_that_has_no_month_is_kept(empty: Place, superuser: asyncpg.Connection[asyncpg.Record]) -> None:
    """The clock of an org may be years ahead: its records are stored and found, and its months get no partition."""
    await migrate(empty)
    now = datetime.now(UTC)
    await superuser.execute(
        OLD_ROWS.replace("now()", f"'{months_after(now, AHEAD + 2).isoformat()}'::timestamptz"), ORG, 1
    )
    assert [tuple(row) for row in await superuser.fetch(WHERE.format("audit_events"))] == [("audit_events_other", 1)]
    owner = await connect(empty)
    try:
        await add_months(owner, months_after(now, 3))
    finally:
        await owner.close()
    names = {p.name for p in await partitions(superuser)}
    assert f"audit_events_{months_after(now, AHEAD + 1):%Y_%m}" in names
    assert f"audit_events_{months_after(now, AHEAD + 2):%Y_%m}" not in names
    assert f"audit_events_{months_after(now, AHEAD + 3):%Y_%m}" in names
    assert f"audit_patients_{months_after(now, AHEAD + 2):%Y_%m}" in names


async def test_a_drop_that_cannot_lock_the_table_leaves_it(
    empty: Place, superuser: asyncpg.Connection[asyncpg.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody reads the trail for long: writers wait for moments only, and the caller's transaction goes on."""
    monkeypatch.setattr("chairside.store.partitions.TRIES", 2)
    monkeypatch.setattr("chairside.store.partitions.LOCK_SECONDS", 0.1)
    await migrate(empty)
    owner, reader = await connect(empty), superuser
    try:
        async with reader.transaction():
            await reader.fetch("SELECT count(*) FROM audit_events")
            await owner.execute("BEGIN")
            assert not await drop(owner, "audit_events_first")
        assert await drop(owner, "audit_events_first")
        await owner.execute("COMMIT")
    finally:
        await owner.close()
    assert "audit_events_first" not in {p.name for p in await partitions(superuser)}


async def test_doctor_says_when_months_are_missing_or_passed_over(
    empty: Place, superuser: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Before a month begins without a partition, and when rows are where no month is."""

    async def said() -> tuple[str, str]:
        owner = await connect(empty)
        try:
            [found] = [finding for finding in await record_checks.examine(owner) if finding.name == "partitions"]
            return found.level, found.says
        finally:
            await owner.close()

    await migrate(empty)
    now = datetime.now(UTC)
    assert await said() == ("ok", f"months up to {months_after(now, AHEAD):%Y-%m}")
    await superuser.execute(
        OLD_ROWS.replace("now()", f"'{months_after(now, AHEAD + 2).isoformat()}'::timestamptz"), ORG, 1
    )
    level, says = await said()
    assert (level, says.startswith("audit_events_other holds 8 kilobytes")) == ("warning", True)
    for month in range(1, AHEAD + 1):
        await superuser.execute(f"DROP TABLE audit_patients_{months_after(now, month):%Y_%m}")
    level, says = await said()
    assert (level, says.startswith(f"audit_patients has no partition for {months_after(now, 1):%Y-%m}")) == (
        "warning",
        True,
    )
