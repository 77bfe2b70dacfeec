"""Archives of the audit trail: a signed file for each closed month of an org, and its verification."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from chairside.engine.audit_keys import AuditKeys
from chairside.engine.chain import FORMAT, NOTHING_BEFORE, moment
from chairside.engine.verification import (
    Archived,
    Seen,
    Verdict,
    check_link,
    check_sealed,
    link_of,
)
from chairside.store.lending import Connection
from chairside.store.sql import queries

LINKS_AT_ONCE = 100
NONE_BEFORE = Archived(org_id="", until="", number=0, hash=NOTHING_BEFORE, complete_to="", sealed_at="")
# Columns of a link that are bytes, which JSON holds in base64.
BYTES = ("previous", "macs", "hash", "signature", "mac")
Row = Mapping[str, Any]


class ArchiveFault(Exception):
    """A month cannot be archived. One sentence for a person."""


def file_of(folder: Path, org_id: str, until: str) -> Path:
    """Returns the file of the month that ends at `until`, which is named after its first day's month."""
    year, month = int(until[:4]), int(until[5:7])
    year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return folder / org_id / f"{year:04}-{month:02}.audit.gz"


@dataclass(frozen=True, slots=True)
class Month:
    """A closed month of an org, after the archive before it; `keep_until` is the end of the org's policy for it."""

    org_id: str
    start: datetime
    until: datetime
    keep_until: datetime
    before: Archived


async def write_month(connection: Connection, keys: AuditKeys, month: Month, path: Path, now: datetime) -> Archived:
    """Writes the file of a month, inside a transaction of the org, and returns what to keep of it.

    The file replaces one of the same name as a whole. ArchiveFault when a record of the month stands in no link.
    """
    org_id, before = month.org_id, month.before
    kept = await connection.fetchval(queries()["archives.first_kept"], org_id, before.number, month.until)
    last = Seen(before.number, before.hash, before.complete_to)
    if kept - 1 > before.number:
        [row] = await connection.fetch(queries()["chain.links"], org_id, kept - 2, 1)
        last = Seen(row["number"], row["hash"], row["complete_to"])
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as raw:
        with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
            lines = _Lines(cast("BinaryIO", file))
            lines.add({"chairside_audit_archive": 1, "org_id": org_id, "until": moment(month.until)})
            records = await _write_links(connection, month, lines)
            there = await connection.fetchval(queries()["archives.count"], org_id, month.start, month.until)
            if records != there:
                raise ArchiveFault(f"{there - records} records of {path.name} of org {org_id} are in no link yet.")
            made = Archived(
                org_id=org_id, until=moment(month.until), number=last.number, hash=last.hash or NOTHING_BEFORE,
                complete_to=last.complete_to, records=records, digest=lines.digest.hexdigest(),
                keep_until=moment(month.keep_until), sealed_at=moment(now), format=FORMAT, key=keys.newest.number,
            )  # fmt: skip
            made = msgspec.structs.replace(made, signature=base64.b64encode(keys.newest.sign(made)).decode())
            lines.add(_manifest(made))
        raw.flush()
        os.fsync(raw.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)
    return made


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Lines:
    """Lines of JSON, and the digest of all of them so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def add(self, value: object) -> None:
        line = msgspec.json.encode(value) + b"\n"
        self.digest.update(line)
        self._file.write(line)


async def _write_links(connection: Connection, month: Month, lines: _Lines) -> int:
    """Writes each link that holds a record of the month, with these records; the number of records."""
    start, until, written = moment(month.start), moment(month.until), 0
    async for row, sealed in _links(connection, month):
        records = [
            _plain({name: value for name, value in found.items() if name != "number"})
            for found in sealed
            if found["id"] is not None and start <= found["at"] < until
        ]
        lines.add({"link": _plain(row), "records": records})
        written += len(records)
    return written


async def _links(connection: Connection, month: Month) -> AsyncIterator[tuple[Row, Sequence[Row]]]:
    numbers = await connection.fetch(queries()["archives.numbers"], month.org_id, month.before.number, month.until)
    for [number] in numbers:
        [row] = await connection.fetch(queries()["chain.links"], month.org_id, number - 1, 1)
        yield (
            dict(row),
            [dict(s) for s in await connection.fetch(queries()["chain.sealed"], month.org_id, number, number)],
        )


def _plain(row: Row) -> dict[str, Any]:
    return {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in row.items()}


def _bytes(row: Row) -> dict[str, Any]:
    return {k: base64.b64decode(v) if k in BYTES and v is not None else v for k, v in row.items()}


def verify_file(verdict: Verdict, keys: AuditKeys, path: Path, archived: Archived, before: Archived) -> None:
    """Checks a file against what the database keeps of it, and each of its links and records against the keys."""
    of = f"the archive {path.parent.name}/{path.name}"
    try:
        digest = _verify_lines(verdict, keys, path, archived, before)
    except OSError as fault:
        verdict.faults.append(f"{of} cannot be read: {fault.strerror or 'it is damaged'}")
    except (EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError, IndexError, msgspec.MsgspecError):
        verdict.faults.append(f"{of} is damaged")
    else:
        if digest is None or digest != archived.digest:
            verdict.faults.append(f"{of} was altered: it is not the file that was written")


def _verify_lines(verdict: Verdict, keys: AuditKeys, path: Path, archived: Archived, before: Archived) -> str | None:
    """The digest of what stands before the manifest; None when the manifest is another, or not the last line."""
    digest, records, ending = hashlib.sha256(), 0, list[Any]()
    last = Seen(before.number, before.hash, before.complete_to)
    with gzip.open(path, "rb") as file:
        for line, value in _decoded(cast("BinaryIO", file)):
            if ending or "manifest" in value:
                ending.append(value)
                continue
            digest.update(line)
            if "link" in value:
                row = _bytes(value["link"])
                link = link_of(archived.org_id, row)
                # Links between these hold later records only, and stayed in the database.
                at = last if link.number == last.number + 1 else Seen(link.number - 1, None, last.complete_to)
                if check_link(verdict, keys, link, row, at):
                    records += _verify_records(verdict, keys, link, value["records"], before.until, archived.until)
                last = Seen(link.number, row["hash"], row["complete_to"])
    if records != archived.records:
        verdict.faults.append(
            f"the archive {path.parent.name}/{path.name} holds {records} of {archived.records} records"
        )
    return digest.hexdigest() if ending == [_manifest(archived)] else None


def _manifest(archived: Archived) -> Row:
    """The last line of a file."""
    return {"manifest": _plain(msgspec.structs.asdict(archived))}


def _decoded(file: BinaryIO) -> Iterator[tuple[bytes, Any]]:
    for line in file:
        yield line, msgspec.json.decode(line)


def _verify_records(verdict: Verdict, keys: AuditKeys, link: Any, found: Sequence[Row], start: str, until: str) -> int:
    """Checks that the records of a link's places in the month are there and as they were made; their number."""
    by_place = {record["place"]: _bytes(record) for record in found}
    places = [place for place, at in enumerate(link.ats, 1) if start <= at < until]
    for place in places:
        gone = {"place": place, "sealed_id": link.ids[place - 1], "id": None}
        check_sealed(verdict, keys, link, by_place.get(place, gone))
    return len(places)
