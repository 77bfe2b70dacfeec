"""Archives closed months of audit trails: verifies, writes the file, and only then drops the records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from chairside.app import as_owner
from chairside.cli.place import Fault, say
from chairside.cli.wording import counted
from chairside.engine.archives import NONE_BEFORE, ArchiveFault, Month, file_of, write_month
from chairside.engine.audit_keys import AuditKeys
from chairside.engine.chain import Head
from chairside.engine.vault import Vault
from chairside.engine.verification import Archived, verify
from chairside.settings import Settings
from chairside.store.lending import Connection
from chairside.store.sql import queries
from chairside.store.transactions import transaction


async def archive(settings: Settings, orgs: list[str], heads: list[Head], folder: Path, keep_months: int) -> int:
    """Archives every closed month of these orgs that is older than so many months; the number of files."""
    keys, written = Vault(settings.key_file).audit, 0
    async with as_owner(settings) as owner:
        for org_id in orgs:
            while made := await _next(owner, keys, org_id, heads, folder, keep_months):
                say(f"{file_of(folder, org_id, made.until)}: {counted(made.records, 'record')}")
                written += 1
    return written


async def _next(
    owner: Connection, keys: AuditKeys, org_id: str, heads: list[Head], folder: Path, keep_months: int
) -> Archived | None:
    """Archives the oldest month of an org, in one transaction with dropping it; None when all is done."""
    now = datetime.now(UTC)
    async with transaction(owner, org_id, writes=True):
        oldest = await owner.fetchval(queries()["archives.oldest"], org_id)
        if oldest is None or next_month(oldest) > months_before(now, keep_months):
            return None
        verdict = await verify(owner, org_id, keys, [head for head in heads if head.org_id == org_id])
        if verdict.faults:
            raise Fault(f"The trail of org {org_id} has faults, so nothing of it is archived; run `audit verify`.")
        before = verdict.archives[-1] if verdict.archives else NONE_BEFORE
        [policy] = await owner.fetch(queries()["retention.policy"], org_id)
        until = next_month(oldest)
        month = Month(org_id, month_of(oldest), until, until.replace(year=until.year + policy["audit_years"]), before)
        try:
            made = await write_month(owner, keys, month, file_of(folder, org_id, until.isoformat()), now)
        except ArchiveFault as fault:
            raise Fault(str(fault)) from None
        await _drop(owner, made, until)
    return made


async def _drop(owner: Connection, made: Archived, until: datetime) -> None:
    await owner.execute(
        queries()["archives.add"], made.org_id, until, made.number, made.hash, made.complete_to, made.records,
        made.digest, made.keep_until, made.sealed_at, made.format, made.key, made.signature,
    )  # fmt: skip
    await owner.execute(queries()["archives.drop_records"], made.org_id, until)
    await owner.execute(queries()["archives.drop_patients"], made.org_id, until)
    await owner.execute(queries()["archives.drop_links"], made.org_id, made.number)


def month_of(at: datetime) -> datetime:
    """Returns the beginning of the month of a UTC time."""
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(at: datetime) -> datetime:
    """Returns the beginning of the month after that of a UTC time."""
    first = month_of(at)
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def months_before(at: datetime, months: int) -> datetime:
    """Returns the beginning of the month so many months before that of a UTC time."""
    first = month_of(at)
    count = first.year * 12 + first.month - 1 - months
    return first.replace(year=count // 12, month=count % 12 + 1)


def pairs(archives: list[Archived]) -> Iterator[tuple[Archived, Archived]]:
    """Yields each archive with the one before it."""
    yield from zip(archives, [NONE_BEFORE, *archives], strict=False)
