"""A clock that steps, or differs between workers, costs a consumer no change and puts no versions out of order.

The clocks of two workers, of the database and of the command are stepped while they run: together, each for itself,
back by up to ten minutes and forth by up to two. Every fourth round the server is started again in between. Meanwhile
writers create patients and change them, all of them set balances of one patient together, and one consumer keeps a copy
by docs/sync.md. Once the writers pause, after each round, the copy must hold each patient as it was acknowledged last.
In the feed the versions of a record must never go back, and in the answers the time of change must grow with each
version. A round is one step.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from proofs import processes
from proofs.clock.steps import Steps
from proofs.insistence import Write, insist
from proofs.line import Line
from proofs.trial import Trial
from tests.house import House, Org, free_port

SHORT, LONG = 12, 120
WRITERS, ACTS = 6, 8
BACK, FORTH = 600.0, 120.0
PAUSE_SECONDS = 0.02
RESTART_EACH = 4
BOUND_SECONDS = 60
BUCKETS = ("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90")


def prove(trial: Trial) -> None:
    with trial.folder() as folder:
        steps = Steps(folder)
        house = House(folder / "data", free_port())
        try:
            house.start(workers=2, **steps.environment)
            asyncio.run(_prove(trial, house, house.org("Stepped Clock Dental"), steps))
        finally:
            house.end()


@dataclass(slots=True)
class Known:
    """The state of each patient that was told last, with its time of change."""

    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    writes: int = 0


async def _prove(trial: Trial, house: House, org: Org, steps: Steps) -> None:
    known, copy = Known(), Copy(trial, house, org)
    shared = await _told(house, org, _create(org, "shared"))
    for number in range(trial.rounds):
        _step(trial, house, steps)
        async with copy.kept():
            acts = (_write(trial, house, org, known, shared["id"], f"{number}-{writer}") for writer in range(WRITERS))
            await asyncio.gather(*acts)
        _note(trial, known, shared["id"], await _told(house, org, _read(org, f"patients/{shared['id']}")))
        await _complete(trial, known, copy, number)
        if number % RESTART_EACH == RESTART_EACH - 1:
            await asyncio.to_thread(_restart, trial, house, steps)
    trial.tried("writes", known.writes)
    trial.tried("pages of the walk", copy.pages)
    trial.tried("events", copy.events)


async def _complete(trial: Trial, known: Known, copy: Copy, number: int) -> None:
    """The copy has what was acknowledged. A request that the consumer gave up may hold the walk back for a while."""
    end = time.monotonic() + BOUND_SECONDS
    while True:
        await copy.walk()
        missing = {p: state for p, (state, _) in known.told.items() if copy.held.get(p) != state}
        if not missing or time.monotonic() > end:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    for patient_id, state in missing.items():
        trial.breach(f"round {number}: the copy has {copy.held.get(patient_id)} of a patient, acknowledged was {state}")


def _step(trial: Trial, house: House, steps: Steps) -> None:
    """Steps all processes together, or each worker for itself."""
    draw = trial.random
    every = draw.uniform(-BACK, FORTH)
    apart = draw.random() < 0.5
    steps.set(every, {pid: draw.uniform(-BACK, FORTH) for pid in processes.workers(house)} if apart else None)
    trial.tried("steps of workers apart" if apart else "steps of all together")


def _restart(trial: Trial, house: House, steps: Steps) -> None:
    house.stop()
    steps.set(trial.random.uniform(-BACK, 0))
    house.start(workers=2, **steps.environment)
    trial.tried("restarts")


async def _write(trial: Trial, house: House, org: Org, known: Known, shared: str, name: str) -> None:
    """A writer's acts of one round: a new patient, changes of it, others that are only created, and balances of the one
    that all share.

    Every request comes over a new connection, so that both workers answer some of them.
    """
    path = f"/api/v1/{org.id}/patients"
    made = await _told(house, org, _create(org, name))
    patient_id = made["id"]
    _note(trial, known, patient_id, made)
    for act in range(ACTS):
        if act % 2:
            balances = msgspec.json.encode(dict.fromkeys(BUCKETS, f"{act}.{name.rpartition('-')[2]}"))
            await _told(house, org, Write("PUT", f"{path}/{shared}/balances", balances, f"put-{name}-{act}"))
        else:
            other = await _told(house, org, _create(org, f"{name}-{act}"))
            _note(trial, known, other["id"], other)
        edit = msgspec.json.encode({"city": f"City {act}", "base_version": made["version"]})
        made = await _told(house, org, Write("PATCH", f"{path}/{patient_id}", edit, f"patch-{name}-{act}"))
        _note(trial, known, patient_id, made)


def _create(org: Org, name: str) -> Write:
    body = msgspec.json.encode({"first_name": "Ada", "last_name": f"Tick {name}"})
    return Write("POST", f"/api/v1/{org.id}/patients", body, f"create-{name}")


def _read(org: Org, path: str) -> Write:
    return Write("GET", f"/api/v1/{org.id}/{path}", b"", "read")


async def _told(house: House, org: Org, write: Write) -> dict[str, Any]:
    line = Line(house.port, org.token("admin"))
    try:
        answer = await insist(line, write)
        if not answer.good:
            raise RuntimeError(f"{write.method} answered {answer.status}: {answer.body[:300]!r}")
        return dict(answer.json())
    finally:
        line.close()


def _note(trial: Trial, known: Known, patient_id: str, made: dict[str, Any]) -> None:
    before = known.told.get(patient_id)
    if before is not None:
        trial.expect(before[1] < made["updated_at"], f"{made['updated_at']} came after {before[1]}")
    known.told[patient_id] = (_key(made), made["updated_at"])
    known.writes += 1


def _key(patient: dict[str, Any]) -> str:
    """The values that tell one state of a patient from another, as far as both an answer and a walk show them."""
    return f"version {patient['version']} of {patient['updated_at']}"


class Copy:
    """A consumer's copy of the org's patients, kept by docs/sync.md, and the versions that the feed told of."""

    def __init__(self, trial: Trial, house: House, org: Org) -> None:
        self._trial, self._house, self._org = trial, house, org
        self.held: dict[str, str] = {}
        self.pages = self.events = 0
        self._cursor, self._sequence = "", 0
        self._versions: dict[str, tuple[int, str]] = defaultdict(lambda: (0, ""))

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Follows the org while others write."""
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await self.walk()
            await asyncio.sleep(PAUSE_SECONDS)

    async def walk(self) -> None:
        """Reads all that is there now: patients by time of change, then the feed."""
        line = Line(self._house.port, self._org.token("integration"))
        try:
            while await self._page(line):
                pass
            while await self._feed(line):
                pass
        finally:
            line.close()

    async def _page(self, line: Line) -> bool:
        query = "sort_by=updated_at&status=all&first=50" + (f"&after={self._cursor}" if self._cursor else "")
        page = (await insist(line, _read(self._org, f"patients/cursor?{query}"))).json()
        for patient in page["data"]:
            self.held[patient["id"]] = _key(patient)
        self._cursor = page["page_info"]["end_cursor"] or self._cursor
        self.pages += 1
        return bool(page["page_info"]["has_next_page"])

    async def _feed(self, line: Line) -> bool:
        page = (await insist(line, _read(self._org, f"events?after={self._sequence}&limit=200"))).json()
        for event in page["items"]:
            version, at = self._versions[event["record_id"]]
            in_order = version <= event["version"] and at < event["occurred_at"]
            self._trial.expect(in_order, f"version {event['version']} follows {version} in the feed, or is no later")
            self._versions[event["record_id"]] = event["version"], event["occurred_at"]
            self.events += 1
        self._sequence = page["next_after"]
        return bool(page["has_more"])
