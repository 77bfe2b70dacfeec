"""Starts a new epoch after a restore, and tells a database whose restore was cut off before that from others."""

from __future__ import annotations

from datetime import datetime

from chairside.app import owner_place
from chairside.cli.place import Fault
from chairside.embedded import restoring
from chairside.settings import Settings
from chairside.store.epochs import Epoch, begin_epoch
from chairside.store.migrate import migrate
from chairside.store.pool import Place, connect
from chairside.store.sql import queries

_MARKED = "schema_migrations"
_UNFINISHED, _DONE = "Restoring from the backup ", "Restored from the backup "
ADVICE = (
    "All tokens are suspended: look at `chairside token list`, revoke those that must not work any more, and let the"
    " others in with `chairside token reinstate --all --org ID`."
)


def restoring_from(digest: str) -> str:
    """The statement that marks a database as restored and not yet in its new epoch."""
    return restoring.comment(_MARKED, f"{_UNFINISHED}{digest}")


async def begin(owner: Place, *, since: datetime | None = None) -> Epoch:
    """Brings a restored database to the schema of this release and starts its new epoch; see `begin_epoch`.

    Call it while no server uses the database, and keep others from starting one until it has returned.
    """
    await migrate(owner)
    epoch = await begin_epoch(owner, since=since)
    if digest := await restored_from(owner):
        connection = await connect(owner)
        try:
            await connection.execute(restoring.comment(_MARKED, f"{_DONE}{digest}"))
        finally:
            await connection.close()
    return epoch


async def restored_from(owner: Place) -> str | None:
    """Returns the digest of the backup that a database was restored from, None for any other."""
    return _digest(await _comment(owner))


async def refuse_unfinished(settings: Settings) -> None:
    """Fault for a database of your own whose restore was cut off, by whichever data directory it is used."""
    comment = await _comment(owner_place(settings))
    if comment and comment.startswith(_UNFINISHED):
        raise Fault(
            "The database holds a restore that was cut off before its end; run `chairside restore FILE` again with the"
            " same data directory, which finishes it."
        )


async def _comment(owner: Place) -> str | None:
    connection = await connect(owner)
    try:
        found: str | None = await connection.fetchval(queries()["backup.restored"])
        return found
    finally:
        await connection.close()


def _digest(comment: str | None) -> str | None:
    for mark in (_UNFINISHED, _DONE):
        if comment and comment.startswith(mark):
            return comment.removeprefix(mark)
    return None
