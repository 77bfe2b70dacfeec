"""A caller who may not reveal hidden numbers recovers none by guessing, whichever operation tells of a match.

Each round registers a patient and lets one new user of each role without `reveal` try numbers around the four digits
that are shown, the right one among them at a drawn place: imports, duplicate checks, updates by the known chart
number, in parallel, with the second fact that the user can see anyway. The promise: no more wrong numbers are answered
about the patient than the bound says, and then the right one is refused too; no answer without the second fact tells
of the number; the feed and the patient's trail tell of the guesses; a restart changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx

from chairside.engine.guessing import CODE, MOST_ABOUT_ONE
from chairside.engine.security import GUESSING
from chairside.knowledge.placeholders import is_placeholder_ssn
from proofs.trial import Trial
from tests.house import Client, House, Org

SHORT, LONG = 1, 10
ROLES = ("front_desk", "integration", "read_only", "clinician")
SSN, BORN = "social_security_number", "1984-02-11"
# The known attack: 11 calls of 5,000 numbers cover half of the five hidden digits.
CALLS, ROWS, PARALLEL = 11, 5000, 16
Body = dict[str, Any]
Ask = Callable[[Client, Body, str], httpx.Response]


def prove(trial: Trial) -> None:
    with trial.house() as house:
        org = house.org("Guessing Dental")
        admin = org.desk()
        for turn in range(trial.rounds):
            for role in ROLES:
                _attack(trial, org, admin, role, turn)
            _known_attack(trial, org, admin, calls=CALLS if trial.long else 2)
        _feed_tells(trial, admin)
        _after_a_restart(trial, house, org, admin)


def _patient(trial: Trial, admin: Client) -> Body:
    right = f"{trial.random.randint(100, 665)}{trial.random.randint(10, 99)}{trial.random.randint(1000, 9999)}"
    made = admin.made(
        "/patients",
        {
            "first_name": "Gus",
            "last_name": _name(),
            "date_of_birth": BORN,
            "chart_number": uuid4().hex[:12],
            SSN: right,
        },
    )
    return made | {"right": right}


def _name() -> str:
    return "Zz" + uuid4().hex.translate(str.maketrans("0123456789", "ghijklmnop"))


def _numbers(trial: Trial, right: str, times: int) -> list[str]:
    """Different numbers with the shown digits, none of them impossible, the right one at a drawn place."""
    possible = (f"{n:05d}{right[5:]}" for n in range(10_000, 100_000))
    others = [n for n in possible if n != right and not is_placeholder_ssn(n)]
    numbers = trial.random.sample(others, times - 1)
    numbers.insert(trial.random.randrange(times), right)
    return numbers


def _sent(target: Body, ssn: str, **more: Any) -> Body:
    return {"first_name": "Gus", "last_name": target["last_name"], "date_of_birth": BORN, SSN: ssn} | more


def _check(client: Client, target: Body, ssn: str) -> httpx.Response:
    known = _sent(target, ssn)
    del known["first_name"]
    return client.post("/patients/check-duplicates", json=known)


def _import(client: Client, rows: Sequence[Body], **meta: Any) -> httpx.Response:
    sent = {"rows": rows, "meta": {"mode": "validate", "match_on": ["ssn"]} | meta}
    return client.post("/patients/bulk", json=sent, timeout=120)


def _update(client: Client, target: Body, ssn: str) -> httpx.Response:
    row = _sent(target, ssn, chart_number=target["chart_number"])
    return _import(client, [row], match_on=["chart_number"], on_duplicate="update")


WAYS: dict[str, Ask] = {
    "check-duplicates": _check,
    "validate": lambda client, target, ssn: _import(client, [_sent(target, ssn)]),
    "atomic import that fails": lambda client, target, ssn: _import(
        client, [_sent(target, ssn), {"first_name": ""}], mode="commit", atomic=True
    ),
    "unchanged": _update,
}
WRITERS = ("front_desk", "integration")


def _attack(trial: Trial, org: Org, admin: Client, role: str, turn: int) -> None:
    """One user tries every way against one patient; the ways share one bound."""
    target = _patient(trial, admin)
    client = org.desk(role, "--name", f"{role} {turn} {uuid4().hex}")
    ways = [*WAYS.values()] if role in WRITERS else [_check]
    tried = _numbers(trial, target["right"], PARALLEL)
    with ThreadPoolExecutor(8) as crew:
        asked = [(ways[place % len(ways)], ssn) for place, ssn in enumerate(tried)]
        answers = list(crew.map(lambda one: one[0](client, target, one[1]), asked))
    trial.tried("numbers in parallel", len(answers))
    wrong = sum(a.status_code == 200 and n != target["right"] for a, n in zip(answers, tried, strict=True))
    trial.expect(wrong <= MOST_ABOUT_ONE, f"{role} was answered {wrong} wrong numbers")
    for answer in answers:
        refused = answer.status_code == 429 and answer.json()["detail"][0]["type"] == CODE
        trial.expect(answer.status_code == 200 or refused, f"{role} was answered {answer.status_code}")
    for way in ways:
        late = way(client, target, target["right"])
        trial.expect(late.status_code == 429, f"{role} asks for the right number late: {late.status_code}")
    _without_second_fact(trial, client, target, role)
    seen = admin.read("/audit-events", patient=target["id"], action="guess")["data"]
    trial.expect(seen, f"the trail of the patient does not tell of the guesses of {role}")


def _without_second_fact(trial: Trial, client: Client, target: Body, role: str) -> None:
    """The right number alone, or beside another name or birth date, tells of nobody."""
    for changes in ({"last_name": _name()}, {"date_of_birth": "1984-02-12"}, {"date_of_birth": None}):
        body = {k: v for k, v in (_sent(target, target["right"]) | changes).items() if v is not None}
        answers = [client.post("/patients/check-duplicates", json={k: body[k] for k in body if k != "first_name"})]
        if role in WRITERS:
            answers.append(_import(client, [body]))
            answers.append(client.post("/patients", json=body))
        for answer in answers:
            shows = target["id"] in answer.text
            trial.expect(answer.is_success and not shows, f"{role} is told of a number beside {list(changes)}")
            trial.tried("right numbers without the second fact")


def _known_attack(trial: Trial, org: Org, admin: Client, calls: int) -> None:
    """The eleven calls: thousands of numbers each, with and without the second fact."""
    target = _patient(trial, admin)
    client = org.desk("front_desk", "--name", f"Eleven {uuid4().hex}")
    numbers = _numbers(trial, target["right"], calls * ROWS if trial.long else 1000)
    size = len(numbers) // calls
    for call in range(calls):
        part = numbers[call * size : (call + 1) * size]
        bare = _import(client, [{"first_name": "G", "last_name": f"Guess{i}", SSN: n} for i, n in enumerate(part)])
        trial.expect(bare.is_success and target["id"] not in bare.text, "an import tells of a number alone")
        claimed = _import(client, [_sent(target, n) for n in part])
        trial.expect(claimed.status_code == 429, f"thousands of guesses were answered {claimed.status_code}")
        trial.expect(target["id"] not in claimed.text, "a refusal names the patient")
        trial.tried("numbers in imports", 2 * len(part))
    late = _check(client, target, target["right"])
    trial.expect(late.status_code == 429, f"the right number after all was answered {late.status_code}")


def _feed_tells(trial: Trial, admin: Client) -> None:
    after, found = 0, 0
    while (page := admin.read("/events", after=after, limit=1000))["items"]:
        found += sum(event["type"] == GUESSING for event in page["items"])
        after = page["next_after"]
    trial.expect(found >= len(ROLES), f"the feed tells of {found} bursts")


def _after_a_restart(trial: Trial, house: House, org: Org, admin: Client) -> None:
    """The bound stands in the database."""
    target = _patient(trial, admin)
    client = org.desk("integration", "--name", f"Patient one {uuid4().hex}")
    for number in [n for n in _numbers(trial, target["right"], MOST_ABOUT_ONE + 1) if n != target["right"]]:
        _check(client, target, number)
    house.stop()
    house.start(workers=2)
    late = _check(client, target, target["right"])
    trial.expect(late.status_code == 429, f"after a restart the right number was answered {late.status_code}")
    told = org.desk("billing").post("/patients/check-duplicates", json={"last_name": "Any", SSN: target["right"]})
    trial.expect(target["id"] in told.text, "a role that may reveal is not told of a match any more")
