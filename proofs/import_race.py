"""Of many who add the same people at once, one makes each of them, and the others see it.

Three imports of the same rows start at one moment, in different orders of the rows, matched by each signal in turn and
with `skip` or `update`. Beside them front desks create some of the same people. Afterwards each person exists once, and
once more for every create that came second, which must have been told of a possible duplicate. No deadlock and no
violated key may reach a caller; a row fails only where a create has made a second patient that it matches as well. A
round is one signal in one mode.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec

from proofs.insistence import Write, insist
from proofs.line import Answer, Line
from proofs.trial import Trial
from tests.database import connected
from tests.house import House

SHORT, LONG = 10, 100
IMPORTS, ROWS, CREATES = 3, 200, 20
SIGNALS = ("chart_number", "ssn", "name_dob", "email", "mobile_phone")
MODES = {"skip": "skipped", "update": "unchanged"}
PEOPLE = "SELECT first_name, count(*) AS n FROM patients WHERE org_id = $1 AND last_name = $2 GROUP BY first_name"
LEFT = "SELECT count(*) FROM match_locks"


def prove(trial: Trial) -> None:
    with trial.house(workers=2) as house:
        asyncio.run(_prove(trial, house))


async def _prove(trial: Trial, house: House) -> None:
    org = house.org("Import Race Dental")
    lines = [Line(house.port, org.token("admin")) for _ in range(IMPORTS + CREATES)]
    for number in range(trial.rounds):
        signal, mode = SIGNALS[number % len(SIGNALS)], list(MODES)[number // len(SIGNALS) % len(MODES)]
        await _round(trial, house, org.id, lines, _Race(number, signal, mode))
    async with connected(house.data_dir, "superuser") as database:
        trial.expect(await database.fetchval(LEFT) == 0, "locks are left behind")
    for line in lines:
        line.close()


class _Race:
    """The people of one round, and what they are matched by."""

    def __init__(self, number: int, signal: str, mode: str) -> None:
        self.number, self.signal, self.mode = number, signal, mode
        self.family = f"Racer{number}"
        self.rows = [self._person(n) for n in range(ROWS)]

    def _person(self, n: int) -> dict[str, Any]:
        place = self.number * ROWS + n
        values = {
            "chart_number": {"chart_number": f"race-{place}"},
            "ssn": {"social_security_number": f"901{1 + place // 9999:02d}{1 + place % 9999:04d}"},
            "name_dob": {"date_of_birth": f"19{30 + n % 70}-02-{1 + n // 70:02d}"},
            "email": {"email": f"racer.{place}@example.com"},
            "mobile_phone": {"mobile_phone": f"2122{place:06d}"},
        }
        return {"first_name": f"Ana{n}", "last_name": self.family} | values[self.signal]


async def _round(trial: Trial, house: House, org_id: str, lines: list[Line], race: _Race) -> None:
    base = f"/api/v1/{org_id}/patients"
    meta = {"on_duplicate": race.mode, "match_on": [race.signal]}
    orders = [race.rows, race.rows[::-1], trial.random.sample(race.rows, ROWS)]
    # A chart number cannot be given twice, so there is nothing for creates to double.
    chosen = [] if race.signal == "chart_number" else trial.random.sample(race.rows, CREATES)
    writes = [
        Write("POST", f"{base}/bulk", msgspec.json.encode({"rows": rows, "meta": meta}), f"import-{race.number}-{n}")
        for n, rows in enumerate(orders)
    ]
    writes += [
        Write("POST", base, msgspec.json.encode(person), f"create-{race.number}-{n}") for n, person in enumerate(chosen)
    ]
    answers = await asyncio.gather(*(insist(line, write) for line, write in zip(lines, writes, strict=False)))
    imports, creates = answers[:IMPORTS], answers[IMPORTS:]
    trial.tried("imports at once", len(imports))
    trial.tried("creates beside them", len(creates))
    for answer in answers:
        trial.expect(answer.good, f"{race.signal} {race.mode}: answered {answer.status}")
    if not all(answer.good for answer in answers):
        return
    doubled = _told(creates, chosen)
    _settle(trial, race, imports, creates, doubled)
    async with connected(house.data_dir, "superuser") as database:
        counted = {row["first_name"]: row["n"] for row in await database.fetch(PEOPLE, org_id, race.family)}
    for person in race.rows:
        name = person["first_name"]
        expected = 1 + doubled[name]
        found = counted.get(name, 0)
        trial.expect(found == expected, f"{race.signal} {race.mode}: {found} of {name} instead of {expected}")


def _settle(trial: Trial, race: _Race, imports: list[Answer], creates: list[Answer], doubled: Counter[str]) -> None:
    """Each row was created by one import at most, and else found by the others as somebody who is there."""
    results = [result for answer in imports for result in answer.json()["results"]]
    of = Counter(result["status"] for result in results)
    first = sum(not answer.json()["potential_duplicates"] for answer in creates)
    what = f"{race.signal} {race.mode}"
    trial.expect(of["created"] == ROWS - first, f"{what}: {of['created']} created by imports, {first} before them")
    twice = [result for result in results if result["status"] == "failed" and len(result["duplicate_of"]) > 1]
    trial.expect(
        len(twice) <= doubled.total() * IMPORTS, f"{what}: {len(twice)} rows failed, {doubled.total()} doubled"
    )
    ended = of["created"] + of[MODES[race.mode]] + len(twice)
    trial.expect(ended == ROWS * IMPORTS, f"{what}: rows ended as {dict(of)}")


def _told(creates: list[Answer], chosen: list[dict[str, Any]]) -> Counter[str]:
    """How many of each name were created by somebody who was told of a possible duplicate."""
    told = Counter[str]()
    for answer, person in zip(creates, chosen, strict=True):
        told[person["first_name"]] += bool(answer.json()["potential_duplicates"])
    return told
