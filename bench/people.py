"""Loads generated patients through the API's bulk import, and times the import alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import islice
from typing import Any

import msgspec

from bench.running import BenchFault, Client
from chairside.demo import Person, practice, rows

SEED, TODAY = 8400, date(2026, 1, 5)
MOST_ROWS = 5000
WAVE = 20_000
# Which worker takes a connection is chance; with two callers both are with the same worker in half of all runs.
CALLERS = 4
CATALOGS = {
    "location": ("locations", "location_uuid"),
    "primary_provider": ("providers", "primary_provider_uuid"),
    "secondary_provider": ("providers", "secondary_provider_uuid"),
    "fee_schedule": ("fee-schedules", "fee_schedule_uuid"),
    "billing_type": ("billing-types", "billing_type_uuid"),
    "employer": ("employers", "employer_uuid"),
}
Ids = Mapping[str, Sequence[str]]


def make_catalogs(desk: Client) -> dict[str, list[str]]:
    """The lists that generated patients point into: ids by path, in the generator's order."""
    made = practice(SEED, 0, TODAY)
    listed = {
        "locations": made.locations,
        "providers": made.providers,
        "fee-schedules": made.fee_schedules,
        "billing-types": [{**row, "name": f"{row['name']} (bench)"} for row in made.billing_types],
        "employers": made.employers,
    }
    return {path: [desk.post(path, row)["id"] for row in entries] for path, entries in listed.items()}


class Importer:
    """Imports people, guarantors before those who name them; keeps count of rows and seconds."""

    def __init__(
        self, desks: Callable[[], Client], ids: Ids, *, charts: str = "DG", says: Callable[[str], None]
    ) -> None:
        self._desks = [desks() for _ in range(CALLERS)]
        self._ids, self._charts, self._says = ids, charts, says
        self._known: dict[int, str] = {}
        self.rows, self.seconds = 0, 0.0

    @property
    def rate(self) -> float:
        """Rows per second, from the first byte sent to the last received."""
        return self.rows / self.seconds

    def take(self, seed: int, count: int) -> None:
        people = enumerate(rows(seed, count, TODAY))
        while wave := list(islice(people, WAVE)):
            for joins in (False, True):
                self._import([(i, p) for i, p in wave if (p.guarantor is not None) == joins])
            self._says(f"  {self.rows:,} patients imported, {self.rate:,.0f} rows/s")

    def _import(self, people: Sequence[tuple[int, Person]]) -> None:
        """Part of a wave in bodies of at most 5,000 rows, made before the clock runs."""
        work = [list(_parts([p for p in people if _household(p) % CALLERS == n])) for n in range(CALLERS)]
        bodies = [[msgspec.json.encode({"rows": [self._row(p) for _, p in part]}) for part in parts] for parts in work]
        for desk in self._desks:
            desk.leave()  # making the bodies may have taken longer than the server keeps an idle connection
        with ThreadPoolExecutor(CALLERS) as pool:
            began = time.perf_counter()
            answers = list(pool.map(self._send, bodies, self._desks))
            self.seconds += time.perf_counter() - began
        for parts, answered in zip(work, answers, strict=True):
            for part, answer in zip(parts, answered, strict=True):
                self._learn(part, answer["results"])
        self.rows += len(people)

    @staticmethod
    def _send(bodies: Iterable[bytes], desk: Client) -> list[Any]:
        return [desk.post("patients/bulk", body) for body in bodies]

    def _learn(self, part: Sequence[tuple[int, Person]], results: Sequence[Mapping[str, Any]]) -> None:
        for (index, person), result in zip(part, results, strict=True):
            if result["status"] != "created":
                raise BenchFault(f"Row {index} was not imported: {result['errors']}")
            if person.guarantor is None:
                self._known[index] = result["patient_id"]

    def _row(self, person: Person) -> dict[str, object]:
        row = dict(person.fields)
        row["chart_number"] = str(row["chart_number"]).replace("DG", self._charts)
        for name, (path, key) in CATALOGS.items():
            if (place := getattr(person, name)) is not None:
                row[key] = self._ids[path][place]
        if person.guarantor is not None:
            row["billing_account"] = {"mode": "join", "guarantor_uuid": self._known[person.guarantor]}
        return row


def _household(numbered: tuple[int, Person]) -> int:
    """One caller imports all of a guarantor's dependents: the other would wait for the guarantor's lock."""
    index, person = numbered
    return index if person.guarantor is None else person.guarantor


def _parts(people: Sequence[tuple[int, Person]]) -> Iterator[Sequence[tuple[int, Person]]]:
    return (people[at : at + MOST_ROWS] for at in range(0, len(people), MOST_ROWS))
