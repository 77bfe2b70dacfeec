"""Where the bench works: data directories that are kept between runs, and copies of them for runs that write."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from bench.orgs import Made, Plan, make
from bench.orgs.made import superuser
from bench.people import SEED, Importer, make_catalogs
from bench.running import Client, command, server
from chairside import embedded
from chairside.app import server_place
from chairside.cli.clerk import create_token
from chairside.settings import Settings
from chairside.store.migrate import migrations
from chairside.store.pool import Pool, connect

USER = "Bench"
_READ_ALL = """
SELECT sum(pg_prewarm(c.oid, 'read')) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i') AND pg_relation_size(c.oid) > 0"""
FOLDER = Path(os.environ.get("BENCH_DIR", ".chairside-bench")).absolute()
# What decides how a loaded patient lies in the database.
_MADE_FROM = (
    ("chairside.demo", ""),
    ("chairside.store", "migrations"),
    ("chairside.records", "patients"),
    ("chairside", "words.py"),
    ("bench", "people.py"),
)


# What decides how generated orgs lie there. Migrations are asked for apart: a start applies those that were added.
_ORGS_MADE_FROM = (
    ("chairside.demo", ""),
    ("chairside.records", "chart"),
    ("chairside.records.patients", "fields.py"),
    ("chairside.records.patients", "rules.py"),
    ("chairside", "words.py"),
    ("bench.orgs", ""),
)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a loaded data directory."""

    made_from: str
    patients: int
    org_id: str
    ids: dict[str, list[str]]
    rate: float


def loaded(patients: int, workers: int, says: Callable[[str], None]) -> tuple[Loaded, Path]:
    """A fresh copy of a data directory with so many patients, which is made if there is none of this making."""
    folder = FOLDER / str(patients)
    about = folder / "about.json"
    made_from = _digest(_MADE_FROM)
    held = msgspec.json.decode(about.read_bytes(), type=Loaded) if about.exists() else None
    if held is None or held.made_from != made_from:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        held = _load(folder / "kept", patients, workers, made_from, says)
        about.write_bytes(msgspec.json.encode(held))
    return held, copied(folder / "kept", says)


def _load(data_dir: Path, patients: int, workers: int, made_from: str, says: Callable[[str], None]) -> Loaded:
    says(f"Loading {patients:,} generated patients through the API's bulk import (kept for later runs)")
    with server(data_dir, workers) as running:
        org_id = command("org", "create", "Bench Dental Group", data_dir=data_dir)
        token = command("token", "create", "--org", org_id, "--role", "admin", data_dir=data_dir)
        ids = make_catalogs(Client(running.port, org_id, token))
        importer = Importer(lambda: Client(running.port, org_id, token), ids, says=says)
        importer.take(SEED, patients)
        asyncio.run(_settle(data_dir))
    return Loaded(made_from=made_from, patients=patients, org_id=org_id, ids=ids, rate=importer.rate)


class Orgs(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a data directory of generated orgs."""

    made_from: str
    migrations: list[str]
    made: Made


def orgs(plan: Plan, says: Callable[[str], None]) -> tuple[Made, Path]:
    """The kept data directory itself, made if there is none of this making: for runs that leave no patient changed."""
    folder = FOLDER / f"orgs-{plan.name}"
    about, kept = folder / "about.json", folder / "kept"
    made_from, migrated = _digest(_ORGS_MADE_FROM), [m.checksum for m in migrations()]
    held = msgspec.json.decode(about.read_bytes(), type=Orgs) if about.exists() else None
    if held is None or held.made_from != made_from or migrated[: len(held.migrations)] != held.migrations:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        says(f"Making {len(plan.sizes):,} orgs of {plan.patients:,} patients (kept for later runs)")
        held = Orgs(made_from=made_from, migrations=migrated, made=make(kept, plan, says))
        about.write_bytes(msgspec.json.encode(held))
    return held.made, kept


def copied(kept: Path, says: Callable[[str], None]) -> Path:
    """A fresh copy of a kept data directory, for a run that writes."""
    run = kept.with_name("run")
    shutil.rmtree(run, ignore_errors=True)
    says(f"Copying {kept.parent.name}")
    # cp keeps the owners: started by root, the database belongs to another user.
    subprocess.run(["/bin/cp", "-a", kept, run], check=True)
    # Else the system writes the copy half a minute later, and a commit that is measured then waits for it, up to 1 s.
    os.sync()
    return run


async def tokens(data_dir: Path, org_ids: Sequence[str]) -> dict[str, str]:
    """A token of an administrator for each of these orgs."""
    pool = Pool(server_place(Settings(data_dir=data_dir)), size=1)
    try:
        return {org_id: (await create_token(pool, org_id, "admin", name=USER)).text for org_id in org_ids}
    finally:
        await pool.close()


async def warmed(data_dir: Path) -> None:
    """Has the system read every table and index once, as it has on a server that has been up for a while.

    Else a large org would be compared with a small one by how fast the disk is, which a run soon has in memory whole.
    """
    connection = await connect(superuser(data_dir))
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        await connection.execute(_READ_ALL, timeout=600)
    finally:
        await connection.close()


def tidied(kept: Path) -> None:
    """Takes what reads left behind out of a kept data directory: trail, chain and tokens."""
    with embedded.start(kept, progress=lambda _: None):
        asyncio.run(_tidy(kept))
    Settings(data_dir=kept).heads_file.unlink(missing_ok=True)


async def _tidy(kept: Path) -> None:
    connection = await connect(superuser(kept))
    try:
        await connection.execute(
            "TRUNCATE audit_events, audit_patients, audit_clients, audit_callers, audit_operations, audit_links,"
            " idempotency_keys, tokens"
        )
        await connection.execute("DROP SCHEMA IF EXISTS bench CASCADE; DROP EXTENSION IF EXISTS pg_prewarm")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _settle(data_dir: Path) -> None:
    """Leave the tables as they are some time after an import, not in the middle of its aftermath."""
    connection = await connect(superuser(data_dir))
    try:
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _digest(sources: Sequence[tuple[str, str]]) -> str:
    made = hashlib.sha256()
    for package, below in sources:
        for file in _files(resources.files(package) / below if below else resources.files(package)):
            made.update(file.read_bytes())
    return made.hexdigest()


def _files(at: Traversable) -> Iterator[Traversable]:
    if at.is_file():
        yield at
    else:
        for inside in sorted(at.iterdir(), key=lambda entry: entry.name):
            if inside.is_dir() or inside.name.endswith((".py", ".sql")):
                yield from _files(inside)
