"""Connections are lent to one user at a time, never more than there may be, and none is lost or lent while busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chairside import embedded
from chairside.store.lending import Connection, Lender
from chairside.store.pool import Place, connect
from tests.database import connected
from tests.house import House

SIZE = 3
OWN_PID = "SELECT pg_backend_pid()"


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
        return [await self.lender.borrow() for _ in range(SIZE)]


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
            connection = await lending.lender.borrow()
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
    waiting = [asyncio.create_task(lending.lender.borrow()) for _ in range(2 * SIZE)]
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
    opening = [asyncio.create_task(lending.lender.borrow()) for _ in range(2 * SIZE)]
    await asyncio.sleep(0)
    for task in opening[:SIZE]:
        task.cancel()
    async with asyncio.timeout(30):
        lent = [r for r in await asyncio.gather(*opening, return_exceptions=True) if not isinstance(r, BaseException)]
    assert len(lent) == SIZE
    for connection in lent:
        lending.lender.give_back(connection)


async def test_one_in_the_middle_of_a_transaction_is_not_lent_again(lending: Lending) -> None:
    connection = await lending.lender.borrow()
    await connection.execute("BEGIN")
    lending.lender.give_back(connection)
    assert connection.is_closed()
    another = await lending.lender.borrow()
    assert not another.is_in_transaction()
    lending.lender.give_back(another)


async def test_one_that_the_server_has_closed_is_replaced(lending: Lending, house: House) -> None:
    connection = await lending.lender.borrow()
    pid = await connection.fetchval(OWN_PID)
    lending.lender.give_back(connection)
    async with connected(house.data_dir, "superuser") as above:
        await above.execute("SELECT pg_terminate_backend($1, 10000)", pid)
    while not connection.is_closed():  # until the driver has read of it  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    another = await lending.lender.borrow()
    assert await another.fetchval(OWN_PID) != pid
    lending.lender.give_back(another)


async def test_who_waits_longer_than_the_patience_is_told(house: House) -> None:
    hasty = Lending(house, patience=5)
    lent = await hasty.all_of_them()
    hasty.lender._patience = 0.05  # opening took as long as it took
    with pytest.raises(TimeoutError):
        await hasty.lender.borrow()
    hasty.lender.give_back(lent[0])
    assert await hasty.lender.borrow() is lent[0]
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
