"""A way into the database of a running house for tests that look behind the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from chairside import embedded
from chairside.store.pool import prepare

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection


@asynccontextmanager
async def connected(data_dir: Path, role: str = "app") -> AsyncIterator[Connection]:
    """A connection to a data directory's running database as its app, owner or superuser."""
    at = embedded.endpoint(data_dir)
    connection = await asyncpg.connect(
        host=at.host, port=at.port, user=getattr(at, role), database=at.database, timeout=30
    )
    try:
        await prepare(connection)
        yield connection
    finally:
        await connection.close()
