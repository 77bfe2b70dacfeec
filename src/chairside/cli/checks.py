"""What `chairside doctor` looks at, a finding each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg

from chairside.app import owner_place, server_place
from chairside.engine.vault import KeyFault, Vault
from chairside.records import ALL
from chairside.records.patients import PATIENTS
from chairside.settings import Settings
from chairside.store import rekeying
from chairside.store.counts import drift_statement
from chairside.store.migrate import NEWEST, OLDEST, MigrationFault, pending
from chairside.store.pool import ROLE, connect
from chairside.store.sql import queries
from chairside.store.tables import columns_of
from chairside.store.transactions import transaction

LEAST_FREE = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    good: bool
    says: str


async def examine(settings: Settings) -> list[Finding]:
    """Every finding; none of the checks changes anything."""
    owner = await connect(owner_place(settings))
    try:
        found = [_settings(settings), _version(owner), *await _schema(owner), *await _durability(owner)]
        found += await _isolation(owner)
        found.append(await _fingerprints(owner, settings))
    finally:
        await owner.close()
    found.append(await _server_role(settings))
    found.append(_disk(settings))
    return found


def _settings(settings: Settings) -> Finding:
    where = "your own PostgreSQL" if settings.database_url else f"embedded PostgreSQL in {settings.data_dir}"
    return Finding("settings", True, f"{where}, {settings.workers} workers")


def _version(owner: asyncpg.Connection[asyncpg.Record]) -> Finding:
    version = owner.get_server_version()
    good = OLDEST <= version.major <= NEWEST
    return Finding(
        "database version",
        good,
        f"PostgreSQL {version.major}.{version.micro} (supported: {OLDEST} to {NEWEST})",
    )


async def _schema(owner: asyncpg.Connection[asyncpg.Record]) -> list[Finding]:
    try:
        missing = [m.name for m in await pending(owner)]
    except MigrationFault as fault:
        return [Finding("schema", False, str(fault))]
    if missing:
        return [Finding("schema", False, f"missing: {', '.join(missing)}; run `chairside migrate`")]
    columns = await _columns(owner)
    # Of tables that lack a column nothing can be counted.
    totals = [await _totals(owner), await _search_keys(owner)] if columns.good else []
    return [Finding("schema", True, "up to date"), columns, *totals]


async def _columns(owner: asyncpg.Connection[asyncpg.Record]) -> Finding:
    rows = await owner.fetch(queries()["doctor.columns"])
    there = {(row["table_name"], row["column_name"]) for row in rows}
    lost = [f"{k.table}.{c}" for k in ALL for c in columns_of(k) if (k.table, c) not in there]
    return Finding("columns", not lost, f"missing: {', '.join(lost)}" if lost else "all that the records declare")


async def _totals(owner: asyncpg.Connection[asyncpg.Record]) -> Finding:
    """Whether each summary adds up to its records; an org at a time, for the policies bind the owner too."""
    orgs = [row["id"] for row in await owner.fetch(queries()["orgs.all"])]
    wrong: list[str] = []
    for org_id in orgs:
        async with transaction(owner, org_id, writes=False, large=True):
            for kind, counted in ((k, k.counted) for k in ALL if k.counted):
                cells = await owner.fetchval(drift_statement(kind), org_id)
                wrong += [f"{cells} sorts of {counted.table} in org {org_id}"] if cells else []
    says = f"not what is there: {', '.join(wrong)}" if wrong else f"add up to the records of {len(orgs)} orgs"
    return Finding("totals", not wrong, says)


async def _search_keys(owner: asyncpg.Connection[asyncpg.Record]) -> Finding:
    """Whether keys and search words of every org were derived by the rules of this release."""
    orgs = await owner.fetch(queries()["orgs.all"])
    late = [org["id"] for org in orgs if await rekeying.behind(owner, PATIENTS, org)]
    says = f"behind in org {', '.join(late)}; run `chairside migrate`" if late else "derived by this release"
    return Finding("search keys", not late, says)


async def _durability(owner: asyncpg.Connection[asyncpg.Record]) -> Iterator[Finding]:
    names = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
    values = {name: await owner.fetchval(queries()["doctor.setting"], name) for name in names}
    return (Finding(name, values[name] in ("on", "remote_apply", "remote_write"), values[name]) for name in names)


async def _isolation(owner: asyncpg.Connection[asyncpg.Record]) -> list[Finding]:
    tables = await owner.fetch(queries()["doctor.walls"])
    loose = [row["name"] for row in tables if not (row["forced"] and row["policy"])]
    says = f"not forced on {', '.join(loose)}" if loose else f"forced on all {len(tables)} tenant tables"
    role = await owner.fetchrow(queries()["doctor.role"], ROLE)
    return [Finding("row-level security", bool(tables) and not loose, says), _role(role)]


def _role(role: Any) -> Finding:
    if role is None:
        return Finding("role", False, f"the role {ROLE} is missing; run `chairside migrate`")
    faults = [
        text
        for bad, text in (
            (role["rolsuper"], "is a superuser"),
            (role["rolbypassrls"], "bypasses row-level security"),
            (role["owns"], f"owns {role['owns']} tables"),
        )
        if bad
    ]
    return Finding(
        "role",
        not faults,
        f"{ROLE} {' and '.join(faults)}" if faults else f"{ROLE} owns nothing and bypasses nothing",
    )


async def _server_role(settings: Settings) -> Finding:
    connection = await connect(server_place(settings))
    try:
        current = await connection.fetchval(queries()["doctor.whoami"])
    finally:
        await connection.close()
    return Finding("server connects as", current == ROLE, current)


async def _fingerprints(owner: asyncpg.Connection[asyncpg.Record], settings: Settings) -> Finding:
    if not await owner.fetchval(queries()["doctor.knows_keys"]):
        return Finding("keys", False, "the database knows no keys yet")
    known = {r["id"]: r["fingerprint"] for r in await owner.fetch(queries()["keys.known"])}
    try:
        held = Vault(settings.key_file).fingerprints()
    except KeyFault as fault:
        return Finding("keys", False, str(fault))
    lost = [name for name, print_ in known.items() if held.get(name) != print_]
    mode = settings.key_file.stat().st_mode & 0o777
    if mode & 0o077:
        return Finding("keys", False, f"{settings.key_file} can be read by others (mode {mode:o})")
    return Finding("keys", not lost, f"lacks {', '.join(lost)}" if lost else f"{len(held)} in {settings.key_file}")


def _disk(settings: Settings) -> Finding:
    if not settings.data_dir.exists():
        return Finding("disk", False, f"there is no folder {settings.data_dir}")
    free = shutil.disk_usage(settings.data_dir).free
    return Finding("disk", free >= LEAST_FREE, f"{free / 1e9:.1f} GB free")
