"""Verifies the audit chain of an org: every link, every record and every known head, and names each fault."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from chairside.engine.audit_keys import AuditKeys, Seal
from chairside.engine.chain import COVERED, FORMAT, MAC, NOTHING_BEFORE, OLDEST_FORMAT, Head, Link
from chairside.store.lending import Connection
from chairside.store.sql import queries

LINKS_AT_ONCE = 100
Row = Any


@dataclass(frozen=True, slots=True)
class Seen:
    """The link before; without its hash when that cannot be trusted."""

    number: int
    hash: bytes | None
    complete_to: str


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was looked at, and what does not hold. `before` counts records older than the chain, `unsealed` the latest,
    which no link holds yet."""

    org_id: str
    records: int = 0
    before: int = 0
    unsealed: int = 0
    links: int = 0
    faults: list[str] = field(default_factory=list)
    archives: list[Archived] = field(default_factory=list)
    last: Seen | None = None


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an org's trail that was written to a file and dropped: every record before `until`, and the links up
    to `number`. Until `keep_until` the file may not be missing."""

    org_id: str
    until: str
    number: int
    hash: bytes
    complete_to: str
    sealed_at: str
    records: int = 0
    digest: str = ""
    keep_until: str = ""
    format: int = FORMAT
    key: int = 1
    signature: str = ""

    def signed_text(self) -> bytes:
        told = (self.format, self.key, self.org_id, self.until, self.number, self.hash.hex(), self.complete_to)
        rest = (self.records, self.digest, self.keep_until, self.sealed_at)
        return "\n".join(["chairside audit archive", *map(str, (*told, *rest)), ""]).encode()


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far an org's chain was verified without a fault, and when; kept outside the database."""

    org_id: str
    number: int
    hash: bytes
    complete_to: str
    sealed_at: str
    key: int = 1
    signature: str = ""

    def signed_text(self) -> bytes:
        told = (self.key, self.org_id, self.number, self.hash.hex(), self.complete_to, self.sealed_at)
        return "\n".join(["chairside audit checkpoint", *map(str, told), ""]).encode()


async def verify(
    connection: Connection, org_id: str, keys: AuditKeys, heads: Iterable[Head], since: Checkpoint | None = None
) -> Verdict:
    """Inside a transaction of the org. The heads must have been read before it began, for the chain grows meanwhile.

    With a checkpoint, only links and records after it are looked at.
    """
    verdict = Verdict(org_id=org_id)
    verdict.archives = await _archives(verdict, keys, connection)
    until = verdict.archives[-1].until if verdict.archives else ""
    last = await _start(verdict, keys, connection, since)
    while rows := await connection.fetch(queries()["chain.links"], org_id, last.number, LINKS_AT_ONCE):
        whole: dict[int, Link] = {}
        for row in rows:
            link = link_of(org_id, row)
            if check_link(verdict, keys, link, row, last):
                whole[link.number] = link
            verdict.links += 1
            last = Seen(link.number, row["hash"] if link.number in whole else None, row["complete_to"])
        sealed = await connection.fetch(queries()["chain.sealed"], org_id, rows[0]["number"], rows[-1]["number"])
        for row in sealed:
            # The records of archived months are verified in their files.
            if row["number"] in whole and whole[row["number"]].ats[row["place"] - 1] >= until:
                check_sealed(verdict, keys, whole[row["number"]], row)
    bound = datetime.fromisoformat(since.complete_to) if since and since.complete_to else None
    for row in await connection.fetch(queries()["chain.loose"], org_id, bound):
        check_loose(verdict, keys, row, last.complete_to, until)
    if bound and until:
        for row in await connection.fetch(queries()["chain.archived"], org_id, datetime.fromisoformat(until)):
            check_loose(verdict, keys, row, last.complete_to, until)
    await _check_named(verdict, keys, connection, bound)
    for head in heads:
        await _check_head(verdict, keys, head, last.number, connection)
    verdict.last = last
    return verdict


async def _archives(verdict: Verdict, keys: AuditKeys, connection: Connection) -> list[Archived]:
    """The archives of the org that this server signed; says so of others."""
    found = []
    for row in await connection.fetch(queries()["archives.all"], verdict.org_id):
        archived = Archived(org_id=verdict.org_id, **row)
        if keys.signed(archived):
            found.append(archived)
        else:
            verdict.faults.append(f"the archive until {archived.until} is not signed with this server's key")
    return found


async def _start(verdict: Verdict, keys: AuditKeys, connection: Connection, since: Checkpoint | None) -> Seen:
    """Where the chain is looked at from: its beginning, the end of its archives, or what was verified before."""
    archived = verdict.archives[-1] if verdict.archives else None
    start = Seen(archived.number, archived.hash, archived.complete_to) if archived else Seen(0, NOTHING_BEFORE, "")
    if since is None or since.number <= start.number:
        return start
    for first in await connection.fetch(queries()["chain.links"], verdict.org_id, start.number, 1):
        check_number(verdict, first["number"], start)
    if not keys.signed(since):
        verdict.faults.append("the checkpoint is not signed with this server's key; verify without --incremental")
        return start
    if await connection.fetchval(queries()["chain.hash_of"], verdict.org_id, since.number) != since.hash:
        verdict.faults.append(f"link {since.number} is not the one that was verified at {since.sealed_at}")
        return start
    return Seen(since.number, since.hash, since.complete_to)


def link_of(org_id: str, row: Row) -> Link:
    return Link(
        org_id=org_id, number=row["number"], previous=row["previous"], sealed_at=row["sealed_at"],
        complete_to=row["complete_to"], ats=row["ats"], ids=row["ids"], macs=row["macs"],
        format=row["format"] or OLDEST_FORMAT, key=row["key"] or 1,
    )  # fmt: skip


def check_link(verdict: Verdict, keys: AuditKeys, link: Link, row: Row, last: Seen) -> bool:
    """Whether a link is as it was made; says so if not, and if it does not stand where it was made."""
    check_number(verdict, link.number, last)
    if link.format > FORMAT:
        verdict.faults.append(f"link {link.number} has format {link.format}, which this release does not know")
        return False
    signature = base64.b64encode(row["signature"]).decode()
    matches = link.hash() == row["hash"] and row["until"] == link.ats[-1] and len(link.ids) == len(link.ats)
    if not matches or not keys.signed(replace(link.head(), signature=signature)):
        verdict.faults.append(f"link {link.number} was altered or added")
        return False
    if link.number == last.number + 1 and last.hash not in (None, link.previous):
        verdict.faults.append(f"link {link.number} does not follow link {last.number}")
    return True


def check_number(verdict: Verdict, number: int, last: Seen) -> None:
    """Says so when links between the last one and this one are missing."""
    if number > last.number + 1:
        first, until = last.number + 1, number - 1
        verdict.faults.append(f"link {first} is missing" if first == until else f"links {first} to {until} are missing")


def check_sealed(verdict: Verdict, keys: AuditKeys, link: Link, row: Row) -> None:
    place = row["place"]
    sealed, where = link.macs[(place - 1) * MAC : place * MAC], f"(link {link.number}, place {place})"
    if row["id"] is None:
        verdict.faults.append(f"record {row['sealed_id']} of {link.ats[place - 1]} is missing {where}")
        return
    verdict.records += 1
    record = _record(row)
    if row["mac"] is None:
        verdict.before += 1
        key = keys.numbered(link.key)
        holds = key is not None and sealed == key.mac_as_found(record) and keys.may_precede(link.org_id, row["at"])
    else:
        holds = sealed == row["mac"] and keys.holds(record, _seal(row))
    if not holds:
        verdict.faults.append(f"record {row['id']} of {row['at']} was altered {where}")


def check_loose(verdict: Verdict, keys: AuditKeys, row: Row, complete_to: str, archived: str = "") -> None:
    verdict.records += 1
    if row["at"] < archived:
        verdict.faults.append(f"record {row['id']} of {row['at']} was added: this month was archived and dropped")
        return
    verdict.unsealed += 1
    # Right after an upgrade the records from before it wait to be sealed as they are found.
    waits = row["mac"] is None and keys.may_precede(row["org_id"], row["at"]) and row["at"] >= complete_to
    # Records under a retired key were sealed long ago, so a new one comes from somebody who has got hold of the key.
    made = keys.holds(_record(row), _seal(row)) and not keys.retired(row["mac_key"] or 1, complete_to)
    if not waits and not made:
        verdict.faults.append(f"record {row['id']} of {row['at']} was added or altered (in no link)")


async def _check_named(verdict: Verdict, keys: AuditKeys, connection: Connection, bound: datetime | None) -> None:
    """Every client that a record names is as it was stored, and by every patient it is found."""
    clients = await connection.fetch(queries()["chain.clients"], verdict.org_id)
    whole = [
        row["id"]
        for row in clients
        if row["id"] in keys.client_ids((verdict.org_id, row["token_id"], row["address"], row["agent"]))
    ]
    for row in await connection.fetch(queries()["chain.unnamed"], verdict.org_id, whole, bound):
        lacks = "its client was altered or deleted" if row["client"] else "a patient it names no longer leads to it"
        verdict.faults.append(f"record {row['id']} of {row['at']}: {lacks}")


def _record(row: Row) -> Sequence[object]:
    """The columns that a MAC covers, which stand before it, its format and its key in the row."""
    values = tuple(row.values())
    return values[-COVERED - 3 : -3]


def _seal(row: Row) -> Seal:
    return row["mac"], row["mac_format"], row["mac_key"]


async def _check_head(verdict: Verdict, keys: AuditKeys, head: Head, last: int, connection: Connection) -> None:
    of = f"the head of {head.sealed_at} (link {head.number})"
    if not keys.signed(head):
        verdict.faults.append(f"{of} is not signed with this server's key")
        return
    there = await connection.fetchval(queries()["chain.hash_of"], head.org_id, head.number)
    for archived in verdict.archives:
        if archived.number == head.number:
            there = archived.hash
    if there is None and verdict.archives and head.number < verdict.archives[-1].number:
        return  # a link that is in the file of an archive, whose end is compared by its hash
    if there is None and head.number > last:
        verdict.faults.append(
            f"the chain ends with link {last}, before {of}: its end was cut off, or the database is an older one,"
            " restored from a backup"
        )
    elif there is None:
        verdict.faults.append(f"{of} is missing")
    elif there.hex() != head.hash:
        verdict.faults.append(f"{of} is another than the chain has: the chain was cut off and went on")
