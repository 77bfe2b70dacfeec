"""Checks of `chairside doctor` on the archive of the embedded database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from chairside.cli.findings import Finding, fault, fine, warning
from chairside.cli.wording import counted
from chairside.embedded import wal
from chairside.settings import Settings

_LATE = timedelta(minutes=5)
_FIRST_BASE = timedelta(hours=1)
REMEDY = "see docs/protection.md"


def examine(settings: Settings) -> Finding:
    """Whether everything is archived and a restore has a base backup to begin with."""
    if settings.database_url:
        return fine("archive", f"the business of your own PostgreSQL; {REMEDY}")
    kept = wal.kept(settings.data_dir)
    if not kept:
        return fine("archive", f"none: a restore gives back the last `chairside backup`; {REMEDY}")
    status = {key: str(value) for key, value in wal.read_json(settings.archive_status_file).items()}
    waits = wal.waiting(settings.data_dir)
    late = bool(waits) and _age(datetime.fromtimestamp(min(waits.values()), UTC)) > _LATE
    told = f"{counted(len(waits), 'file')} of the log {'waits' if len(waits) == 1 else 'wait'}" if waits else ""
    if status.get("fault"):
        return fault("archive", f"failing since {status['failing_since']}: {status['fault']} {told}".rstrip(" ."))
    if late:
        return fault("archive", f"{told} since more than {_LATE.seconds // 60} minutes; `chairside serve` archives")
    return _base(kept, status, settings)


def _base(kept: Mapping[str, str], status: dict[str, str], settings: Settings) -> Finding:
    if not (made := status.get("base_at")):
        because = f": {status['base_fault']}" if status.get("base_fault") else ""
        given_up = " since log was given up because the disk was nearly full" if status.get("given_up_at") else ""
        young = not because and not given_up and _age(datetime.fromisoformat(kept["since"])) < _FIRST_BASE
        return (warning if young else fault)("archive", f"no base backup yet{given_up}{because}".rstrip("."))
    every = timedelta(hours=settings.archive_base_hours)
    if _age(datetime.fromisoformat(made)) > 2 * every:
        because = f": {status['base_fault']}" if status.get("base_fault") else ""
        return fault("archive", f"the last base backup is of {made}, two are due since{because}".rstrip("."))
    return fine("archive", f"{kept['storage']}; base backup of {made}, log up to {status.get('archived_at', made)}")


def _age(at: datetime) -> timedelta:
    return datetime.now(UTC) - at
