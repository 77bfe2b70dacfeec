"""Looks for canaries in all that a server and its database leave: files as they are, and the dump table by table."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from chairside import embedded
from chairside.embedded import tool, tool_environment
from chairside.engine.packing import PACKED, unpack
from chairside.records import ALL
from proofs.leaks.canaries import OWN_TABLES, Canaries
from proofs.trial import Trial
from tests.database import connected

# Of each file of the database whose rows it holds, also when they are those of an index or too long for a page.
FILES = """
SELECT pg_relation_filepath(c.oid), coalesce(i.indrelid, m.oid, c.oid)::regclass::text
FROM pg_class c
LEFT JOIN pg_index x ON x.indexrelid = c.oid
LEFT JOIN pg_class m ON m.reltoastrelid = coalesce(x.indrelid, c.oid)
LEFT JOIN pg_index i ON i.indexrelid = c.oid AND m.oid IS NULL
WHERE pg_relation_filepath(c.oid) IS NOT NULL
"""


def own_tables() -> set[str]:
    return {kind.table for kind in ALL} | set(OWN_TABLES)


def texts(trial: Trial, canaries: Canaries, told: Mapping[str, bytes]) -> None:
    """Logs, metrics and answers: not one canary of any sort."""
    for where, text in told.items():
        trial.tried("texts searched")
        trial.expect(text, f"there is no {where} to search")
        _nowhere(trial, canaries.secrets_in(text) | canaries.traits_in(text), where)


def files(trial: Trial, canaries: Canaries, data_dir: Path) -> None:
    """Every file below the data directory: secrets in none, traits in those of their own tables and the log of writes.

    That log (pg_wal) is of all tables, so the dump must show that it wrote none into others.
    """
    tables, seen, known = asyncio.run(_tables(data_dir)), 0, 0
    for path in data_dir.rglob("*"):
        if not path.is_file():
            continue
        content, where = path.read_bytes(), path.relative_to(data_dir).as_posix()
        part = re.search(r"(base/\d+|global)/\d+", where)
        table = tables.get(part[0], "") if part else ""
        seen, known = seen + len(content), known + (table == "patients")
        trial.tried("files searched")
        _nowhere(trial, canaries.secrets_in(content), where)
        if table not in own_tables() and "/pg_wal/" not in where:
            _nowhere(trial, canaries.traits_in(content), f"{where} ({table or 'of no table'})")
    trial.figure("files searched", f"{seen / 1e6:.0f} MB")
    trial.expect(known, "the files of the patients were not found")


async def _tables(data_dir: Path) -> dict[str, str]:
    async with connected(data_dir, "superuser") as connection:
        await connection.execute("CHECKPOINT")
        return {row[0]: row[1] for row in await connection.fetch(FILES)}


def dump(trial: Trial, canaries: Canaries, data_dir: Path) -> None:
    """Each table as text: secrets in none, traits in their own alone."""
    shown = set()
    for table, rows in _copied(data_dir):
        trial.tried("tables of the dump searched")
        # Bytes stand there as hexadecimal digits; those of kept answers are packed.
        found = [bytes.fromhex(m[1].decode()) for m in re.finditer(rb"\\\\x([0-9a-f]+)", rows)]
        text = rows + b"".join(found)
        if table == "idempotency_keys":
            text += b"".join(unpack(each).body for each in found if each.startswith(PACKED))
        _nowhere(trial, canaries.secrets_in(text), f"the dump of {table}")
        if sorts := canaries.traits_in(text):
            shown.add(table)
            _nowhere(trial, set() if table in own_tables() else sorts, f"the dump of {table}")
    must = {"patients", "patient_words", "idempotency_keys"}
    trial.expect(must <= shown, f"the dump shows no canary in {must - shown}, where one must be")
    trial.figure("tables that hold names, phones or birth dates", f"{len(shown)} of their {len(own_tables())} own")


def _copied(data_dir: Path) -> Iterator[tuple[str, bytes]]:
    at = embedded.endpoint(data_dir)
    command = [str(tool("pg_dump")), "-w", "-h", at.host, "-p", str(at.port), "-U", at.superuser, "-d", at.database]
    whole = subprocess.run(command, check=True, capture_output=True, env=tool_environment()).stdout
    for block in re.finditer(rb"^COPY public\.(\w+) .*?FROM stdin;\n(.*?)^\\\.$", whole, re.MULTILINE | re.DOTALL):
        yield block[1].decode(), block[2]


def _nowhere(trial: Trial, sorts: set[str], where: str) -> None:
    """The canaries themselves are told by the seed."""
    trial.expect(not sorts, f"{' and '.join(sorted(sorts))} in {where}")
