"""Learns which statements the server runs for an operation, by running it through the server's own engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from asyncpg.connection import LoggedQuery

from chairside.app import every_operation, house_of, server_place
from chairside.changes import Asked
from chairside.cli.clerk import system_caller
from chairside.engine.context import Caller, Context
from chairside.engine.work import Work
from chairside.fields import read_body
from chairside.settings import Settings
from chairside.store.lending import Connection, Lender
from chairside.store.pool import Pool
from chairside.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Call:
    """One exchange with the database: a statement and its parameters; without parameters perhaps several."""

    sql: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An operation by name, with what is asked of it."""

    operation: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)


class _Heard(Transaction):
    """A transaction whose connection tells from now on what goes over it."""

    def __init__(self, hear: Callable[[LoggedQuery], None], lender: Lender, org_id: str, **how: bool) -> None:
        super().__init__(lender, org_id, writes=how["writes"], stamps=how["stamps"], large=how["large"])
        self._hear = hear

    async def __aenter__(self) -> Connection:
        connection = await super().__aenter__()
        connection.add_query_logger(self._hear)
        return connection


class _Listening(Pool):
    """The server's pool with one connection, and what its transactions send; the trail's appending is not heard."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(server_place(settings), size=1)
        self.calls: list[Call] = []

    def hear(self, query: LoggedQuery) -> None:
        self.calls.append(Call(query.query, tuple(query.args or ())))

    def transaction(self, org_id: str, *, writes: bool, stamps: bool = False, large: bool = False) -> Transaction:
        return _Heard(self.hear, self._lender, org_id, writes=writes, stamps=stamps, large=large)


Hear = Callable[[Ask], Awaitable[list[Call]]]


@asynccontextmanager
async def listening(data_dir: Path, org_id: str) -> AsyncIterator[Hear]:
    """Runs asks, and gives every exchange of each in order, BEGIN and COMMIT included. What an ask writes stays.

    The driver's own questions are among them, which it asks when it meets a type of array for the first time.
    """
    settings = Settings(data_dir=data_dir)
    pool = _Listening(settings)
    house, trail = house_of(settings, pool)
    trail.start()

    async def hear(ask: Ask) -> list[Call]:
        pool.calls.clear()
        await _run(house.work, caller, ask)
        await asyncio.sleep(0)  # the driver tells of the last exchange a moment later
        return list(pool.calls)

    try:
        caller = await system_caller(pool, org_id)
        yield hear
    finally:
        await trail.stop()
        await pool.close()


async def _run(work: Work, caller: Caller, ask: Ask) -> None:
    operation = next(o for o in every_operation() if o.name == ask.operation)
    now, record_id = datetime.now(UTC), next(iter(ask.path.values()), None)
    context = Context(
        caller=caller, request_id="bench", method=operation.method, route="bench", path="bench",
        status=201 if operation.created else 200, now=now, record_id=record_id, patient_id=record_id,
    )  # fmt: skip
    body = read_body(operation.body, dict(ask.body), now, "body") if operation.body else {}
    query = {e.key: e.default for e in operation.query if e.default is not None} | dict(ask.query)
    run = work.write if operation.writes else work.read
    await run(operation, context, Asked(path=ask.path, query=query, body=body, now=now))
