"""The settings, data directory and database that a command works on; the database is embedded or not."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer

from chairside import embedded
from chairside.cli.unfinished import UnfinishedFault, refuse_unfinished
from chairside.engine.heads import HeadsFault
from chairside.engine.vault import KeyFault
from chairside.settings import SettingFault, Settings, from_environment
from chairside.store.migrate import MigrationFault
from chairside.types import is_uuid

T = TypeVar("T")

DEMO_FILE = "demo.json"
_GROUPS = ("org", "token", "user", "audit")
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of database and keys; default .chairside.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]


Org = Annotated[str, typer.Option("--org", help="Id of the org.")]


class Fault(Exception):
    """A fault that a person can mend, in one sentence."""


def say(text: str) -> None:
    """Write progress and notes to standard error; standard output is for results. A full disk loses them."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def out(text: str) -> None:
    sys.stdout.write(text + "\n")


def org_id(text: str) -> str:
    """Returns the id as the database has it; Fault when it is malformed. Every command that takes --org asks here."""
    if not is_uuid(text):
        raise Fault(f"{text} is not the id of an org, which is a UUID; `chairside org list` shows the orgs.")
    return text.lower()


def no_such_org(org: str) -> Fault:
    return Fault(
        f"There is no org {org} here; `chairside org list` shows the orgs, and --data-dir chooses another server."
    )


@contextmanager
def mended() -> Iterator[None]:
    """Turns every foreseen fault into one sentence that says what to do."""
    try:
        yield
    except (SettingFault, UnfinishedFault, KeyFault, HeadsFault, MigrationFault, embedded.EmbeddedError) as fault:
        raise Fault(str(fault)) from None
    except asyncpg.PostgresError as fault:
        raise Fault(_sentence(fault)) from None
    except (OSError, TimeoutError) as away:
        raise Fault(f"The database cannot be reached: {_short(away)}.") from None
    except asyncpg.ClientConfigurationError:
        raise Fault("CHAIRSIDE_DATABASE_URL is not of the form postgresql://user:password@host/database.") from None


# The first class that fits counts. The server's own text is shown only where it cannot quote a record.
_SENTENCES: tuple[tuple[type[asyncpg.PostgresError] | tuple[type[asyncpg.PostgresError], ...], str], ...] = (
    (
        asyncpg.InvalidPasswordError,
        "The database refuses this user and password; check CHAIRSIDE_DATABASE_URL.",
    ),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "The database refuses this user and password ({text}); check CHAIRSIDE_DATABASE_URL and pg_hba.conf.",
    ),
    (
        (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedObjectError),
        "The database does not have the schema of this release; run `chairside migrate`.",
    ),
    (
        asyncpg.InvalidCatalogNameError,
        "The database named in CHAIRSIDE_DATABASE_URL does not exist; make it with CREATE DATABASE ... OWNER ...",
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "The database user may not do this ({text}); CHAIRSIDE_DATABASE_URL must name the user that owns the tables.",
    ),
    (
        asyncpg.ReadOnlySQLTransactionError,
        "The database can only be read: CHAIRSIDE_DATABASE_URL names a standby, or sets default_transaction_read_only.",
    ),
    (
        (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError, asyncpg.TooManyConnectionsError),
        "The database cannot be reached: {text}.",
    ),
)


def _sentence(fault: asyncpg.PostgresError) -> str:
    for kinds, sentence in _SENTENCES:
        if isinstance(fault, kinds):
            return sentence.format(text=_short(fault))
    return f"The database failed with {type(fault).__name__} (SQLSTATE {fault.sqlstate})."


def _short(away: BaseException) -> str:
    text = str(away).splitlines()[0] if str(away) else type(away).__name__
    return text.rstrip(".")


def settings_for(data_dir: Path | None) -> Settings:
    with mended():
        settings = from_environment()
    return replace(settings, data_dir=(data_dir or settings.data_dir).absolute())


@contextmanager
def database(settings: Settings) -> Iterator[None]:
    """A database that answers for the time of the block, whether or not a server runs on the data directory."""
    with mended():
        refuse_unfinished(settings.data_dir)
        if settings.database_url:
            yield
        else:
            if not (settings.data_dir / "postgres").exists():
                raise Fault(f"There is no Chairside data in {settings.data_dir}; `chairside serve` makes it.")
            with embedded.attached(settings.data_dir, progress=say, purpose=command_name()):
                yield


def demo_file(data_dir: Path) -> dict[str, str]:
    """Returns the demo org's id, token and URL as kept; without token while it is unfinished, empty without a demo."""
    try:
        return {key: str(value) for key, value in json.loads((data_dir / DEMO_FILE).read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def keep_demo(data_dir: Path, kept: dict[str, str]) -> None:
    """Replaces the demo file at once, readable only by its owner."""
    path = data_dir / DEMO_FILE
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def command_name() -> str:
    """Returns the command that this process runs, such as "chairside audit verify", without its arguments."""
    words = sys.argv[1 : 3 if sys.argv[1:2] and sys.argv[1] in _GROUPS else 2]
    known = bool(words) and all(re.fullmatch(r"[a-z]+(-[a-z]+)*", word) for word in words)
    return " ".join(["chairside", *words]) if known else "a chairside command"


def moment(text: str) -> datetime:
    """The time that a person named. Fault without a time zone, which could mean another hour."""
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    raise Fault(f"{text} is not a time with its zone, such as 2026-03-01T09:30:00Z or 2026-03-01T09:30:00-06:00.")


def run_in(settings: Settings, work: Callable[[], Awaitable[T]]) -> T:
    """Run an async function while the database answers."""

    async def whole() -> T:
        return await work()

    with database(settings):
        return asyncio.run(whole())
