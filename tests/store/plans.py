"""How the server would run a statement, or has run it, as PostgreSQL explains it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from chairside.app import server_place
from chairside.settings import Settings
from chairside.store.pool import connect
from tests.database import Connection
from tests.house import House

Plan = dict[str, Any]
_numbers = count(1)


@asynccontextmanager
async def explaining(house: House, org_id: str) -> AsyncIterator[Connection]:
    """A connection as the server has them, inside a transaction of the org that leaves nothing."""
    connection = await connect(server_place(Settings(data_dir=house.data_dir)))
    try:
        await connection.transaction().start()
        await connection.execute(f"SET LOCAL app.org = '{org_id}'")
        yield connection
    finally:
        await connection.close()


async def plan_of(connection: Connection, statement: str, values: Sequence[object] | None = None) -> Plan:
    """How the server would run a statement: for any values, or, with these, how it did run it and what it read."""
    if values is None:
        values, how = [None] * len((await connection.prepare(statement)).get_parameters()), ""
    else:
        how = "ANALYZE, BUFFERS, "
    given = f"({', '.join(map(literal, values))})" if values else ""
    name = f"explained_{next(_numbers)}"
    async with connection.transaction():
        await connection.execute(f"PREPARE {name} AS {statement}")
        [[text]] = await connection.fetch(f"EXPLAIN ({how}FORMAT JSON) EXECUTE {name}{given}")
    return dict(json.loads(text)[0]["Plan"])


def literal(value: object) -> str:
    if value is None or isinstance(value, int):
        return str(value) if value is not None else "NULL"
    listed = "{" + ",".join(value) + "}" if isinstance(value, list) else str(value)
    return "'" + listed.replace("'", "''") + "'"


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def buffers(plan: Plan) -> int:
    """Pages of 8 kB looked at."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
