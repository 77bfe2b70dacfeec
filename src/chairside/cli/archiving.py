"""Archives closed months of audit trails: verifies, writes the file, and only then drops the records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
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
from chairside.store.partitions import drop, lock_against_writes, partitions
from chairside.store.sql import queries
from chairside.store.transactions import act_for, transaction


async def archive(settings: Settings, orgs: list[str], heads: list[Head], folder: Path, keep_months: int) -> int:
    """Archives every closed month of these orgs that is older than so many months; the number of files.

    The trail of an org that has faults stays as it is; Fault names it once all others are archived.
    """
    limit = months_before(datetime.now(UTC), keep_months)
    run, written = _Run(Vault(settings.key_file).audit, heads, folder, limit, orgs), 0
    async with as_owner(settings) as owner:
        while (until := await run.oldest(owner)) is not None:
            for made in await run.archive(owner, until):
                say(f"{file_of(folder, made.org_id, made.until)}: {counted(made.records, 'record')}")
                written += 1
    if run.faults:
        raise Fault(" ".join(run.faults.values()))
    return written


@dataclass
class _Run:
    """One run over the orgs, month by month, so that the partition of a month can be dropped whole."""

    keys: AuditKeys
    heads: list[Head]
    folder: Path
    limit: datetime
    orgs: list[str]
    faults: dict[str, str] = field(default_factory=dict)

    async def oldest(self, owner: Connection) -> datetime | None:
        """Returns the end of the oldest month that an org has and that may be archived."""
        found = [at for org_id in self.orgs if (at := await self._first(owner, org_id)) is not None]
        until = next_month(min(found, default=self.limit))
        return until if until <= self.limit else None

    async def _first(self, owner: Connection, org_id: str) -> datetime | None:
        """Returns the time of the org's first record, unless its trail has faults."""
        if org_id in self.faults:
            return None
        async with transaction(owner, org_id, writes=False):
            at: datetime | None = await owner.fetchval(queries()["archives.oldest"], org_id)
            return at

    async def archive(self, owner: Connection, until: datetime) -> list[Archived]:
        """Archives the month that ends then of each org that has it, in one transaction with dropping it."""
        made = []
        async with transaction(owner, self.orgs[0], writes=True):
            for org_id in self.orgs:
                await act_for(owner, org_id)
                try:
                    archived = None if org_id in self.faults else await self._write(owner, org_id, until)
                except (Fault, ArchiveFault) as fault:
                    self.faults[org_id] = str(fault)
                else:
                    made += [archived] if archived else []
            if made:
                await _drop(owner, made, until)
        return made

    async def _write(self, owner: Connection, org_id: str, until: datetime) -> Archived | None:
        now = datetime.now(UTC)
        oldest = await owner.fetchval(queries()["archives.oldest"], org_id)
        if oldest is None or oldest >= until:
            return None
        verdict = await verify(owner, org_id, self.keys, [head for head in self.heads if head.org_id == org_id])
        if verdict.faults:
            raise Fault(f"The trail of org {org_id} has faults, so nothing of it is archived; run `audit verify`.")
        before = verdict.archives[-1] if verdict.archives else NONE_BEFORE
        [policy] = await owner.fetch(queries()["retention.policy"], org_id)
        month = Month(org_id, month_of(oldest), until, until.replace(year=until.year + policy["audit_years"]), before)
        return await write_month(owner, self.keys, month, file_of(self.folder, org_id, until.isoformat()), now)


async def _drop(owner: Connection, made: list[Archived], until: datetime) -> None:
    """Drops what was archived: the partitions before a time when no org has anything else in them, rows otherwise."""
    for archived in made:
        await act_for(owner, archived.org_id)
        await owner.execute(
            queries()["archives.add"], archived.org_id, until, archived.number, archived.hash, archived.complete_to,
            archived.records, archived.digest, archived.keep_until, archived.sealed_at, archived.format, archived.key,
            archived.signature,
        )  # fmt: skip
        await owner.execute(queries()["archives.drop_links"], archived.org_id, archived.number)
    await _drop_partitions(owner, {archived.org_id for archived in made}, until)
    for archived in made:
        await act_for(owner, archived.org_id)
        await owner.execute(queries()["archives.drop_records"], archived.org_id, until)
        await owner.execute(queries()["archives.drop_patients"], archived.org_id, until)


async def _drop_partitions(owner: Connection, archived: set[str], until: datetime) -> None:
    old = [p.name for p in await partitions(owner) if p.until is not None and p.until <= until]
    if not old or not await lock_against_writes(owner, old):
        return
    for row in await owner.fetch(queries()["orgs.all"]):
        if row["id"] not in archived:
            await act_for(owner, row["id"])
            first = await owner.fetchval(queries()["archives.oldest"], row["id"])
            if first is not None and first < until:
                return
    for name in old:
        await drop(owner, name)


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
