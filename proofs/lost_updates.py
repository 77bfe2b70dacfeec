"""Of editors who have seen the same version exactly one wins, and a record is as winners and bookkeeping wrote it.

Thirty-two writers send so many patches (rounds) to fifty records, each with a value that nobody else sends. Half of
them say by `base_version` which version they have seen. The other half say it by If-Match: a PATCH must have the same
in its body, where it is looked at second; `PUT .../balances` needs none there, so that If-Match stands alone.
Balances are bookkeeping: they need the version of now, leave it as it is, and move the ETag. A writer who is refused
goes on with the version that the refusal names, so that the writers keep meeting each other.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec

from proofs.insistence import Write, insist
from proofs.line import Answer, Line
from proofs.sweep import CARRIED
from proofs.trial import Trial
from tests.database import connected
from tests.house import House

SHORT, LONG = 1500, 20_000
WRITERS, RECORDS = 32, 50
TEXTS = ("preferred_name", "address_note", "city", "treatment_notes")
BUCKET = "balance_0_30"
FIELDS = (*TEXTS, BUCKET)
# Version and revision, as an ETag tells them.
State = tuple[int, int]
Events = Mapping[int, Counter[frozenset[str]]]
EVENTS = "SELECT record_id, version, changed FROM events WHERE org_id = $1 AND type = 'patient.updated'"


@dataclass(frozen=True, slots=True)
class Win:
    """A write that was let through: the state it made, what it wrote, and the fields of the answer."""

    state: State
    wrote: dict[str, str]
    shown: dict[str, Any]


@dataclass
class Contest:
    """What the writers share, and what came of it."""

    trial: Trial
    port: int
    base: str
    token: str
    records: list[str]
    left: int
    numbers: count[int] = field(default_factory=count)
    wins: dict[str, list[Win]] = field(default_factory=lambda: defaultdict(list))


def prove(trial: Trial) -> None:
    with trial.house(workers=2) as house:
        asyncio.run(_prove(trial, house))


async def _prove(trial: Trial, house: House) -> None:
    org = house.org("Lost Updates Dental")
    base, token = f"/api/v1/{org.id}", org.token("admin")
    line = Line(house.port, token)
    rows = [{"first_name": "Same", "last_name": f"Record {n}"} | CARRIED for n in range(RECORDS)]
    made = await line.ask("POST", f"{base}/patients/bulk", msgspec.json.encode({"rows": rows}))
    records = [result["patient_id"] for result in made.json()["results"]]
    contest = Contest(trial, house.port, base, token, records, trial.rounds)
    await asyncio.gather(*(_write(contest, n) for n in range(WRITERS)))
    async with connected(house.data_dir, "superuser") as database:
        changed: dict[str, dict[int, Counter[frozenset[str]]]] = defaultdict(lambda: defaultdict(Counter))
        for row in await database.fetch(EVENTS, org.id):
            named = frozenset(row["changed"].split(",")) & set(FIELDS)
            changed[row["record_id"]][row["version"]][named] += 1
    for record in records:
        shown = (await line.ask("GET", f"{base}/patients/{record}")).json()
        _explain(trial, record, contest.wins[record], changed[record], shown)
    for record in [record for record in records if contest.wins[record]][:5]:
        await _which_counts(trial, line, f"{base}/patients/{record}")
    line.close()


async def _write(contest: Contest, number: int) -> None:
    """One writer, who knows of a record's version what the last answer about it said."""
    line, dice = Line(contest.port, contest.token), random.Random(f"{contest.trial.seed} {number}")
    known = dict.fromkeys(contest.records, 1)
    record, refused = "", False
    while contest.left > 0:
        contest.left -= 1
        # Whoever was refused mostly tries again, as a front desk does.
        if not refused or dice.random() < 0.3:
            record = dice.choice(contest.records)
        by_header = number % 2 == 1
        write, wrote = _patch(contest, dice, record, known[record], by_header=by_header)
        answer = await insist(line, write)
        contest.trial.tried("patches by If-Match" if by_header else "patches by base_version")
        refused = not answer.good
        known[record] = _settle(contest, record, known[record], answer, wrote, by_header=by_header)
    line.close()


def _patch(
    contest: Contest, dice: random.Random, record: str, version: int, *, by_header: bool
) -> tuple[Write, dict[str, str]]:
    number = next(contest.numbers)
    path = f"{contest.base}/patients/{record}"
    headers = {"If-Match": f'"{version}"'} if by_header else {}
    if dice.random() < 0.25:
        wrote = {BUCKET: f"{number + 1}.{number % 100:02}"}
        body: dict[str, Any] = wrote | {"balance_31_60": 0, "balance_61_90": 0, "balance_over_90": 0}
        method, path = "PUT", path + "/balances"
    else:
        wrote = {name: f"{name} {number}" for name in dice.sample(TEXTS, dice.randint(1, 2))}
        body, method = wrote | {"base_version": version}, "PATCH"
    if not by_header:
        body["base_version"] = version
    return Write(method, path, msgspec.json.encode(body), f"patch-{number}", headers), wrote


def _settle(
    contest: Contest, record: str, version: int, answer: Answer, wrote: dict[str, str], *, by_header: bool
) -> int:
    """Put down what came of it; the version that the writer knows now."""
    trial, told = contest.trial, answer.json()
    if answer.status == 200:
        trial.tried("of all, won")
        state = _state(answer.headers["etag"])
        edits = BUCKET not in wrote
        trial.expect(state[0] == told["version"] == version + edits, f"a write on version {version} made {state}")
        trial.expect((state[1] == 0) == edits, f"a write of {set(wrote)} has the ETag {state}")
        contest.wins[record].append(Win(state, wrote, {name: told[name] for name in FIELDS}))
        return int(told["version"])
    # Between being looked at and being written a record may change: then it is the row that refuses, not the header.
    refusals = {(409, "version_conflict")} | ({(412, "precondition_failed")} if by_header else set())
    if not trial.expect((answer.status, answer.code) in refusals, f"a patch was answered {answer.status}"):
        return version
    trial.tried(f"of all, refused by {answer.status}")
    now = int(told["detail"][0]["current_version"])
    trial.expect(now > version, f"version {version} was refused, though the version is {now}")
    return now


def _state(etag: str) -> State:
    version, _, revision = etag.strip('"').partition("-")
    return int(version), int(revision or 0)


def _explain(trial: Trial, record: str, wins: list[Win], changed: Events, shown: dict[str, Any]) -> None:
    """Each state has one winner, whose answer, event and fields follow from those before."""
    wins.sort(key=lambda win: win.state)
    states = [(1, 0), *(win.state for win in wins)]
    steps = [((v + 1, 0), (v, r + 1)) for v, r in states]
    trial.expect(
        all(state in step for step, state in zip(steps, states[1:], strict=False)),
        f"the states won of {record} are {states}",
    )
    trial.expect(shown["version"] == states[-1][0], f"{states[-1]} won last, and {record} is at {shown['version']}")
    wrote: dict[int, Counter[frozenset[str]]] = defaultdict(Counter)
    state: dict[str, Any] = dict.fromkeys(FIELDS)
    for win in wins:
        state |= win.wrote
        wrote[win.state[0]][frozenset(win.wrote)] += 1
        trial.expect(win.shown == state, f"state {win.state} of {record} shows {win.shown} instead of {state}")
    trial.expect(changed == wrote, f"the events of {record} name {changed}, not {wrote}")
    left = {name: shown[name] for name in FIELDS}
    trial.expect(left == state, f"{record} ends as {left}, which the winners' order does not explain: {state}")


async def _which_counts(trial: Trial, line: Line, path: str) -> None:
    """Either of the two alone refuses, whatever the other says; and a refusal changes nothing."""
    before = await line.ask("GET", path)
    now = before.json()["version"]
    for header, base, refusal in ((now - 1, now, 412), (now, now - 1, 409), (now + 1, now, 412), (now, now + 1, 409)):
        body = msgspec.json.encode({"base_version": base, "city": "Nowhere"})
        answer = await line.ask("PATCH", path, body, {"If-Match": f'"{header}"'})
        at = f"If-Match {header} with base_version {base} of {now}"
        trial.expect(answer.status == refusal, f"{at} was answered {answer.status}")
        trial.tried("stale beside fresh")
    after = await line.ask("GET", path)
    trial.expect(after.body == before.body, "a refused patch changed a record")
