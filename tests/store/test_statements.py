"""Every statement that the server can send is one that its database takes, from the role that the server works as."""

from __future__ import annotations

import re

import asyncpg
import pytest

from chairside.records import ALL
from chairside.store.tables import column_types
from tests.database import Connection, connected
from tests.house import House
from tests.statements import EVERY, OF_NO_ORG, OF_OWNER, TABLES


@pytest.mark.parametrize("name", sorted(EVERY))
async def test_a_statement_prepares_as_the_role_of_the_server(house: House, name: str) -> None:
    """A renamed column or a wrong type shows here, not in the first request that needs the statement."""
    async with connected(house.data_dir) as connection:
        await connection.prepare(EVERY[name])


def test_every_statement_of_an_org_names_its_org_first() -> None:
    """`$1` is the org and is compared or written: the filter in front of the net of row-level security."""
    silent = [
        name
        for name, text in EVERY.items()
        if not name.startswith(OF_NO_ORG) and name not in OF_OWNER
        if not re.search(r"\b(org_id|o\.id) = \$1\b|VALUES \(\$1\b", text)
    ]
    assert not silent


def test_every_table_in_a_statement_is_filtered_by_the_org() -> None:
    """A join without the org would compare, and on a distributed engine visit, the rows of all."""
    for name, table in TABLES.items():
        for what in ("get", "load"):
            text = getattr(table, what)
            aliases = re.findall(r"\b(?:FROM|JOIN) \w+ (\w+)", text)
            assert len(aliases) >= 1 + len(table.kind.references)
            assert all(f"{alias}.org_id = " in text for alias in aliases), f"{name}.{what}"


@pytest.mark.parametrize("kind", ALL, ids=lambda k: k.name)
async def test_a_table_has_the_columns_that_its_kind_declares(house: House, kind: object) -> None:
    """No more, no fewer, of the declared types, and not null exactly where a value is always there."""
    table = next(t for t in TABLES.values() if t.kind is kind)
    async with connected(house.data_dir) as connection:
        rows = await connection.fetch(
            "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS filled"
            " FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped"
            " AND a.attgenerated = ''",
            table.kind.table,
        )
    short = {"timestamp with time zone": "timestamptz", "time without time zone": "time"}
    there = {row["name"]: short.get(row["type"], row["type"]) for row in rows}
    assert there == {"org_id": "uuid", **column_types(table.kind)}
    must = {f.column for f in table.kind.stored if f.required or f.default is not None}
    assert must <= {row["name"] for row in rows if row["filled"]}


async def test_a_query_with_a_wrong_column_is_found(house: House) -> None:
    """The test above can fail."""
    async with connected(house.data_dir) as connection:
        with pytest.raises(asyncpg.UndefinedColumnError):
            await connection.prepare(EVERY["patient.get"].replace("r.version", "r.verzion"))


async def test_the_owners_statements_are_closed_to_the_server(house: House) -> None:
    """What management commands may do to keys and orgs, a request that goes wrong must not be able to do."""
    async with connected(house.data_dir) as connection:
        for name, args in {
            "keys.remember": ("k9", b"x"),
            "keys.forget_others": ("k9",),
            "orgs.add": ("0199a3c4-5b6e-7d21-8f3a-6c1d2e4b5f60", "Nobody", "US", None),
        }.items():
            await _refused(connection, EVERY[name], *args)


async def _refused(connection: Connection, statement: str, *args: object) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement, *args)
