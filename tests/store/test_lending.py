"""Connections are lent to one user at a time, never more than there may be, and none is lost or lent while busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chairside import embedded
from chairside.app import server_place
from chairside.settings import Settings
from chairside.store.lending import Connection, Lender
from chairside.store.pool import Place, Pool, connect
from tests.database import connected
from tests.house import House

SIZE = 3
LONGEST = 60.0
OWN_PID = "SELECT pg_backend_pid()"
ORG = "SELECT current_setting('app.org')"
NOTED = """INSERT INTO patient_counts (org_id, id, archived, status, n)
VALUES ($1, gen_random_uuid(), false, 'active', 0)"""


class Lending:
    """A lender of `SIZE`, and every connection it opened."""

    def __init__(self, house: House, patience: float = 30) -> None:
        at = embedded.endpoint(house.data_dir)
        self._place = Place(host=at.host, port=at.port, user=at.app, database=at.database)
        self.opened: list[Connection] = []
        self.lender = Lender(self._open, size=SIZE, patience=patience)

    async def _open(self) -> Connection:
        self.opened.append(await connect(self._place))
        return self.opened[-1]

    def alive(self) -> int:
        return sum(not c.is_closed() for c in self.opened)

    async def all_of_them(self) -> list[Connection]:
        return [await self.lender.borrow(LONGEST) for _ in range(SIZE)]


@pytest.fixture
async def lending(house: House) -> AsyncIterator[Lending]:
    made = Lending(house)
    yield made
    await made.lender.close()
    assert made.alive() == 0


async def test_many_users_share_few_connections_one_at_a_time(lending: Lending) -> None:
    """Two users of one connection would see each other's transaction, and the org of the other with it."""
    held: set[Connection] = set()

    async def use() -> None:
        for _ in range(10):
            connection = await lending.lender.borrow(LONGEST)
            assert connection not in held
            held.add(connection)
            await connection.execute("SELECT 1")
            held.remove(connection)
            lending.lender.give_back(connection)

    await asyncio.gather(*(use() for _ in range(8 * SIZE)))
    assert len(lending.opened) <= SIZE


async def test_who_gives_up_waiting_loses_nothing(lending: Lending) -> None:
    """Cancelled in line, cancelled just when called, cancelled while one is opened: all connections come back."""
    lent = await lending.all_of_them()
    waiting = [asyncio.create_task(lending.lender.borrow(LONGEST)) for _ in range(2 * SIZE)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    for connection in lent:
        lending.lender.give_back(connection)
    for task in waiting:  # some have been called, and none has run since
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(30):
        again = await lending.all_of_them()
    for connection in again:
        lending.lender.give_back(connection)
    assert lending.alive() == SIZE


async def test_who_cannot_open_one_leaves_the_place_to_others(lending: Lending) -> None:
    opening = [asyncio.create_task(lending.lender.borrow(LONGEST)) for _ in range(2 * SIZE)]
    await asyncio.sleep(0)
    for task in opening[:SIZE]:
        task.cancel()
    async with asyncio.timeout(30):
        lent = [r for r in await asyncio.gather(*opening, return_exceptions=True) if not isinstance(r, BaseException)]
    assert len(lent) == SIZE
    for connection in lent:
        lending.lender.give_back(connection)


async def test_one_in_the_middle_of_a_transaction_is_not_lent_again(lending: Lending) -> None:
    connection = await lending.lender.borrow(LONGEST)
    await connection.execute("BEGIN")
    lending.lender.give_back(connection)
    assert connection.is_closed()
    another = await lending.lender.borrow(LONGEST)
    assert not another.is_in_transaction()
    lending.lender.give_back(another)


async def test_one_that_is_kept_too_long_is_closed_under_its_user(house: House, lending: Lending) -> None:
    """Who waits for an answer that does not come is told so, and the others that lie idle are not lent any more."""
    told: list[bool] = []
    lending.lender._silent = lambda: told.append(True)
    kept, other = await lending.lender.borrow(0.0), await lending.lender.borrow(LONGEST)
    sleeps = kept.get_server_pid()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await kept.execute("SELECT pg_sleep(60)")
    async with connected(house.data_dir, "superuser") as superuser:  # its snapshot would keep other tests' VACUUM back
        assert await superuser.fetchval("SELECT pg_terminate_backend($1, 10000)", sleeps)
    assert kept.is_closed()
    assert told == [True]
    assert await other.fetchval("SELECT 1") == 1
    for connection in (kept, other):
        lending.lender.give_back(connection)


async def test_a_read_is_left_open_only_for_who_waits_and_sees_nothing_of_it(house: House) -> None:
    """Nobody, somebody who reads, somebody who writes; each as their own org, and what was written stays."""
    one, two, three = (house.org(name).id for name in ("One", "Two", "Three"))
    pool = Pool(server_place(Settings(data_dir=house.data_dir)), size=1)
    begun: list[Connection] = []

    async def ask(org_id: str, writes: bool) -> tuple[str, str]:
        async with pool.transaction(org_id, writes=writes) as connection:
            begun.append(connection)
            if writes:
                await connection.execute(NOTED, org_id)
            return await connection.fetchval(ORG), await connection.fetchval("SHOW transaction_read_only")

    try:
        async with pool.transaction(one, writes=False) as connection:
            others = [asyncio.create_task(ask(two, False)), asyncio.create_task(ask(three, True))]
            await asyncio.sleep(0)  # until they stand in line
            assert await connection.fetchval(ORG) == one
        assert connection.is_in_transaction()
        assert await asyncio.gather(*others) == [(two, "on"), (three, "off")]
        assert begun == [connection, connection]
        assert not connection.is_in_transaction()
        assert await ask(one, False) == (one, "on")
        assert not connection.is_in_transaction()
        async with pool.transaction(three, writes=False):
            assert await connection.fetchval("SELECT count(*) FROM patient_counts WHERE org_id = $1", three) == 1
    finally:
        await pool.close()


async def test_a_change_that_was_never_committed_is_not_by_who_comes_next(house: House) -> None:
    """Whatever was left open is rolled back by the next in line, never committed."""
    org_id = house.org("Left Open Dental").id
    pool = Pool(server_place(Settings(data_dir=house.data_dir)), size=1)

    async def count() -> int:
        async with pool.transaction(org_id, writes=False) as connection:
            return int(await connection.fetchval("SELECT count(*) FROM patient_counts WHERE org_id = $1", org_id))

    try:
        left = await pool._lender.borrow(LONGEST)
        await left.execute(f"BEGIN; SET LOCAL app.org = '{org_id}'")
        await left.execute(NOTED, org_id)
        next_in_line = asyncio.create_task(count())
        await asyncio.sleep(0)
        pool._lender.give_back(left)
        assert await next_in_line == 0
        assert await count() == 0
    finally:
        await pool.close()


async def test_one_that_the_server_has_closed_is_replaced(lending: Lending, house: House) -> None:
    connection = await lending.lender.borrow(LONGEST)
    pid = await connection.fetchval(OWN_PID)
    lending.lender.give_back(connection)
    async with connected(house.data_dir, "superuser") as above:
        await above.execute("SELECT pg_terminate_backend($1, 10000)", pid)
    while not connection.is_closed():  # until the driver has read of it  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    another = await lending.lender.borrow(LONGEST)
    assert await another.fetchval(OWN_PID) != pid
    lending.lender.give_back(another)


async def test_who_waits_longer_than_the_patience_is_told(house: House) -> None:
    hasty = Lending(house, patience=5)
    lent = await hasty.all_of_them()
    hasty.lender._patience = 0.05  # opening took as long as it took
    with pytest.raises(TimeoutError):
        await hasty.lender.borrow(LONGEST)
    hasty.lender.give_back(lent[0])
    assert await hasty.lender.borrow(LONGEST) is lent[0]
    await hasty.lender.close()
    assert hasty.alive() == 0


async def test_those_that_nobody_needed_for_long_are_closed(lending: Lending, monkeypatch: pytest.MonkeyPatch) -> None:
    for connection in await lending.all_of_them():
        lending.lender.give_back(connection)
    await lending.lender.rest()
    assert lending.alive() == SIZE
    monkeypatch.setattr("chairside.store.lending.IDLE_SECONDS", -1.0)
    await lending.lender.rest()
    assert lending.alive() == 0
