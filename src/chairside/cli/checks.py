"""The findings of `chairside doctor`, a line each."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from chairside.app import owner_place
from chairside.cli import access_checks, archive_checks, record_checks
from chairside.cli.findings import Finding, Owner, fault, fine, warning
from chairside.cli.wording import counted
from chairside.engine.vault import KeyFault, Vault
from chairside.settings import Settings
from chairside.store.migrate import NEWEST, OLDEST, MigrationFault, migrations, pending
from chairside.store.pool import connect
from chairside.store.sql import queries

LEAST_FREE = 1 << 30
LEAST_FREE_FOR_KEYS = 1 << 26
RISKS = {
    "fsync": "a power failure can destroy the database; set fsync = on",
    "full_page_writes": "a power failure can tear pages on most storages; set full_page_writes = on",
    "synchronous_commit": "a crash loses writes that were acknowledged; set synchronous_commit = on",
    "data_checksums": "disk rot stays unnoticed; stop the database and run `pg_checksums --enable`, or ask its host",
}
SAFE = ("on", "local", "remote_apply", "remote_write")


@dataclass(frozen=True, slots=True)
class Schema:
    """State of the schema: how far the checks of tables and rows can go."""

    finding: Finding
    there: bool = True  # its tables are
    complete: bool = False


async def examine(settings: Settings) -> list[Finding]:
    """Returns every finding; no check changes anything."""
    owner = await connect(owner_place(settings))
    try:
        found = [_settings(settings), _version(owner), await _locale(owner), *await _durability(owner, settings)]
        found += await access_checks.of_database(owner)
        if all(f.level != "fault" for f in found if f.name == "database user"):
            found += await _of_tables(owner, settings)
    finally:
        await owner.close()
    return [*found, archive_checks.examine(settings), _disk(settings), _metrics(settings)]


async def _of_tables(owner: Owner, settings: Settings) -> list[Finding]:
    schema = await _schema(owner)
    if not schema.there:
        return [schema.finding, await access_checks.role_to_be(owner)]
    found = [schema.finding]
    if schema.complete:
        found += await record_checks.examine(owner)
    found += await access_checks.isolation(owner)
    found.append(await _keys(owner, settings))
    found.append(await access_checks.server_role(settings))
    return found


def _settings(settings: Settings) -> Finding:
    where = "your own PostgreSQL" if settings.database_url else f"embedded PostgreSQL in {settings.data_dir}"
    return fine("settings", f"{where}, {counted(settings.workers, 'worker')}")


def _version(owner: Owner) -> Finding:
    version = owner.get_server_version()
    says = f"PostgreSQL {version.major}.{version.micro} (supported: {OLDEST} to {NEWEST})"
    return fine("database version", says) if OLDEST <= version.major <= NEWEST else fault("database version", says)


async def _locale(owner: Owner) -> Finding:
    if await owner.fetchval(queries()["doctor.lowers_letters"]):
        return fine("locale", "capital and small letters of all scripts are told to be alike")
    return warning("locale", "a search of notes takes É and é for different letters; make the database with C.UTF-8")


async def _durability(owner: Owner, settings: Settings) -> list[Finding]:
    return [_risk(name, await owner.fetchval(queries()["doctor.setting"], name), settings) for name in RISKS]


def _risk(name: str, value: str, settings: Settings) -> Finding:
    """On your own PostgreSQL its host decides on pages: some storages keep them whole and sound by themselves."""
    if value in SAFE:
        return fine(name, value)
    hosted = settings.database_url and name in ("data_checksums", "full_page_writes")
    return (warning if hosted else fault)(name, f"{value}: {RISKS[name]}")


async def _schema(owner: Owner) -> Schema:
    try:
        missing = [m.name for m in await pending(owner)]
    except MigrationFault as error:
        return Schema(fault("schema", str(error)))
    if not missing:
        return Schema(fine("schema", "up to date"), complete=True)
    remedy = "run `chairside migrate`; `chairside serve` does it too"
    if len(missing) == len(migrations()) and not await owner.fetchval(queries()["doctor.has_tables"]):
        return Schema(fault("schema", f"not migrated: {remedy}"), there=False)
    return Schema(fault("schema", f"missing: {', '.join(missing)}; {remedy}"))


async def _keys(owner: Owner, settings: Settings) -> Finding:
    known: dict[str, bytes] = {}
    if await owner.fetchval(queries()["doctor.knows_keys"]):
        known = {r["id"]: r["fingerprint"] for r in await owner.fetch(queries()["keys.known"])}
    if not known and not settings.key_file.exists():
        return fine("keys", "none yet; the first `chairside serve` makes them")
    try:
        held = Vault(settings.key_file).fingerprints()
    except KeyFault as error:
        return fault("keys", str(error))
    lost = [name for name, fingerprint in known.items() if held.get(name) != fingerprint]
    if lost:
        return fault("keys", f"{settings.key_file} lacks {', '.join(lost)}; put the key file of this database back")
    return fine("keys", f"{len(held)} in {settings.key_file}")


def _metrics(settings: Settings) -> Finding:
    """Warns of a metrics address that other machines reach: its numbers tell how busy a practice is."""
    if not settings.metrics_port:
        return fine("metrics", "not served; CHAIRSIDE_METRICS_PORT sets a port for them")
    where = f"{settings.metrics_host}:{settings.metrics_port}"
    if settings.metrics_host not in ("127.0.0.1", "::1", "localhost"):
        return warning("metrics", f"on {where} without a token; see to it that only your monitoring reaches it")
    return fine("metrics", f"on {where}, for this machine only")


def _disk(settings: Settings) -> Finding:
    if not settings.data_dir.exists():
        return fine("disk", f"{settings.data_dir} is not there yet; the first `chairside serve` makes it")
    free, least = shutil.disk_usage(settings.data_dir).free, LEAST_FREE
    if settings.database_url:
        least = LEAST_FREE_FOR_KEYS
    says = f"{free / 1e9:.1f} GB free"
    return fine("disk", says) if free >= least else fault("disk", f"{says}, less than {least / 1e9:.1f} GB")
