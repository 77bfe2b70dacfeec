"""Restores of the embedded database from its archive, to a moment or to the newest one."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from chairside import embedded
from chairside.app import owner_place
from chairside.cli import epochs, passphrases
from chairside.cli.kept_files import write_private, write_restored
from chairside.cli.place import DEMO_FILE, Fault, command_name, moment, say
from chairside.cli.protection import storage_of
from chairside.cli.unfinished import begun, marked
from chairside.embedded.bases import read_listed
from chairside.embedded.recovery import UNFINISHED, Source, lay_down, recovering
from chairside.embedded.storage import MissingFault
from chairside.engine.vault import Vault
from chairside.settings import Settings, variable
from chairside.store.pool import connect
from chairside.store.sql import queries

LATEST = "latest"
_AGAIN = "--at TIME"


def moment_or_latest(text: str) -> datetime | None:
    """The time that a person named; None for the newest."""
    return None if text == LATEST else moment(text)


def source_of(settings: Settings, directory: Path | None, identity: Path | None) -> Source:
    """The archive to restore from, with its list read."""
    storage = storage_of(settings, directory)
    if storage is None:
        raise Fault(f"Name the archive with --archive DIR, or set {variable('archive_dir')}.")
    try:
        return Source(storage, read_listed(storage), passphrases.of_identity(identity))
    except MissingFault:
        raise Fault(f"The archive {storage} has no base backup yet.") from None


def restore_at(settings: Settings, at: datetime | None, source: Source) -> None:
    """Restore into an empty data directory; a failure leaves it empty, a kill leaves the mark of a restore begun."""
    data_dir = settings.data_dir
    if settings.database_url:
        raise Fault("--at restores the embedded database; for your own PostgreSQL see docs/protection.md.")
    names = (settings.key_file.name, DEMO_FILE)
    if begun(data_dir) is None and any((data_dir / name).exists() for name in (*names, "postgres")):
        raise Fault(f"{data_dir} is not empty; restore into another folder.")
    source.base_for(at)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with marked(data_dir, _AGAIN, names), _cleared_on_fault(data_dir, names):
        embedded.discard(data_dir, progress=say)
        with recovered(settings, at, source) as (newest, files):
            since = newest or source.base_for(at).ended_at
            asyncio.run(epochs.begin(owner_place(settings), since=since))
            missing = asyncio.run(_lacking(settings))
    say(f"Restored {data_dir}. Its last transaction was at {told(newest)}.")
    say(epochs.ADVICE)
    if settings.key_file.name not in files:
        say(f"It came without keys: put the key file at {settings.key_file} (mode 600) before the next start.")
    elif missing:
        raise Fault(f"The archive lacks the key {missing[0]}; put the key file of that time at {settings.key_file}.")


@contextmanager
def recovered(
    settings: Settings, at: datetime | None, source: Source
) -> Iterator[tuple[datetime | None, Mapping[str, bytes]]]:
    """A running server as of that moment, its last transaction, and the files that were written beside it."""
    base = source.base_for(at)
    say(f"Restoring the base backup of {told(base.ended_at)} ...")
    files = joined(lay_down(source, at, settings.data_dir))
    write_restored(settings.data_dir, files)
    say("Replaying the log ...")
    with recovering(settings.data_dir, at, progress=say, purpose=command_name()) as (_, newest):
        yield newest, files


def joined(kept: Sequence[Mapping[str, bytes]]) -> dict[str, bytes]:
    """The newest of each file; of the key file one with the keys of all, because a rotation may lie between."""
    files: dict[str, bytes] = {}
    keys: dict[str, object] = {}
    for each in kept:
        files |= each
        if "keys.json" in each:
            for key in reversed(json.loads(each["keys.json"])["keys"]):
                keys = {key["id"]: key} | {name: held for name, held in keys.items() if name != key["id"]}
    if keys:
        whole = json.loads(files["keys.json"])
        files["keys.json"] = json.dumps(whole | {"keys": list(keys.values())}, indent=1).encode()
    return files


async def _lacking(settings: Settings) -> list[str]:
    """Keys that the restored database was used with and that are not there; others than those are dropped."""
    owner = await connect(owner_place(settings))
    try:
        known = {row["id"]: row["fingerprint"] for row in await owner.fetch(queries()["keys.known"])}
    finally:
        await owner.close()
    if not settings.key_file.exists():
        return []
    held = Vault(settings.key_file).fingerprints()
    lost = [name for name, fingerprint in known.items() if held.get(name) != fingerprint]
    if not lost and known:
        whole = json.loads(settings.key_file.read_text())
        whole["keys"] = [key for key in whole["keys"] if key["id"] in known]
        write_private(settings.key_file, json.dumps(whole, indent=1).encode())
    return lost


@contextmanager
def _cleared_on_fault(data_dir: Path, names: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except Exception:
        for folder in ("postgres", UNFINISHED):
            shutil.rmtree(data_dir / folder, ignore_errors=True)
        for name in names:
            (data_dir / name).unlink(missing_ok=True)
        raise


def told(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "the time of the base backup"
