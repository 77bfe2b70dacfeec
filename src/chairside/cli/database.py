"""`chairside migrate`, `doctor`, `backup`, `restore` and `rotate-key`: looking after the database."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chairside import __version__, embedded
from chairside.app import all_orgs, owner_place
from chairside.cli import checks, clerk, keys, upgrade
from chairside.cli.place import DEMO_FILE, AsJson, DataDir, Fault, database, mended, out, run_in, say, settings_for
from chairside.cli.wording import counted
from chairside.embedded import backup as archive
from chairside.settings import Settings
from chairside.store import migrate as schema
from chairside.store.pool import connect

MOST_BACKUPS = 3
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


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; one that is there is replaced.")],
    with_keys: Annotated[bool, typer.Option("--keys/--no-keys", help="Put the key file into the backup.")] = True,
    data_dir: DataDir = None,
) -> None:
    """Write a consistent copy of everything into one file, while the server goes on."""
    settings = settings_for(data_dir)
    names = [DEMO_FILE, *([settings.key_file.name] if with_keys else [])]
    about = {
        "made_by": f"chairside {__version__}",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with database(settings):
        source = settings.database_url or embedded.endpoint(settings.data_dir)
        for _ in range(MOST_BACKUPS):
            files = _held(settings, names)
            archive.write_backup(source, file.absolute(), files=files, about=about)
            if _held(settings, names) == files:
                break
            say("The keys were rotated meanwhile, and the copy may hold values they do not open: making it again.")
        else:
            file.unlink()
            raise Fault("The keys change all the time; make the backup when their rotation has ended.")
    size = file.stat().st_size
    say(f"Wrote {file} ({size / 1e6:.1f} MB).")
    if with_keys:
        say("It holds the encryption key too: keep it as safe as the key, or use --no-keys and keep the key apart.")


def _held(settings: Settings, names: list[str]) -> dict[str, bytes]:
    """The files of a backup beside the database, those that are there."""
    return {n: (settings.data_dir / n).read_bytes() for n in names if (settings.data_dir / n).exists()}


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `chairside backup` wrote.")],
    data_dir: DataDir = None,
) -> None:
    """Bring a backup back into an empty data directory. A damaged file is refused before anything is touched."""
    settings = settings_for(data_dir)
    with mended():
        held = archive.read_backup(file.absolute())
        _require_empty(settings, held)
        if settings.database_url:
            asyncio.run(_ready(settings))
            held.restore_into(settings.database_url)
        else:
            _restore_embedded(settings, held)
        for name, content in held.files.items():
            _write(settings.data_dir / name, content)
    say(f"Restored the backup of {held.about.get('made_at', 'an unknown day')} into {settings.data_dir}.")
    if settings.key_file.name not in held.files:
        say(f"It came without keys: put the key file at {settings.key_file} before the next start.")


def rotate_key(data_dir: DataDir = None) -> None:
    """Seal every social security number anew under a new key, while the server goes on; the old key is then useless."""
    settings = settings_for(data_dir)

    async def work() -> tuple[str, int]:
        orgs = await all_orgs(settings)
        async with clerk.working(settings) as (pool, _):
            return await keys.rotate(settings, pool, orgs)

    name, sealed = run_in(settings, work)
    say(f"Sealed {counted(sealed, 'value')} under key {name}; the old key is gone from {settings.key_file}.")


def _restore_embedded(settings: Settings, held: archive.Backup) -> None:
    """Into a cluster made for it, which goes again if that fails, so that the next try finds the folder empty."""
    try:
        with embedded.start(settings.data_dir, progress=say) as server:
            held.restore_into(server.endpoint)
    except embedded.EmbeddedError:
        shutil.rmtree(settings.data_dir / "postgres", ignore_errors=True)
        raise


async def _ready(settings: Settings) -> None:
    """The role that the backup grants rights to must be there."""
    connection = await connect(owner_place(settings))
    try:
        await schema.ensure_role(connection)
    finally:
        await connection.close()


def _require_empty(settings: Settings, held: archive.Backup) -> None:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = [name for name in held.files if (settings.data_dir / name).exists()]
    if there or (settings.data_dir / "postgres").exists():
        raise Fault(
            f"{settings.data_dir} is not empty ({there[0] if there else 'postgres'}); restore into another folder."
        )


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
