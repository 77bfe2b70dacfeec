"""Whatever one org sends, in every place an id can stand, another org's records are as if they did not exist.

Then each of the two walls is taken away: the filters of the statements, and row-level security.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from chairside.access.roles import ROLES
from chairside.app import every_operation
from chairside.engine.operations import Operation
from proofs.requests import KINDS, Asker
from proofs.rows import Sums, differences, sums
from proofs.tenants import walls
from proofs.tenants.canary import SIGNS, Canary
from proofs.tenants.places import Intrusion, intrusions
from proofs.trial import Trial
from tests.contract.builder import Attempt
from tests.house import Client

# Rounds are ids of records that each statement is tried with; all operations and places are tried in any case.
SHORT, LONG = 1, 30
THREADS = 6
# Tables that the server writes by itself: when a token was last used, links of the audit chain, shorter summaries, and
# how many patients a user was shown.
USES = ("tokens", "audit_links", "patient_counts", "tag_counts", "shown_volumes")
# The caller's own trail, in which every attempt is recorded.
TRAIL = ("audit_events", "audit_callers", "audit_operations", "audit_clients", "audit_patients")


def prove(trial: Trial) -> None:
    with trial.house() as house:
        victim, intruder = Canary(house.org("Canary Dental")), Asker(house.org("Intruder Dental"))
        victim.fill()
        cursors = _cursors(victim)
        rights = [(operation, intruder.right(operation)) for operation in every_operation()]
        callers = _callers(intruder)
        every = [i for operation, right in rights for i in intrusions(victim, operation, right, intruder)]
        _control(trial, victim)
        _walk_in(trial, victim, intruder, callers, every, rights, cursors)
        _keys_of_others(trial, victim, intruder)
        with walls.no_policies(trial, victim, intruder.client):
            trial.say("once more with row-level security off")
            _walk_in(trial, victim, intruder, {"admin": callers["admin"]}, every, rights, cursors)
        chosen = trial.random.sample(sorted(victim.ids.values()), min(trial.rounds, len(victim.ids)))
        walls.try_both(trial, victim, intruder.org.id, chosen)


class Hands(threading.local):
    """A client of each role for each thread: a connection that is one thread's own is closed by nobody else."""

    def __init__(self, base: str, tokens: dict[str, str]) -> None:
        self.of = {role: Client(base, token) for role, token in tokens.items()}


def _callers(intruder: Asker) -> dict[str, str]:
    """A token of each role."""
    patient = intruder.make(KINDS["patient"], small=True).id
    return {r: intruder.org.token(r, *(("--patient", patient) if r == "portal" else ())) for r in ROLES}


def _cursors(victim: Canary) -> dict[str, str]:
    """A cursor of the victim for each walk: sealed, and of no use to anybody else."""
    victim.make(KINDS["patient"])
    walked = {"/patients/cursor": "last_name", "/audit-events": ""}
    return {
        path: victim.client.read(path, first=1, **({"sort_by": sort} if sort else {}))["page_info"]["end_cursor"]
        for path, sort in walked.items()
    }


def _control(trial: Trial, victim: Canary) -> None:
    """What is looked for is there to be found, by its own org."""
    for operation in every_operation():
        if operation.method == "GET" and operation.name in ("list_patients", "list_providers", "patient_cursor"):
            found = any(sign in victim.client.get("/" + operation.path).text.lower() for sign in SIGNS)
            trial.expect(found, f"the words of {operation.name} are not where they were put")


def _walk_in(
    trial: Trial,
    victim: Canary,
    intruder: Asker,
    callers: dict[str, str],
    every: Sequence[Intrusion],
    rights: Sequence[tuple[Operation, Attempt]],
    cursors: dict[str, str],
) -> None:
    intruder.head()  # numbering the feed is a change of its own
    before = _both(victim, intruder)
    hands = Hands(intruder.org.base, callers)
    with ThreadPoolExecutor(THREADS) as pool:
        for breaches in pool.map(lambda one: list(_intrude(hands, *one)), [(r, i) for r in callers for i in every]):
            trial.tried("ids of another org, by role and place")
            for breach in breaches:
                trial.breach(breach)
        for breaches in pool.map(
            lambda one: list(_other_path(victim, hands, *one)), [(c, *r) for c in callers for r in rights]
        ):
            trial.tried("paths of another org, by role and operation")
            for breach in breaches:
                trial.breach(breach)
    _cursors_of_others(trial, hands, cursors)
    for whose, was, now in zip(("the other org", "the caller's org"), before, _both(victim, intruder), strict=True):
        for difference in differences(was, now):
            trial.breach(f"rows of {whose} changed: {difference}")


def _both(victim: Canary, intruder: Asker) -> tuple[Sums, Sums]:
    data_dir = victim.org.house.data_dir
    return sums(data_dir, victim.org.id, USES), sums(data_dir, intruder.org.id, (*USES, *TRAIL))


def _intrude(hands: Hands, role: str, intrusion: Intrusion) -> Iterator[str]:
    """Another org's id is answered as the id of no record."""
    client = hands.of[role]
    foreign, random = intrusion.foreign.by(client), intrusion.random.by(client)
    about = f"{role}, {intrusion.operation.name}, {intrusion.place}"
    yield from _shows(about, foreign)
    if foreign.status_code >= 500:
        yield f"{about}: {foreign.status_code}"
    said = random.text
    for other, nobody in intrusion.sent:
        said = said.replace(nobody, other)
    # A trail tells its own org of the ids that were asked for.
    alike = foreign.text == said if intrusion.operation.name != "list_audit_events" else True
    same = foreign.status_code == random.status_code and (alike or _shape(foreign) == _shape(random))
    if not same:
        yield f"{about}: {foreign.status_code} {foreign.text[:200]} differs from {random.status_code} {said[:200]}"


def _other_path(victim: Canary, hands: Hands, role: str, operation: Operation, right: Attempt) -> Iterator[str]:
    """The whole path under the other org is answered as under an org that does not exist."""
    client = hands.of[role]
    base = f"{victim.org.house.url}/api/v1"
    answers = [
        client.request(right.method, f"{base}/{org}{right.path}", json=right.json, params=right.params)
        for org in (victim.org.id, str(uuid.uuid4()))
    ]
    about = f"{role}, {operation.name} under the other org"
    yield from _shows(about, answers[0])
    if answers[0].status_code != 404 or answers[0].content != answers[1].content:
        yield f"{about}: {answers[0].status_code} {answers[0].text[:200]}"


def _cursors_of_others(trial: Trial, hands: Hands, cursors: dict[str, str]) -> None:
    for role, client in hands.of.items():
        for path, cursor in cursors.items():
            sort = {"sort_by": "last_name"} if path.startswith("/patients") else {}
            one, none = (client.get(path, params={"after": c, **sort}) for c in (cursor, cursor[:-4] + "AAAA"))
            trial.expect(one.status_code in (403, 404, 422), f"{role}: {path} took another org's cursor")
            trial.expect(one.content == none.content, f"{role}: {path} tells another org's cursor from a damaged one")
            trial.tried("cursors of another org")


def _keys_of_others(trial: Trial, victim: Canary, intruder: Asker) -> None:
    """Another org's key is a new key: nothing of its answer comes back."""
    for operation in every_operation():
        if operation.writes:
            key = {"Idempotency-Key": f"key-{operation.name}"}
            victim.right(operation).by(victim.client, key).raise_for_status()
            answer = intruder.right(operation).by(intruder.client, key)
            about = f"{operation.name} with another org's key"
            trial.expect(answer.is_success, f"{about}: {answer.status_code} {answer.text[:200]}")
            trial.expect("idempotent-replayed" not in answer.headers, f"{about} was replayed")
            for breach in _shows(about, answer):
                trial.breach(breach)
            trial.tried("keys of another org")


def _shows(about: str, answer: httpx.Response) -> Iterator[str]:
    shown = (answer.text + str(dict(answer.headers))).lower()
    yield from (f"{about} shows {sign!r} of the other org" for sign in SIGNS if sign in shown)


def _shape(answer: httpx.Response) -> Any:
    """The form of an answer without its values."""

    def form(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: form(part) for key, part in value.items()}
        return [form(part) for part in value[:1]] if isinstance(value, list) else type(value).__name__

    return form(answer.json()) if answer.content and answer.status_code < 400 else answer.text
