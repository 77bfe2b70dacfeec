"""A database that falls silent is left soon, with all that goes there, and keeps nothing of those that it lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import uuid4

import asyncpg
import pytest

from chairside.store.pool import AWAY, Place, Pool
from chairside.store.transactions import WHOLE_SINCE
from proofs.db_faults.proxy import Proxy, between
from tests.hosting import Hosted, hosted
from tests.house import wait_for

SIZE = 3
IN_TRANSACTION = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"

WITHIN_A_STATEMENT = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'ClientRead'"


@pytest.fixture(scope="module")
def at() -> Iterator[Hosted]:
    with hosted() as at:
        yield at


@pytest.fixture
def proxy(at: Hosted) -> Iterator[Proxy]:
    with between(at.port, random.Random(1)) as proxy:
        yield proxy


@asynccontextmanager
async def filled(at: Hosted, proxy: Proxy) -> AsyncIterator[Pool]:
    """A pool whose every connection is open and rests."""
    pool = Pool(Place(dsn=at.url.replace(f":{at.port}/", f":{proxy.port}/") + "?sslmode=disable"), size=SIZE)
    try:
        async with AsyncExitStack() as all_at_once:
            for _ in range(SIZE):
                await all_at_once.enter_async_context(pool.transaction(str(uuid4()), writes=False))
        yield pool
    finally:
        await pool.close()


async def once(pool: Pool) -> bool:
    """Whether a transaction came to its end."""
    try:
        async with pool.transaction(str(uuid4()), writes=True) as connection:
            await connection.fetchval("SELECT 1")
    except AWAY:
        return False
    return True


def test_one_silent_connection_is_reason_to_leave_all(at: Hosted, proxy: Proxy) -> None:
    """They died together, so the first request to find out is the only one that has to."""

    async def tried() -> list[bool]:
        async with filled(at, proxy) as pool:
            await asyncio.to_thread(proxy.set, "silent")
            await asyncio.to_thread(proxy.set, "calm")
            return [await once(pool) for _ in range(SIZE + 1)]

    assert asyncio.run(tried()) == [False, *[True] * SIZE]


def test_a_transaction_whose_connection_fell_silent_is_ended(at: Hosted, proxy: Proxy) -> None:
    """Its locks, that of its Idempotency-Key above all, would otherwise stay until the kernel gives up, after hours."""

    async def left_behind() -> None:
        async with filled(at, proxy) as pool:
            with suppress(*AWAY):
                async with pool.transaction(str(uuid4()), writes=True) as connection:
                    await asyncio.to_thread(proxy.set, "silent")
                    assert at.sql(IN_TRANSACTION) == "1"
                    await connection.fetchval("SELECT 1")

    asyncio.run(left_behind())
    wait_for(lambda: at.sql(IN_TRANSACTION) == "0")


def test_a_transaction_that_fell_silent_within_a_statement_is_ended(at: Hosted, proxy: Proxy) -> None:
    """The database has a part of a statement and waits for the rest: not idle, and holding its locks."""
    if int(at.sql("SHOW server_version_num")) < WHOLE_SINCE * 10_000:
        pytest.skip("PostgreSQL has no limit for this before release 17")

    async def left_behind() -> None:
        async with filled(at, proxy) as pool:
            with suppress(*AWAY):
                async with pool.transaction(str(uuid4()), writes=True) as connection:
                    await connection.prepare("SELECT relname FROM pg_class WHERE oid = $1")
                    await asyncio.to_thread(proxy.set, "silent")
                    assert at.sql(WITHIN_A_STATEMENT) == "1"
                    await connection.fetchval("SELECT 1")

    asyncio.run(left_behind())
    wait_for(lambda: at.sql(WITHIN_A_STATEMENT) == "0")


def test_a_large_transaction_may_take_longer(at: Hosted) -> None:
    """The limit of the whole is another one for it, and the old one again for the next."""

    async def limits() -> list[str]:
        pool = Pool(Place(dsn=at.url), size=1)
        found = []
        for large in (False, True, False):
            async with pool.transaction(str(uuid4()), writes=False, large=large) as connection:
                found.append(await connection.fetchval("SHOW transaction_timeout"))
        await pool.close()
        return found

    if int(at.sql("SHOW server_version_num")) >= WHOLE_SINCE * 10_000:
        assert asyncio.run(limits()) == ["7s", "5min", "7s"]


def test_the_org_of_a_transaction_is_not_left_on_its_connection(at: Hosted, proxy: Proxy) -> None:
    """Asked of the backends themselves, after one that ended well and one that was refused."""

    async def used() -> list[bytes]:
        async with filled(at, proxy) as pool:
            assert await once(pool)
            with suppress(asyncpg.UndefinedTableError):
                async with pool.transaction(str(uuid4()), writes=True) as connection:
                    await connection.execute("SELECT * FROM nowhere")
            return await asyncio.to_thread(proxy.ask_resting, "SELECT coalesce(current_setting('app.org', true), '')")

    assert asyncio.run(used()) == [b""] * SIZE
