"""What others build on is stored as text: a change to it is seen, and made on purpose."""

from __future__ import annotations

from pathlib import Path

from chairside.access.roles import AREAS, RIGHTS, ROLES, TABLE
from chairside.errors import CODES
from chairside.rest.errors import status_of
from tests.database import connected
from tests.house import House, chairside
from tests.snapshots.stored import same_as_stored

LETTERS = {"read": "re", "write": "wr", "reveal": "rv", "override": "ov"}


def test_the_routes_are_those_that_clients_know(tmp_path: Path) -> None:
    """A path or method that changes its name breaks every client: `chairside routes` as it was."""
    done = chairside("routes", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    same_as_stored("routes", done.stdout)


def test_the_error_codes_are_those_that_clients_know() -> None:
    """Clients branch on code and status; neither changes by accident."""
    same_as_stored("errors", "\n".join(f"{status_of(code)} {code:<34}{CODES[code]}" for code in CODES))


def test_the_roles_may_what_the_practice_was_told() -> None:
    """Who may see and change what is a promise to patients: one table, every cell."""
    assert set(TABLE) == set(AREAS)
    width = max(len(area) for area in AREAS) + 2
    heads = [" " * width + "".join(f"{role:<14}" for role in ROLES)]
    rows = [f"{area:<{width}}" + "".join(f"{_rights(TABLE[area][role]):<14}" for role in ROLES) for area in AREAS]
    letters = ", ".join(f"{LETTERS[right]} = {right}" for right in RIGHTS)
    same_as_stored("roles", "\n".join([*heads, *rows, "", letters]))


def _rights(held: frozenset[str]) -> str:
    assert held <= set(RIGHTS)
    return " ".join(LETTERS[right] for right in RIGHTS if right in held) or "-"


async def test_the_database_has_the_schema_that_was_reviewed(house: House) -> None:
    """Tables, columns, constraints, indexes, policies and grants of a migrated database, from its own catalogs."""
    statement = (Path(__file__).parent / "schema.sql").read_text()
    async with connected(house.data_dir) as connection:
        rows = await connection.fetch(statement)
    same_as_stored("schema", "\n".join(row["line"] for row in rows))
