"""How the server would run a statement, or has run it, as PostgreSQL explains it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from chairside import embedded
from chairside.embedded.endpoint import APP, SUPERUSER
from chairside.store.migrate import migrate
from chairside.store.pool import Place, connect
from tests.database import Connection, connected
from tests.house import House

Plan = dict[str, Any]
_numbers = count(1)
# Autovacuum would renew statistics, and with them plans, whenever it happens to come by.
UNATTENDED = """DO $$ DECLARE t regclass; BEGIN
  FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t);
  END LOOP; END $$"""


@asynccontextmanager
async def still_database(house: House) -> AsyncIterator[Place]:
    """Where the owner of a database finds it that has all tables, and nothing that this test did not put there.

    Plans follow statistics, which in a database that other tests use too depend on what those left and when
    autovacuum came by.
    """
    at = embedded.endpoint(house.data_dir)
    name = f"still_{os.getpid()}_{next(_numbers)}"
    place = Place(host=at.host, port=at.port, user=at.owner, database=name)
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(f"CREATE DATABASE {name} OWNER {at.owner}")
        try:
            await migrate(place)
            async with filling(place) as inside:
                await inside.execute(UNATTENDED)
            yield place
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def filling(place: Place) -> AsyncIterator[Connection]:
    """A connection of the superuser, past all walls, to fill a database with."""
    connection = await connect(replace(place, user=SUPERUSER))
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def explaining(place: Place, org_id: str) -> AsyncIterator[Connection]:
    """A connection as the server has them, inside a transaction of the org that leaves nothing."""
    connection = await connect(replace(place, user=APP))
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
