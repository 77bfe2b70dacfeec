"""Brings a database to this release: its schema, and what is derived from the records."""

from __future__ import annotations

from collections.abc import Callable

from chairside.app import owner_place
from chairside.cli.wording import counted
from chairside.records.patients import PATIENTS
from chairside.settings import Settings
from chairside.store import rekeying
from chairside.store.migrate import migrate, pending
from chairside.store.pool import connect
from chairside.store.sql import queries


async def bring_up(settings: Settings, progress: Callable[[str], None]) -> list[str]:
    """Applies what is missing and returns the names of it."""
    owner = owner_place(settings)
    names = await migrate(owner)
    orgs = await rekeying.derive_all(owner, PATIENTS, progress)
    return [*names, *([_keys_of(orgs)] if orgs else [])]


async def missing(settings: Settings) -> list[str]:
    """Returns the names of what is missing; changes nothing."""
    connection = await connect(owner_place(settings))
    try:
        if names := [m.name for m in await pending(connection)]:
            return names
        late = [org for org in await connection.fetch(queries()["orgs.all"])
                if await rekeying.behind(connection, PATIENTS, org)]  # fmt: skip
        return [_keys_of(len(late))] if late else []
    finally:
        await connection.close()


def _keys_of(orgs: int) -> str:
    return f"search keys of {counted(orgs, 'org')}"
