"""A way into the database of a running house for tests that look behind the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from chairside import embedded
from chairside.store.pool import ROLE, prepare
from tests.hosting import Hosted

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection


# The PostgreSQL that the server of a data directory uses instead of the embedded one.
elsewhere: dict[Path, Hosted] = {}


@asynccontextmanager
async def connected(data_dir: Path, role: str = "app") -> AsyncIterator[Connection]:
    """A connection to a data directory's running database as its app, owner or superuser."""
    connection = await (_elsewhere(elsewhere[data_dir], role) if data_dir in elsewhere else _embedded(data_dir, role))
    try:
        await prepare(connection)
        yield connection
    finally:
        await connection.close()


async def _embedded(data_dir: Path, role: str) -> Connection:
    at = embedded.endpoint(data_dir)
    return await asyncpg.connect(host=at.host, port=at.port, user=getattr(at, role), database=at.database, timeout=30)


async def _elsewhere(at: Hosted, role: str) -> Connection:
    url = at.host_url if role == "superuser" else at.url
    become = {"role": ROLE} if role == "app" else {}
    return await asyncpg.connect(url, server_settings=become, timeout=30)
