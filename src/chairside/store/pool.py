"""Connections to PostgreSQL: a role that owns nothing, and the org set for each transaction."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import asyncpg

from chairside.store.lending import Connection, Lender
from chairside.store.replication import confirm, watch
from chairside.store.sql import queries
from chairside.store.transactions import (
    CONNECTING,
    LIMITS,
    LONGEST,
    PATIENCE,
    WHOLE,
    Transaction,
    bounds_the_whole,
    left_open,
)

ROLE = "chairside_app"
_PLACE = re.compile(r"\$(\d+)")
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
    asyncpg.exceptions.TransactionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    *AGAIN,
)


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
        # A statement that waited for another's lock must see what that one has committed.
        isolation = {"default_transaction_isolation": "read committed"}
        settings = {"application_name": "chairside", "timezone": "UTC", **plans, **isolation}
        if self.role:
            settings["role"] = self.role
        return {k: v for k, v in named.items() if v is not None} | {"server_settings": settings}


async def connect(place: Place) -> asyncpg.Connection[asyncpg.Record]:
    """One connection outside any pool, for management commands."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(**place.arguments(), timeout=10)
    await prepare(connection)
    return connection


async def prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Ids travel as text: they are compared and sent on, never computed with. Commits need their standbys."""
    watch(connection)
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")


class Pool:
    """The connections of one worker; every transaction names its org before its first statement."""

    def __init__(self, place: Place, *, size: int, large: bool = False) -> None:
        self._place, self._large = place, large
        self._lender = Lender(self._connect, size=size, patience=PATIENCE, silent=self._leave_all)
        # Appending to the trail never waits for requests that wait for the trail.
        self._side = Lender(self._connect, size=1, patience=PATIENCE, silent=self._leave_all)

    async def _connect(self) -> Connection:
        arguments = self._place.arguments()
        arguments["server_settings"] |= LIMITS
        async with asyncio.timeout(CONNECTING):
            connection: Connection = await asyncpg.connect(
                **arguments, statement_cache_size=1000, max_cached_statement_lifetime=0
            )
            try:
                await prepare(connection)
                if bounds_the_whole(connection):
                    await connection.execute(WHOLE)
            except BaseException:
                connection.terminate()
                raise
        return connection

    async def close(self) -> None:
        for lender in (self._lender, self._side):
            await lender.close()

    async def rest(self) -> None:
        """Close connections that nobody needs any more; meant to be called each minute."""
        for lender in (self._lender, self._side):
            await lender.rest()

    async def append(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Many rows of one named insert, durable together when this returns; for tables that any org appends to."""
        async with self._connection(self._side) as connection:
            await connection.execute(repeated(query, len(rows)), *(value for row in rows for value in row))
            confirm(connection)

    async def check(self) -> None:
        """Raises one of AWAY unless the database answers."""
        async with self._connection(self._lender) as connection:
            await connection.execute(f"{left_open(connection)}SELECT 1")

    def transaction(self, org_id: str, *, writes: bool, stamps: bool = False, large: bool = False) -> Transaction:
        """One transaction of one org, committed when the block ends well and rolled back otherwise.

        One that `stamps` records with a time of change shows since when it has been at it; a `large` one may take
        long, and so may all of a `large` pool.
        """
        return Transaction(self._lender, org_id, writes=writes, stamps=stamps, large=large or self._large)

    def aside(self, org_id: str) -> Transaction:
        """A transaction of one org over the connection that appends, for whoever has one of the others already."""
        return Transaction(self._side, org_id, writes=True)

    @asynccontextmanager
    async def _connection(self, lender: Lender) -> AsyncIterator[Connection]:
        connection = await lender.borrow(LONGEST)
        try:
            yield connection
        except asyncio.CancelledError:
            connection.terminate()  # it has not answered yet, so it is not provably idle
            raise
        finally:
            lender.give_back(connection)

    def _leave_all(self) -> None:
        """One connection kept silent, so those that lie idle may be as dead: finding out one by one takes too long."""
        for lender in (self._lender, self._side):
            lender.expire()


@cache
def repeated(query: str, rows: int) -> str:
    """A named insert for so many rows at once: one statement, so one plan, one commit."""
    head, marked, rest = queries()[query].partition("VALUES (")
    values, closed, tail = rest.partition(")")
    width = values.count("$")
    lists = (_PLACE.sub(partial(_moved, row * width), values) for row in range(rows))
    return head + marked + "), (".join(lists) + closed + tail


def _moved(by: int, place: re.Match[str]) -> str:
    return f"${by + int(place[1])}"
