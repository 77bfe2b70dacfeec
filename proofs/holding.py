"""Stops the database at a chosen moment of a write, so that a kill there is no matter of luck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.database import Connection, connected

BOUND_SECONDS = 60
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'chairside_app' AND wait_event = $1"


@asynccontextmanager
async def commits_held(data_dir: Path) -> AsyncIterator[Connection]:
    """In the block a commit reaches the disk and is not answered, for it waits for a standby that does not exist."""
    settings = data_dir / "postgres" / "postgresql.conf"
    kept = settings.read_text()
    async with connected(data_dir, "superuser") as database:
        settings.write_text(f"{kept}synchronous_standby_names = 'nobody'\n")
        try:
            await _reloaded(database, "nobody")
            yield database
        finally:
            settings.write_text(kept)
            await _reloaded(database, "")


@asynccontextmanager
async def patients_held(data_dir: Path) -> AsyncIterator[Connection]:
    """In the block no statement on patients gets through; none of a transaction has been committed then."""
    async with connected(data_dir, "superuser") as database, database.transaction():
        await database.execute("LOCK TABLE patients IN ACCESS EXCLUSIVE MODE")
        yield database


async def waiting(database: Connection, event: str) -> int:
    """How many of the server's transactions wait for this."""
    return int(await database.fetchval(WAITING, event))


async def _reloaded(database: Connection, names: str) -> None:
    await database.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(BOUND_SECONDS):
        while await database.fetchval("SHOW synchronous_standby_names") != names:  # noqa: ASYNC110 - it sets no event here
            await asyncio.sleep(0.01)
