"""`chairside backup verify`: restores the archive beside the running server, and compares the two."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from chairside.app import all_orgs, owner_place
from chairside.cli import checks
from chairside.cli.audit import verdicts_of
from chairside.cli.database import LEVELS
from chairside.cli.findings import Finding, fault, fine
from chairside.cli.place import AsJson, DataDir, Fault, database, mended, out, settings_for
from chairside.cli.point_in_time import recovered, source_of, told
from chairside.cli.wording import counted
from chairside.engine.heads import kept_heads
from chairside.records import ALL
from chairside.settings import Settings
from chairside.store.comparison import until_statement, without_statement
from chairside.store.pool import connect
from chairside.store.transactions import transaction

# The longest write of a server takes a minute (store/transactions.py), and bears the time of its beginning.
_LONGEST_WRITE = timedelta(seconds=60)


def verify(
    archive_dir: Annotated[
        Path | None,
        typer.Option("--archive", help="The archive; default is the one of the settings.", show_default=False),
    ] = None,
    identity: Annotated[
        Path | None, typer.Option(help="Your age identity file, for an encrypted archive.", show_default=False)
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            help="Folder to restore in; default is the data directory. It needs its size.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Restore the archive beside the server, compare the two, and tell the newest moment it reaches; exit 1 on a fault.

    The server goes on meanwhile. Nothing of the restored copy stays.
    """
    settings = settings_for(data_dir)
    if settings.database_url:
        raise Fault("This rehearses the archive of the embedded database; for your own see docs/protection.md.")
    with mended():
        source = source_of(settings, archive_dir, identity)
    with database(settings), _scratch(scratch or settings.data_dir) as folder:
        rehearsed = replace(settings, data_dir=folder)
        live = asyncio.run(_live(settings))
        with mended(), recovered(rehearsed, None, source) as (newest, _):
            found = [_moment(newest or source.base_for(None).ended_at, live)]
            found += [f for f in asyncio.run(checks.examine(rehearsed)) if f.level == "fault"]
            found += asyncio.run(_compared(rehearsed, live))
            found.append(asyncio.run(_trail(settings, rehearsed, live.until)))
    _show(found, as_json=as_json)


def _show(found: list[Finding], *, as_json: bool) -> None:
    if as_json:
        out(json.dumps([{"check": f.name, "good": f.good, "level": f.level, "says": f.says} for f in found], indent=1))
    else:
        for finding in found:
            out(f"{LEVELS[finding.level]} {finding.name}: {finding.says}")
    if not all(f.good for f in found):
        raise typer.Exit(1)


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=parent))
    except OSError as error:
        raise Fault(f"No folder can be made in {parent}: {error.strerror}.") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Live:
    """Contents of the running server: by org and kind, what changed after a moment, and a sum of the rest."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        self.kinds: dict[tuple[str, str], Mapping[str, Any]] = {}

    @property
    def newest(self) -> datetime | None:
        """When a record changed last."""
        return max((row["newest"] for row in self.kinds.values() if row["newest"]), default=None)


def _moment(newest: datetime, live: _Live) -> Finding:
    """The age grows on a server that rests, though nothing would be lost; so the newest record is told too."""
    age = (datetime.now(UTC) - newest).total_seconds()
    behind = (live.newest - newest).total_seconds() if live.newest else 0
    lag = f"{behind:.0f} s before the newest record" if behind > 0 else "with the newest record"
    return fine("newest restorable moment", f"{told(newest)}, {age:.0f} s ago, {lag} of the server")


async def _live(settings: Settings) -> _Live:
    # A file of the log is finished that late, and archived a moment later.
    late = _LONGEST_WRITE + timedelta(seconds=2 * settings.archive_seconds)
    live = _Live(datetime.now(UTC) - late)
    owner = await connect(owner_place(settings))
    try:
        for org in await all_orgs(settings):
            async with transaction(owner, org, writes=False, large=True):
                for kind in ALL:
                    row = await owner.fetchrow(until_statement(kind.table), org, live.until)
                    live.kinds[org, kind.table] = dict(row or {})
    finally:
        await owner.close()
    return live


async def _compared(rehearsed: Settings, live: _Live) -> list[Finding]:
    different, records = [], 0
    owner = await connect(owner_place(rehearsed))
    try:
        for (org, table), was in live.kinds.items():
            async with transaction(owner, org, writes=False, large=True):
                row = await owner.fetchrow(without_statement(table), org, was["changed"])
            records += was["number"]
            if row is None or (row["number"], row["sum"]) != (was["number"], was["sum"]):
                there = row["number"] if row else 0
                different.append(f"{table} of org {org} ({there} restored, {was['number']} here)")
    finally:
        await owner.close()
    if different:
        listed = ", ".join(different[:5])
        return [fault("records", f"{counted(len(different), 'kind')} of record differ: {listed}")]
    return [fine("records", f"{counted(records, 'record')} unchanged since {told(live.until)} are the same")]


async def _trail(settings: Settings, rehearsed: Settings, until: datetime) -> Finding:
    """The restored trail holds the heads that this server has signed by then."""
    heads = [head for head in kept_heads(settings.heads_file) if datetime.fromisoformat(head.sealed_at) <= until]
    newest = {head.org_id: head for head in heads}
    verdicts = await verdicts_of(rehearsed, None, list(newest.values()))
    faults = [f"org {v.org_id}: {v.faults[0]}" for v in verdicts if v.faults]
    if faults:
        return fault("audit trail", "; ".join(faults[:5]))
    return fine("audit trail", f"{counted(sum(v.records for v in verdicts), 'record')} as they were written")
