"""Audit records of reads share a commit with those of reads beside them, and wait for none that does not come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from chairside import embedded
from chairside.engine.audit import Entry, Trail, stored
from chairside.engine.audit_keys import numbered_keys
from chairside.engine.ids import new_id
from chairside.store.pool import Place, Pool
from tests.database import connected
from tests.house import House, Org

PATIENCE_SECONDS = 20
ROUTE = "/group-commit"
KEYS = numbered_keys([(b"k" * 32, b"s" * 32, datetime(2026, 1, 1, tzinfo=UTC))])


@pytest.fixture
async def trail(house: House, org: Org) -> AsyncIterator[Trail]:
    """A trail beside the server's; its records are deleted, for the server would never seal them."""
    at = embedded.endpoint(house.data_dir)
    pool = Pool(Place(host=at.host, port=at.port, user=at.app, database=at.database), size=1)
    made = Trail(pool)
    made.start()
    await made.name(record(org, new_id()))
    yield made
    await made.stop()
    await pool.close()
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(
            "DELETE FROM audit_events e USING audit_operations o"
            " WHERE e.org_id = $1 AND o.org_id = $1 AND o.id = e.operation AND o.route = $2",
            org.id,
            ROUTE,
        )


def record(org: Org, about: str) -> Entry:
    now = datetime.now(UTC)
    who = (org.id, "Nobody", "admin", "read", "patient", about, None)
    return stored(KEYS, (org.id, new_id(), now, *who, "GET", ROUTE, 200, "allowed", "r", None, None, None, None))


async def commits(house: House, about: list[str]) -> list[int]:
    """Of each of these records that is there, in the order of their making, the transaction that wrote it."""
    async with connected(house.data_dir, "superuser") as connection:
        rows = await connection.fetch(
            "SELECT xmin::text::bigint AS x FROM audit_events WHERE record_id = ANY($1::uuid[]) ORDER BY at", about
        )
        return [row["x"] for row in rows]


async def test_the_first_of_reads_under_way_together_is_committed_with_most_of_them(
    trail: Trail, house: House, org: Org
) -> None:
    """Each flush is a commit, and one for each read costs a busy server more than the reads themselves."""
    about = [new_id() for _ in range(6)]

    async def read(number: int) -> None:
        with trail.expecting():
            for _ in range(number):
                await asyncio.sleep(0)
        await trail.write(record(org, about[number]))

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(read(number) for number in range(6)))
    found = await commits(house, about)
    assert len(found) == 6
    assert found.count(found[0]) >= 4


async def test_a_long_read_holds_up_nobody(trail: Trail, house: House, org: Org) -> None:
    """A page of a thousand may take seconds, and whoever reads one record beside it must not wait for that."""
    about = [new_id()]
    with trail.expecting(), trail.expecting():
        async with asyncio.timeout(PATIENCE_SECONDS):
            await trail.write(record(org, about[0]))
        assert len(await commits(house, about)) == 1
