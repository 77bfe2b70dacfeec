"""A write under a key is done once and answered the same, however often it is sent and whatever is killed meanwhile.

Each round is one key: 64 copies of a write at once, then the same key in its other form, for another request, and by
another caller. For every tenth key both workers are ended with kill -9 while the copies run: after the commit and
before any answer, which the database is made to wait with; before the commit; or at any moment.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from proofs import processes
from proofs.holding import commits_held, patients_held, until_one_waits
from proofs.insistence import Write, insist
from proofs.line import Answer, Line, Lost
from proofs.sweep import NAMED
from proofs.trial import Trial
from tests.database import connected
from tests.house import House

SHORT, LONG = 60, 1000
COPIES, KILL_EACH = 64, 10
WORKERS = 2
BOUND_SECONDS = 60
MOMENTS = ("after commit", "before commit", "any moment")
ACTS = ("create", "patch", "archive", "balances", "transition", "bulk")
MALFORMED = ("", '""', "k" * 256, f'"{"k" * 256}"', "a\tb", "caf\xe9", '"half')
RECORDS = "SELECT last_name, count(*) AS number FROM patients WHERE org_id = $1 GROUP BY 1"
# Bookkeeping, such as balances, leaves the version alone, so its event is told from others by the fields it names.
EVENTS = (
    "SELECT record_id, version, changed, count(*) AS number FROM events WHERE org_id = $1 AND kind = 'patient'"
    " GROUP BY 1, 2, 3"
)
KEYS = (
    "SELECT key, count(*) AS number, count(status) AS answered FROM idempotency_keys WHERE key LIKE 'key-%' GROUP BY 1"
)
BALANCES = {"balance_0_30": "120.50", "balance_31_60": 0, "balance_61_90": 0, "balance_over_90": 0}


@dataclass
class Stage:
    """The server, the callers' lines, and what must be in the database at the end."""

    trial: Trial
    house: House
    base: str
    lines: list[Line]
    other: Line
    subjects: list[str]
    people: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    events: int = 0
    rested: float = 0


def prove(trial: Trial) -> None:
    with trial.house(workers=WORKERS) as house:
        asyncio.run(_prove(trial, house))


async def _prove(trial: Trial, house: House) -> None:
    org = house.org("Idempotency Dental")
    base, port = f"/api/v1/{org.id}", house.port
    lines = [Line(port, org.token("admin")) for _ in range(COPIES)]
    other = Line(port, org.token("front_desk"))
    names = [f"Subject {n}" for n in range(trial.rounds)]
    made = await lines[0].ask("POST", f"{base}/patients/bulk", _json({"rows": [_person(name) for name in names]}))
    stage = Stage(trial, house, base, lines, other, [r["patient_id"] for r in made.json()["results"]])
    stage.people.update(names)
    stage.events = len(names)
    for number in range(trial.rounds):
        await _key(stage, number)
        if number % KILL_EACH == 0:
            await _malformed(stage)
    for line in (*lines, other):
        line.close()
    await _count(stage, org.id)


async def _key(stage: Stage, number: int) -> None:
    """Everything about one key."""
    trial = stage.trial
    write = _write(stage, number, trial.random.choice(ACTS))
    moment = "" if number % KILL_EACH != KILL_EACH // 2 else MOMENTS[number // KILL_EACH % len(MOMENTS)]
    first = await _volley(stage, write, moment)
    again = await _all_insist(stage, write) if moment else [await insist(stage.lines[0], _quoted(write))]
    answers = [answer for answer in (*first, *again) if answer is not None]
    done = _judge(trial, write, answers)
    fresh = sum(not answer.replayed for answer in done)
    if moment == "after commit":
        trial.expect(fresh == 0, f"{write.key} was committed before its worker was killed, and was done again")
    elif moment == "any moment":
        trial.expect(fresh <= 1, f"{write.key} was done {fresh} times")
    else:
        trial.expect(fresh == 1, f"{write.key} was done {fresh} times")
    trial.tried("keys")
    trial.tried("answers", len(answers))
    await _misuse(stage, write, number)


def _judge(trial: Trial, write: Write, answers: Sequence[Answer]) -> list[Answer]:
    """All successes are the same bytes, all else asks to come again; the successes."""
    done = [answer for answer in answers if answer.good]
    for answer in answers:
        trial.expect(answer.good or answer.later, f"{write.key} was answered {answer.status} {answer.body[:200]!r}")
    seen = {(a.status, a.body, a.headers.get("etag"), a.headers.get("location")) for a in done}
    trial.expect(len(seen) == 1, f"{write.key} has {len(seen)} different answers")
    return done


async def _volley(stage: Stage, write: Write, moment: str) -> list[Answer | None]:
    """The copies at once, each sent one time; where something is killed those without an answer are None."""
    if not moment:
        return await _copies(stage, write)
    await asyncio.sleep(max(0, stage.rested + processes.RESPAWN_SECONDS - time.monotonic()))
    place = stage.house.data_dir
    if moment == "after commit":
        async with commits_held(place):
            answers = await _killed(stage, write, until_one_waits(place, "SyncRep"))
    elif moment == "before commit":
        async with patients_held(place):
            answers = await _killed(stage, write, until_one_waits(place, "relation"))
    else:
        answers = await _killed(stage, write, asyncio.sleep(stage.trial.random.uniform(0, 0.15)))
    stage.trial.tried(f"kills {moment}")
    if moment != "any moment":
        stage.trial.expect(not any(a and a.good for a in answers), f"{write.key} was answered before it was committed")
    await _until_back(stage)
    return answers


async def _copies(stage: Stage, write: Write) -> list[Answer | None]:
    async def one(line: Line) -> Answer | None:
        try:
            return await line.ask(write.method, write.path, write.body, {"Idempotency-Key": write.key})
        except Lost:
            return None

    return await asyncio.gather(*(one(line) for line in stage.lines))


async def _killed(stage: Stage, write: Write, moment: Coroutine[None, None, None]) -> list[Answer | None]:
    """The copies, whose workers are all ended when the moment has come."""
    sending = asyncio.create_task(_copies(stage, write))
    await moment
    await processes.end(processes.workers(stage.house))
    return await sending


async def _until_back(stage: Stage) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while len(processes.workers(stage.house)) < WORKERS:  # noqa: ASYNC110 - other processes set no event here
            await asyncio.sleep(0.02)
    stage.rested = time.monotonic()


async def _all_insist(stage: Stage, write: Write) -> list[Answer]:
    return await asyncio.gather(*(insist(line, _copy(write)) for line in stage.lines))


def _write(stage: Stage, number: int, act: str) -> Write:
    """The write of a key, and a note of what it must leave behind."""
    name, own = f"Key {number}", f"{stage.base}/patients/{stage.subjects[number]}"
    made = {"create": 1, "bulk": 3}.get(act, 0)
    if made:
        stage.people[name] += made
    stage.events += made or 1
    method, path, body = {
        "create": ("POST", f"{stage.base}/patients", _person(name)),
        "patch": ("PATCH", own, {"base_version": 1, "preferred_name": name}),
        "archive": ("POST", f"{own}/archive", None),
        "balances": ("PUT", f"{own}/balances", BALANCES),
        "transition": ("POST", f"{own}/transition-status", {"base_version": 1, "new_status": "inactive"}),
        "bulk": ("POST", f"{stage.base}/patients/bulk", {"rows": [_person(name)] * 3}),
    }[act]
    return Write(method, path, b"" if body is None else _json(body), f"key-{number}")


async def _misuse(stage: Stage, write: Write, number: int) -> None:
    """The key for another request is refused; the same key of another caller is another key."""
    trial, line, patients = stage.trial, stage.lines[0], f"{stage.base}/patients"
    other = f"{patients}/{stage.subjects[number - 1]}"
    patch = ("PATCH", other, _json({"base_version": 1, "city": "Elsewhere"}))
    asked = {
        "body": (write.method, write.path, write.body + b" " if write.body else b"{}"),
        "path": ("POST", f"{stage.base}/billing-types", _json({"name": write.key})),
        "method": patch if write.method != "PATCH" else ("PUT", f"{other}/balances", _json(BALANCES)),
    }
    for what, (method, path, body) in asked.items():
        answer = await insist(line, Write(method, path, body, write.key))
        told = (answer.status, "" if answer.good else answer.code)
        trial.expect(told == (409, "idempotency_conflict"), f"{write.key} with another {what} was answered {told}")
        trial.tried(f"other {what}")
    name = f"Other {number}"
    stage.people[name] += 1
    stage.events += 1
    stage.keys[write.key] = 2
    theirs = Write("POST", patients, _json(_person(name)), write.key)
    first, again = await insist(stage.other, theirs), await insist(stage.other, _quoted(theirs))
    trial.expect(first.status == 201 and not first.replayed, f"{write.key} of another caller was {first.status}")
    trial.expect(again.replayed and again.body == first.body, f"{write.key} of another caller has two answers")
    trial.tried("other caller")


async def _malformed(stage: Stage) -> None:
    for key in MALFORMED:
        write = Write("POST", f"{stage.base}/patients", _json(_person("Malformed")), key)
        answer = await insist(stage.lines[0], write)
        told = (answer.status, "" if answer.good else answer.code)
        stage.trial.expect(told == (422, "invalid_header"), f"the key {key[:20]!r} was answered {told}")
        stage.trial.tried("malformed keys")


async def _count(stage: Stage, org_id: str) -> None:
    """Behind the server: each key left exactly its records and events."""
    trial = stage.trial
    async with connected(stage.house.data_dir, "superuser") as database:
        people = Counter({row["last_name"]: row["number"] for row in await database.fetch(RECORDS, org_id)})
        events = await database.fetch(EVENTS, org_id)
        keys = await database.fetch(KEYS)
    for name in people.keys() | stage.people.keys():
        trial.expect(people[name] == stage.people[name], f"{people[name]} of {stage.people[name]} {name}")
    for event in events:
        trial.expect(event["number"] == 1, f"{event['number']} events of one change")
    trial.expect(len(events) == stage.events, f"{len(events)} events in place of {stage.events}")
    for row in keys:
        told = (stage.keys[row["key"]], stage.keys[row["key"]])
        trial.expect((row["number"], row["answered"]) == told, f"{row['key']} is kept {row['number']} times")
    trial.expect(len(keys) == len(stage.keys), f"{len(keys)} keys are kept of {len(stage.keys)}")


def _quoted(write: Write) -> Write:
    return replace(write, key=f'"{write.key}"', attempts=[])


def _copy(write: Write) -> Write:
    return replace(write, attempts=[])


def _person(name: str) -> dict[str, str]:
    return {"first_name": "Retry", "last_name": name} | NAMED


def _json(body: object) -> bytes:
    return msgspec.json.encode(body)
