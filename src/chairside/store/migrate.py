"""Brings a database to the schema of this release: numbered files, forward only, each in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources

import asyncpg

from chairside.store.partitions import add_months
from chairside.store.pool import ROLE, Place, connect

OLDEST, NEWEST = 15, 18
TRIES = 10
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
  number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)"""


class MigrationFault(Exception):
    """The database cannot be brought to this schema. One sentence for a person."""


# How PostgreSQL says that another made the same table at the same moment: by its row, its name, or the type it brings.
TRIPPED = (
    asyncpg.UniqueViolationError,
    asyncpg.DuplicateTableError,
    asyncpg.DuplicateObjectError,
    asyncpg.InternalServerError,
)


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    files = resources.files("chairside.store").joinpath("migrations").iterdir()
    found = [
        Migration(int(f.name[:4]), f.name.removesuffix(".sql"), f.read_text()) for f in files if f.name.endswith(".sql")
    ]
    return sorted(found, key=lambda m: m.number)


async def migrate(owner: Place) -> list[str]:
    """Apply what is missing, as the role that owns the tables; returns the names of what was applied."""
    connection = await connect(owner)
    try:
        check_version(connection.get_server_version().major)
        await _ready(connection)
        applied = [m.name for m in await pending(connection) if await _apply(connection, m)]
        await add_months(connection, datetime.now(UTC))
        return applied
    finally:
        await connection.close()


async def _ready(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Role and ledger. Servers that start at once trip over each other's catalog rows, even with IF NOT EXISTS."""
    for tries_left in reversed(range(TRIES)):
        try:
            await ensure_role(connection)
            await connection.execute(_LEDGER)
            return
        except TRIPPED:
            if not tries_left:
                raise
            await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - spreads retries, guards nothing


async def pending(connection: asyncpg.Connection[asyncpg.Record]) -> Sequence[Migration]:
    """What is not applied yet; MigrationFault when the database is newer, or was migrated by other files."""
    if not await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL"):
        return migrations()
    applied = {r["number"]: r for r in await connection.fetch("SELECT number, name, checksum FROM schema_migrations")}
    known = migrations()
    if unknown := sorted(set(applied) - {m.number for m in known}):
        raise MigrationFault(
            f"The database has migration {unknown[-1]}, which this release does not know; upgrade first."
        )
    for m in known:
        if m.number in applied and applied[m.number]["checksum"] != m.checksum:
            raise MigrationFault(f"Migration {m.name} was applied in another form than this release has it.")
    return [m for m in known if m.number not in applied]


def check_version(major: int) -> None:
    if not OLDEST <= major <= NEWEST:
        raise MigrationFault(f"PostgreSQL {major} is not supported; use {OLDEST} to {NEWEST}.")


async def _apply(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> bool:
    """All of a file or nothing; False when another process has applied it meanwhile."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE schema_migrations IN EXCLUSIVE MODE")
        if await connection.fetchval("SELECT 1 FROM schema_migrations WHERE number = $1", migration.number):
            return False
        await connection.execute(migration.text)
        await connection.execute(
            "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.checksum,
        )
        await connection.execute(f"GRANT SELECT ON schema_migrations TO {ROLE}")
    return True


async def ensure_role(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """The role that the server works as. On an embedded server it is there already."""
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
        try:
            await connection.execute(f"CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            pass
        except asyncpg.InsufficientPrivilegeError:
            raise MigrationFault(
                f"The role {ROLE} is missing, and this user may not create it:"
                f" CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO ..."
            ) from None
    # From 16 on, who makes a role is a member of it without being allowed to become it.
    right = "SET" if connection.get_server_version().major >= 16 else "MEMBER"
    if not await connection.fetchval("SELECT pg_has_role(current_user, $1, $2)", ROLE, right):
        # Where the role has a login of its own, as on an embedded server, nobody needs to become it.
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"GRANT {ROLE} TO CURRENT_USER")
    await connection.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
