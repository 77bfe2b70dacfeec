"""`chairside migrate`, `doctor` and `rotate-key`: looking after the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from chairside.app import all_orgs, as_owner, owner_place
from chairside.cli import checks, clerk, epochs, keys, upgrade
from chairside.cli.place import AsJson, DataDir, Fault, moment, out, run_in, say, settings_for
from chairside.cli.wording import counted
from chairside.store.epochs import Epoch
from chairside.store.sql import queries

LEVELS = {"ok": "ok   ", "warning": "warn ", "fault": "FAULT"}


def migrate(
    check: Annotated[bool, typer.Option("--check", help="Only say what is missing; exit 1 if anything is.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring the database to the schema of this release; what is there already stays."""
    settings = settings_for(data_dir)
    names = run_in(settings, lambda: upgrade.missing(settings) if check else upgrade.bring_up(settings, say))
    for name in names:
        out(f"{'missing' if check else 'applied'}: {name}")
    if not names:
        say("The database is up to date.")
    elif check:
        raise typer.Exit(1)


def doctor(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Check settings, database, roles, row-level security, totals, checksums, disk, keys; exit 1 on a fault."""
    settings = settings_for(data_dir)
    found = run_in(settings, lambda: checks.examine(settings))
    if as_json:
        out(json.dumps([{"check": f.name, "good": f.good, "level": f.level, "says": f.says} for f in found], indent=1))
    else:
        for finding in found:
            out(f"{LEVELS[finding.level]} {finding.name}: {finding.says}")
    if not all(f.good for f in found):
        raise typer.Exit(1)


def rotate_key(data_dir: DataDir = None) -> None:
    """Seal every social security number anew under a new key, while the server goes on; the old key is then useless."""
    settings = settings_for(data_dir)

    async def work() -> tuple[str, int]:
        orgs = await all_orgs(settings)
        async with clerk.working(settings) as (pool, _):
            return await keys.rotate(settings, pool, orgs)

    name, sealed = run_in(settings, work)
    say(f"Sealed {counted(sealed, 'value')} under key {name}; the old key is gone from {settings.key_file}.")


def new_epoch(
    since: Annotated[
        str | None,
        typer.Option(
            help="The moment of the database as it is now, with its zone; that of the newest record, if absent.",
            metavar="TIME",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Start a new epoch when a database came back by other means than `chairside restore`; stop the server first.

    After a takeover that may have lost writes, or a restore with another tool, versions and feed numbers that clients
    have seen would come again with other content, and revoked tokens would work.
    """
    settings, at = settings_for(data_dir), moment(since) if since else None
    if at and at > datetime.now(UTC):
        raise Fault(f"{since} is in the future.")

    async def work() -> Epoch:
        async with as_owner(settings) as owner:
            if others := await owner.fetchval(queries()["epochs.others"]):
                raise Fault(f"Stop every server and command first: {counted(others, 'connection')} to the database.")
        return await epochs.begin(owner_place(settings), since=at)

    epoch = run_in(settings, work)
    say(f"Started a new epoch of {counted(epoch.orgs, 'org')} and suspended {counted(epoch.suspended, 'token')}.")
    say(epochs.ADVICE)
