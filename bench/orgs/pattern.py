"""The pattern: patients with full charts that the product made and wrote itself, as others are copied from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any

import asyncpg

from bench.orgs.lines import line
from chairside.cli.clerk import Clerk
from chairside.cli.demo import fill
from chairside.demo import Chart, Person, chart, people, practice
from chairside.demo.dice import Dice
from chairside.demo.readings import Body, readings
from chairside.records import ALL
from chairside.records.patients import PATIENTS

SEED, TODAY = 8406, date(2026, 1, 5)
# What stands beside a patient and is copied with them, by kind.
BESIDE = ("alert", "allergy", "medication", "disease", "vital_signs", "social_history", "field_value")
TABLES = {kind.name: kind.table for kind in ALL}
# Columns that differ from copy to copy; all others of a row beside a patient stay as they are.
OWN = ("org_id", "id", "patient_id", "created_at", "updated_at")
# Of the patient's own columns those that tell of the chart.
TOLD = (*(f.column for f in PATIENTS.fields if f.clinical), "smoking_snomed", "latest_vitals_date")
# With fewer than 12 entries in the mean the charts would be those of a demo, which are short.
MOST_READINGS = 6
NEAREST = 4
OLDEST = 101


@dataclass(frozen=True, slots=True)
class Example:
    """A patient to be copied: who they are, what their chart says of them, and for each table the ends of lines."""

    gender: str
    years: int
    told: Mapping[str, Any]
    ends: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Examples, and the ids of the catalogs by kind and place that generated patients point into.

    `rests` are the columns of each table after OWN, in the order of the examples' ends.
    """

    examples: Sequence[Example]
    nearest: Mapping[tuple[str, int], Sequence[Example]]
    rests: Mapping[str, Sequence[str]]
    ids: Mapping[str, Sequence[str]]

    def pick(self, dice: Dice, gender: str, years: int) -> Example:
        """Somebody of that gender and about that age."""
        return dice.pick(self.nearest[gender if (gender, 0) in self.nearest else "", min(years, OLDEST)])


async def enter(clerk: Clerk, patients: int) -> dict[str, list[str]]:
    """Make so many patients with charts through the product's own operations; ids by kind, in their order."""
    made = practice(SEED, patients, TODAY)
    charts = [_full(person, place) for place, person in enumerate(made.patients)]
    ids = await fill(clerk, made, charts, people(made.patients, SEED, TODAY))
    return {kind: list(named.values()) for kind, named in ids.items() if kind != "appointment"}


def _full(person: Person, place: int) -> Chart:
    """What two demo charts say, and readings of all the years since the first visit."""
    # The demo gives a chart to every fifth place alone.
    one, other = (chart(person, 5 * (2 * place + n), SEED, TODAY) for n in (0, 1))
    both = {f.name: _distinct([*getattr(one, f.name), *getattr(other, f.name)]) for f in fields(Chart)}
    return replace(Chart(**both), vital_signs=(*one.vital_signs, *_earlier(person, place, one)))


def _distinct(rows: Sequence[dict[str, object]]) -> tuple[dict[str, object], ...]:
    """One of each name: the first entry of a row says what it is of."""
    return tuple({next(iter(row.values())): row for row in rows}.values())


def _earlier(person: Person, place: int, one: Chart) -> Iterator[dict[str, object]]:
    if not one.vital_signs:
        return
    dice = Dice(SEED * 1_000_003 + place)
    born = date.fromisoformat(str(person.fields["date_of_birth"]))
    body = Body(dice, born, str(person.fields.get("gender")))
    came = date.fromisoformat(str(person.fields["date_first_visit"]))
    held = len(one.vital_signs)
    day = date.fromisoformat(str(one.vital_signs[-1]["date_taken"])) - timedelta(days=30)
    while held < MOST_READINGS and (rows := readings(dice, body, "usual", came, day)):
        yield from rows[: MOST_READINGS - held]
        held += len(rows)
        day = date.fromisoformat(str(rows[-1]["date_taken"])) - timedelta(days=30)


async def read(
    connection: asyncpg.Connection[asyncpg.Record], org_id: str, ids: Mapping[str, Sequence[str]]
) -> Pattern:
    """The pattern as it lies in the database."""
    ends: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    rests = {}
    for kind in BESIDE:
        table = TABLES[kind]
        rests[table] = [c for c in await columns(connection, table) if c not in OWN]
        for row in await connection.fetch(f"SELECT * FROM {table} WHERE org_id = $1 ORDER BY created_at, id", org_id):
            ends[row["patient_id"]][table].append(line(row[c] for c in rests[table]))
    patients = await connection.fetch("SELECT * FROM patients WHERE org_id = $1 ORDER BY id", org_id)
    examples = [
        Example(
            gender=row["gender"] or "",
            years=(TODAY - row["date_of_birth"]).days * 100 // 36525 if row["date_of_birth"] else 40,
            told={column: row[column] for column in TOLD},
            ends={table: tuple(own) for table, own in ends[row["id"]].items()},
        )
        for row in patients
        if row["deleted_at"] is None and row["id"] in ends
    ]
    return Pattern(examples, _nearest(examples), rests, ids)


async def columns(connection: asyncpg.Connection[asyncpg.Record], table: str) -> list[str]:
    query = (
        "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped"
        " ORDER BY attnum"
    )
    return [row["attname"] for row in await connection.fetch(query, table)]


def _nearest(examples: Sequence[Example]) -> dict[tuple[str, int], Sequence[Example]]:
    """For each gender, and for whatever else there is, those nearest to each age."""
    found: dict[tuple[str, int], Sequence[Example]] = {}
    for gender in ("female", "male", ""):
        alike = [e for e in examples if e.gender == gender or not gender]
        for years in range(OLDEST + 1):
            found[gender, years] = sorted(alike, key=lambda e: abs(e.years - years))[:NEAREST]
    return found
