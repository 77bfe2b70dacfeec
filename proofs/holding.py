"""Stops the database at a chosen moment of a write, so that a kill there is no matter of luck."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chairside.store.pool import AWAY
from chairside.store.transactions import WRITING
from tests.database import Connection, connected

BOUND_SECONDS = 120
# By the name that a write's transaction bears, for the server commits other things as well.
WAITING = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event = $1 AND starts_with(application_name, '{WRITING}')"


@asynccontextmanager
async def commits_held(data_dir: Path) -> AsyncIterator[None]:
    """In the block a commit reaches the disk and is not answered, for it waits for a standby that does not exist."""
    settings = os.open(data_dir / "postgres" / "postgresql.conf", os.O_RDWR)
    size = os.fstat(settings).st_size
    try:
        os.pwrite(settings, b"synchronous_standby_names = 'nobody'\n", size)
        async with connected(data_dir, "superuser") as database:
            await _reloaded(database, "nobody")
        yield
    finally:
        os.ftruncate(settings, size)
        os.close(settings)
        await _let_go(data_dir)


@asynccontextmanager
async def patients_held(data_dir: Path) -> AsyncIterator[None]:
    """In the block no statement on patients gets through; none of a transaction has been committed then."""
    async with connected(data_dir, "superuser") as database, database.transaction():
        await database.execute("LOCK TABLE patients IN ACCESS EXCLUSIVE MODE")
        yield


async def until_one_waits(data_dir: Path, event: str) -> None:
    """Until a write is where it is held."""
    async with asyncio.timeout(BOUND_SECONDS), connected(data_dir, "superuser") as database:
        while not await database.fetchval(WAITING, event):  # noqa: ASYNC110 - it sets no event of this process
            await asyncio.sleep(0.005)


async def _let_go(data_dir: Path) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while True:
            try:
                async with connected(data_dir, "superuser") as database:
                    await _reloaded(database, "")
                return
            except (ConnectionRefusedError, FileNotFoundError):
                return  # it was killed meanwhile, and its next start writes the settings anew
            except AWAY:
                await asyncio.sleep(0.05)  # it is on its way out, or back


async def _reloaded(database: Connection, names: str) -> None:
    await database.execute("SELECT pg_reload_conf()")
    while await database.fetchval("SHOW synchronous_standby_names") != names:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.01)
