"""Generates one stretch of an org's patients and copies it into the database; runs in a process of its own."""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

import asyncpg

from bench.orgs.lines import field, line
from bench.orgs.pattern import OWN, SEED, TABLES, TODAY, Pattern
from bench.orgs.records import Patient, Recorder
from bench.running import BenchFault
from chairside.demo import rows
from chairside.demo.dice import Dice
from chairside.engine.vault import Vault
from chairside.errors import Refused
from chairside.records.patients import PATIENTS
from chairside.store.pool import Place, connect
from chairside.store.tables import columns_of

AT_ONCE = 5000
LATER = timedelta(seconds=1)
PATIENT_COLUMNS = tuple(columns_of(PATIENTS))
WORDS = "patient_words"
TAGS = TABLES["tag"]
COPIED = {
    "patients": ("org_id", *PATIENT_COLUMNS),
    WORDS: ("org_id", "patient_id", "scope", "word", "beside", "name"),
    TAGS: (*OWN, "tag_definition_id", "created_by", "version"),
}
Lines = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Patients `first` to `end` of an org that has `total`."""

    org_id: str
    number: int
    first: int
    end: int
    total: int


@dataclass(frozen=True, slots=True)
class Job:
    """What all stretches of a data directory share."""

    place: Place
    key_file: Path
    pattern: Pattern


_job: Job | None = None


def ready(job: Job) -> None:
    global _job  # noqa: PLW0603 - a process is told once what all of its stretches share
    _job = job
    gc.disable()  # nothing that is made here holds itself


def load(stretches: Sequence[Stretch]) -> int:
    """Copies all of them over one connection; how many patients they are."""
    assert _job is not None  # noqa: S101 - `ready` ran first
    try:
        return asyncio.run(_load(_job, stretches))
    except Refused as refused:  # it cannot be sent to another process
        raise BenchFault(f"A generated patient was refused: {refused.problems}") from None


async def _load(job: Job, stretches: Sequence[Stretch]) -> int:
    connection = await connect(job.place)
    try:
        # References hold by the way rows are made, and are looked at when all are there.
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        vault, done = Vault(job.key_file), 0
        columns = COPIED | {table: (*OWN, *rest) for table, rest in job.pattern.rests.items()}
        for stretch in stretches:
            for lines in generated(job.pattern, vault, stretch):
                for table, some in lines.items():
                    await _copy(connection, table, columns[table], some)
                done += len(lines["patients"])
        return done
    finally:
        await connection.close()


async def _copy(
    connection: asyncpg.Connection[asyncpg.Record], table: str, columns: Sequence[str], lines: Sequence[str]
) -> None:
    async def source() -> AsyncIterator[bytes]:
        for at in range(0, len(lines), 500):
            yield "".join(lines[at : at + 500]).encode()

    await connection.copy_to_table(table, source=source(), columns=columns, format="text")


def generated(pattern: Pattern, vault: Vault, stretch: Stretch) -> Iterator[Lines]:
    """Lines for each table, some thousand patients at a time."""
    seed = SEED + 1_000_003 * stretch.number + stretch.first
    recorder = Recorder(pattern, vault, stretch.org_id, stretch.total, Dice(seed + 1))
    people = enumerate(rows(seed, stretch.end - stretch.first, TODAY, stretch.first), stretch.first)
    while some := list(islice(people, AT_ONCE)):
        lines: Lines = defaultdict(list)
        for place, person in some:
            _put(lines, pattern, recorder, stretch.org_id, recorder.patient(person, place))
        yield lines


def _put(lines: Lines, pattern: Pattern, recorder: Recorder, org_id: str, patient: Patient) -> None:
    record = patient.record
    patient_id = record["id"]
    lines["patients"].append(f"{org_id}\t" + line(map(record.__getitem__, PATIENT_COLUMNS)))
    assert PATIENTS.search_words is not None  # noqa: S101 - patients are searched for
    words = PATIENTS.search_words(record, "US")
    lines[WORDS] += [
        f"{org_id}\t{patient_id}\t{scope}\t{field(word)}\t{field(beside)}\t{field(name)}\n"
        for (scope, name), pairs in words.items()
        for word, beside in pairs
    ]
    # What stands beside a patient was written a little later, all of it at once as an import writes it.
    at = record["created_at"] + LATER
    before, after = recorder.ids.halves(at)
    before, after = f"{org_id}\t{before}", f"{after}\t{patient_id}\t{at}\t{at}\t"
    number = 0
    for tag in patient.tags:
        number += 1
        lines[TAGS].append(f"{before}{number:03x}{after}" + line((pattern.ids["tag_definition"][tag], 1, 1)))
    for table, ends in patient.example.ends.items():
        lines[table] += [f"{before}{n:03x}{after}{end}" for n, end in enumerate(ends, number + 1)]
        number += len(ends)
