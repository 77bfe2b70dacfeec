"""Where a command works: settings, data directory, and a database that answers, embedded or not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer

from chairside import embedded
from chairside.engine.heads import HeadsFault
from chairside.engine.vault import KeyFault
from chairside.settings import SettingFault, Settings, from_environment
from chairside.store.migrate import MigrationFault

T = TypeVar("T")

DEMO_FILE = "demo.json"
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of database and keys; default .chairside.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]


class Fault(Exception):
    """What a person can mend, in one sentence."""


def say(text: str) -> None:
    """Write progress and notes to standard error; standard output is for results. A full disk loses them."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def out(text: str) -> None:
    sys.stdout.write(text + "\n")


@contextmanager
def mended() -> Iterator[None]:
    """Turns every foreseen fault into one sentence."""
    try:
        yield
    except (SettingFault, KeyFault, HeadsFault, MigrationFault, embedded.EmbeddedError) as fault:
        raise Fault(str(fault)) from None
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise Fault("The database refuses this user and password; check CHAIRSIDE_DATABASE_URL.") from None
    except asyncpg.UndefinedTableError:
        raise Fault("The database has not the schema of this release; run `chairside migrate`.") from None
    except asyncpg.InvalidCatalogNameError:
        raise Fault("The database named in CHAIRSIDE_DATABASE_URL does not exist.") from None
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError) as away:
        raise Fault(f"The database cannot be reached: {_short(away)}.") from None
    except asyncpg.ClientConfigurationError:
        raise Fault("CHAIRSIDE_DATABASE_URL is not of the form postgresql://user:password@host/database.") from None


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
        if settings.database_url:
            yield
        else:
            if not (settings.data_dir / "postgres").exists():
                raise Fault(f"There is no Chairside data in {settings.data_dir}; `chairside serve` makes it.")
            with embedded.attached(settings.data_dir, progress=say):
                yield


def run_in(settings: Settings, work: Callable[[], Awaitable[T]]) -> T:
    """Run an async function while the database answers."""

    async def whole() -> T:
        return await work()

    with database(settings):
        return asyncio.run(whole())
