"""Connections to PostgreSQL: a role that owns nothing, and the org set for each transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import asyncpg

from chairside.errors import refuse
from chairside.store.sql import queries
from chairside.types import is_uuid

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection = Any

ROLE = "chairside_app"
WRITING = "chairside write "
AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
# What means "not now" rather than "wrong": the database is away, stopping, full, too busy, or lets nobody in.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    *AGAIN,
)
# Seconds. A database that is there answers sooner, so whatever takes longer is taken for dead and left: the rest of
# the five within which the server must work again go to connecting anew. Large operations may take their time.
PATIENCE, LONGEST, LONGEST_LARGE = 3.0, 4.5, 60.0
# The database gives up by itself a little earlier, and ends what a vanished connection left behind, locks above all.
LIMITS = {
    "statement_timeout": "4s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "4s",
    "idle_session_timeout": "15min",
}
LARGE_LIMITS = "; SET LOCAL statement_timeout = '55s'; SET LOCAL idle_in_transaction_session_timeout = '55s'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a database is and as whom to go there: a URL, or a socket directory with user and database."""

    dsn: str | None = None
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    database: str | None = None
    role: str | None = None

    def arguments(self) -> dict[str, Any]:
        named = {
            "dsn": self.dsn, "host": self.host, "port": self.port, "user": self.user, "password": self.password,
            "database": self.database,
        }  # fmt: skip
        # Statements are few and shaped for any value; planning some of them anew costs more than running them.
        plans = {"plan_cache_mode": "force_generic_plan", "jit": "off"}
        settings = {"application_name": "chairside", "timezone": "UTC", **plans}
        if self.role:
            settings["role"] = self.role
        return {k: v for k, v in named.items() if v is not None} | {"server_settings": settings}


async def connect(place: Place) -> asyncpg.Connection[asyncpg.Record]:
    """One connection outside any pool, for management commands."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(**place.arguments(), timeout=10)
    await prepare(connection)
    return connection


async def prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Ids travel as text: they are compared and sent on, never computed with."""
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")


class Pooled(asyncpg.Connection):
    """A connection that is let go without a farewell, for the other side may have been silent for long."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - as the driver calls it
        self.terminate()


class Pool:
    """The connections of one worker; every transaction names its org before its first statement."""

    def __init__(self, place: Place, *, size: int) -> None:
        self._place, self._size = place, size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._side: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        self._pool = await self._made(self._size)
        # Appending to the trail never waits for requests that wait for the trail.
        self._side = await self._made(1)

    async def _made(self, size: int) -> asyncpg.Pool[asyncpg.Record]:
        arguments = self._place.arguments()
        return await asyncpg.create_pool(
            **arguments | {"server_settings": arguments["server_settings"] | LIMITS},
            connection_class=Pooled,
            min_size=0,
            max_size=size,
            timeout=PATIENCE,
            init=prepare,
            reset=_leave_clean,
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=300,
            command_timeout=LONGEST_LARGE,
        )

    async def close(self) -> None:
        for pool in (self._pool, self._side):
            if pool is not None:
                try:
                    await asyncio.wait_for(pool.close(), 5)
                except TimeoutError:
                    pool.terminate()

    async def append(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Many rows of one named insert, durable together when this returns; for tables that any org appends to."""
        async with self._connection(self._side, LONGEST) as connection:
            await connection.execute(repeated(query, len(rows)), *(value for row in rows for value in row))

    async def check(self) -> None:
        """Raises one of AWAY unless the database answers."""
        async with self._connection(self._pool, LONGEST) as connection:
            await connection.execute("SELECT 1")

    @asynccontextmanager
    async def transaction(
        self, org_id: str, *, writes: bool, stamps: bool = False, large: bool = False
    ) -> AsyncIterator[Connection]:
        """One transaction of one org, committed when the block ends well and rolled back otherwise.

        One that `stamps` records with a time of change shows since when it has been at it; a `large` one may take
        long.
        """
        async with (
            self._connection(self._pool, LONGEST_LARGE if large else LONGEST) as connection,
            transaction(connection, org_id, writes=writes, stamps=stamps, large=large),
        ):
            yield connection

    @asynccontextmanager
    async def _connection(self, pool: asyncpg.Pool[asyncpg.Record] | None, longest: float) -> AsyncIterator[Connection]:
        if pool is None:
            raise ConnectionError("the pool is not open")
        # A timeout costs a task of its own, and who finds a connection free does not wait.
        connection = await pool.acquire(timeout=None if pool.get_idle_size() else PATIENCE)
        try:
            async with asyncio.timeout(longest):
                yield connection
        except TimeoutError:
            with suppress(asyncpg.InterfaceError):  # it is gone already
                connection.terminate()
            await self._leave_all()
            raise
        finally:
            await pool.release(connection)

    async def _leave_all(self) -> None:
        """One connection kept silent, so those that lie idle may be as dead: finding out one by one takes too long."""
        for pool in (self._pool, self._side):
            if pool is not None:
                await pool.expire_connections()


@cache
def repeated(query: str, rows: int) -> str:
    """A named insert for so many rows at once: one statement, so one plan, one commit."""
    head, _, values = queries()[query].rpartition("VALUES")
    width = values.count("$")
    lists = (", ".join(f"${row * width + i + 1}" for i in range(width)) for row in range(rows))
    return f"{head}VALUES " + ", ".join(f"({listed})" for listed in lists)


@asynccontextmanager
async def transaction(
    connection: Connection | asyncpg.Connection[asyncpg.Record],
    org_id: str,
    *,
    writes: bool,
    stamps: bool = False,
    large: bool = False,
) -> AsyncIterator[None]:
    """The one place that begins and commits: everything in the block, as one org, or nothing."""
    if not is_uuid(org_id):
        raise refuse("not_found", "path", "org_id")
    mode = "" if writes else " READ ONLY"
    marks = LARGE_LIMITS if large else ""
    if stamps:
        # Who reads by time of change can see since when this has been writing in their org (queries/sync.sql).
        marks += f"; SET LOCAL application_name = '{WRITING}{_microseconds()} {org_id.replace('-', '')[-20:]}'"
    # Literal text, because a distributed engine carries SET LOCAL to its workers but not set_config().
    await connection.execute(f"BEGIN{mode}; SET LOCAL app.org = '{org_id}'{marks}")
    try:
        yield
    except (asyncio.CancelledError, TimeoutError):
        connection.terminate()  # it has not answered yet, and would not answer this either
        raise
    except BaseException:
        await _roll_back(connection)
        raise
    await connection.execute("COMMIT")


def _microseconds() -> int:
    return time.time_ns() // 1000


async def _roll_back(connection: Connection | asyncpg.Connection[asyncpg.Record]) -> None:
    try:
        await asyncio.wait_for(connection.execute("ROLLBACK"), 1)
    except Exception:  # noqa: BLE001 - whatever happened, a connection not provably idle must not be used again
        connection.terminate()


async def _leave_clean(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Instead of the driver's reset, a round trip for each request: SET LOCAL has died with its transaction."""
    if connection.is_in_transaction():
        connection.terminate()
