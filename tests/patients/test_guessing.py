"""A sealed number is told as a match to those who may reveal it, and can be guessed by nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chairside.engine.guessing import BURST, MOST_ABOUT_ONE, MOST_WRONG
from chairside.knowledge.placeholders import is_placeholder_ssn
from tests.house import Client, Org
from tests.patients.acts import Json, bulk, register, unheard_of

SSN = "social_security_number"
BORN = "1984-02-11"
WITHOUT_REVEAL = ("front_desk", "integration", "read_only", "clinician")
_numbers = count(1)


def number() -> str:
    """A number that is no placeholder and that no other test uses by chance."""
    return f"{100 + uuid4().int % 500}{10 + uuid4().int % 80}{1000 + uuid4().int % 9000}"


def guesses(right: str, times: int) -> Iterator[str]:
    """Wrong numbers with the four digits that are shown; impossible ones identify nobody, so they are no guesses."""
    first = int(right[:5])
    numbers = (f"{10_000 + (first + step) % 89_999:05d}{right[5:]}" for step in count(1))
    return islice((n for n in numbers if n != right and not is_placeholder_ssn(n)), times)


@pytest.fixture(scope="module")
def target(own_desk: Client) -> Json:
    """A patient whose number is asked for."""
    right = number()
    made = register(own_desk, last_name=unheard_of(), date_of_birth=BORN, **{SSN: right})
    return made | {"right": right}


def newcomer(org: Org, role: str) -> Client:
    """A user of their own, who has guessed nothing yet."""
    return org.desk(role, "--name", f"Guesser {uuid4().hex}")


def claim(target: Json, ssn: str, **more: Any) -> Json:
    return {"first_name": "Gus", "last_name": target["last_name"], "date_of_birth": BORN, SSN: ssn} | more


def check(client: Client, body: Json) -> httpx.Response:
    sent = {key: body[key] for key in ("last_name", "date_of_birth", SSN) if key in body}
    return client.post("/patients/check-duplicates", json=sent)


def validated(client: Client, rows: list[Json], **meta: Any) -> httpx.Response:
    sent = {"rows": rows, "meta": {"mode": "validate", "on_duplicate": "fail", "match_on": ["ssn"]} | meta}
    return client.post("/patients/bulk", json=sent, timeout=120)


def reasons(answer: httpx.Response, target: Json) -> list[str] | None:
    assert answer.status_code == 200, answer.text
    return next((i["match_reasons"] for i in answer.json()["items"] if i["id"] == target["id"]), None)


@pytest.mark.parametrize("role", WITHOUT_REVEAL)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["name_dob", "ssn"]),
        ({"date_of_birth": "1984-02-12"}, None),
        ({"last_name": "Somebodyelse"}, None),
        ({"date_of_birth": None}, None),
    ],
)
def test_a_number_alone_matches_nobody_without_the_right_to_reveal(
    own_org: Org, target: Json, role: str, changes: Json, expected: list[str] | None
) -> None:
    """Birth date and last name must agree too; the roles that reveal are told by the number alone."""
    sent = claim(target, target["right"]) | changes
    sent = {key: value for key, value in sent.items() if value is not None}
    assert reasons(check(newcomer(own_org, role), sent), target) == expected
    assert "ssn" in (reasons(check(newcomer(own_org, "billing"), sent), target) or [])


@pytest.mark.parametrize("on_duplicate", ["create", "skip", "update", "fail"])
@pytest.mark.parametrize("mode", ["validate", "commit"])
def test_an_import_matches_by_a_number_only_with_the_second_fact(
    own_org: Org, own_desk: Client, mode: str, on_duplicate: str
) -> None:
    """In every mode: a row without it is told nothing, a row with it is."""
    right = number()
    made = register(own_desk, first_name="Gus", last_name=unheard_of(), date_of_birth=BORN, **{SSN: right})
    rows = [
        {"first_name": "Gus", "last_name": f"Other{uuid4().hex[:6]}", SSN: right},
        {"first_name": "Gus", "last_name": f"Other{uuid4().hex[:6]}", "date_of_birth": BORN, SSN: right},
    ]
    blind = newcomer(own_org, "integration")
    meta = {"mode": mode, "on_duplicate": on_duplicate, "match_on": ["ssn"]}
    told = bulk(blind, rows[:1], **meta)["results"] + bulk(blind, rows[1:], **meta)["results"]
    assert all(made["id"] not in r["duplicate_of"] for r in told)
    assert {r["status"] for r in told} == {"validated" if mode == "validate" else "created"}
    [known] = bulk(blind, [claim(made, right)], **meta)["results"]
    assert made["id"] in known["duplicate_of"]


def test_a_create_is_told_of_a_number_only_with_the_second_fact(own_org: Org, own_desk: Client) -> None:
    """potential_duplicates is the same finder."""
    right = number()
    made = register(own_desk, last_name=unheard_of(), date_of_birth=BORN, **{SSN: right})
    desk = newcomer(own_org, "front_desk")
    assert register(desk, last_name=unheard_of(), date_of_birth=BORN, **{SSN: right})["potential_duplicates"] == []
    [told] = register(desk, last_name=made["last_name"], date_of_birth=BORN, **{SSN: right})["potential_duplicates"]
    assert (told["id"], told["match_reasons"]) == (made["id"], ["name_dob", "ssn"])


def test_the_attack_of_eleven_calls_recovers_nothing(own_org: Org, target: Json) -> None:
    """5,000 numbers a call around the shown digits, in validate, with and without the second fact."""
    attacker = newcomer(own_org, "front_desk")
    tried = [*guesses(target["right"], 2000), target["right"]]
    bare = [{"first_name": "G", "last_name": f"Guess{i}", SSN: ssn} for i, ssn in enumerate(tried)]
    told = validated(attacker, bare).json()["results"]
    assert not [r for r in told if target["id"] in r["duplicate_of"]]
    for _ in range(2):
        answer = validated(attacker, [claim(target, ssn) for ssn in tried])
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == answer.json()["detail"][0]["retry_after"] > 3600
        assert target["id"] not in answer.text
    # Also alone, and by the other ways, the right number is not told any more.
    for body in (claim(target, target["right"]), claim(target, number())):
        assert check(attacker, body).status_code == 429
        assert attacker.post("/patients", json=body).status_code == 429


WAYS: dict[str, Callable[[Client, Json, str], httpx.Response]] = {
    "check-duplicates": lambda client, target, ssn: check(client, claim(target, ssn)),
    "create": lambda client, target, ssn: client.post("/patients", json=claim(target, ssn)),
    "validate": lambda client, target, ssn: validated(client, [claim(target, ssn)]),
    "unchanged": lambda client, target, ssn: validated(
        client,
        [{"first_name": target["first_name"], "last_name": target["last_name"], "date_of_birth": BORN,
          "chart_number": target["chart_number"], SSN: ssn}],
        match_on=["chart_number"], on_duplicate="update",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_asking_is_bounded_about_one_patient(own_org: Org, own_desk: Client, way: str) -> None:
    """A few different numbers a month; then right and wrong ones are refused alike, whoever else may ask on."""
    right = number()
    target = register(
        own_desk, first_name="Gus", last_name=unheard_of(), date_of_birth=BORN, chart_number=uuid4().hex[:12],
        **{SSN: right},
    )  # fmt: skip
    attacker = newcomer(own_org, "integration")
    tried = list(guesses(right, MOST_ABOUT_ONE))
    for ssn in tried:
        assert WAYS[way](attacker, target, ssn).is_success
    for ssn in (right, number()):
        answer = WAYS[way](attacker, target, ssn)
        assert answer.status_code == 429, answer.text
        assert [p["type"] for p in answer.json()["detail"]] == ["too_many_guesses"]
    if way != "create":  # which has made more people of this name by now
        assert WAYS[way](attacker, target, tried[0]).is_success, "a number that was tried already tells nothing new"
    assert WAYS[way](newcomer(own_org, "integration"), target, right).is_success


def test_parallel_requests_share_one_bound(own_org: Org, own_desk: Client) -> None:
    """Of many at once, over both workers, no more are answered than one after the other."""
    right = number()
    target = register(own_desk, last_name=unheard_of(), date_of_birth=BORN, **{SSN: right})
    attacker = newcomer(own_org, "front_desk")
    tried = [*guesses(right, 19), right]
    with ThreadPoolExecutor(10) as crew:
        answers = list(crew.map(lambda ssn: check(attacker, claim(target, ssn)), tried))
    wrong = [a for a, ssn in zip(answers, tried, strict=True) if a.status_code == 200 and ssn != right]
    assert {a.status_code for a in answers} <= {200, 429}
    assert len(wrong) <= MOST_ABOUT_ONE
    assert check(attacker, claim(target, right)).status_code == 429


def test_a_good_import_is_not_taken_for_guessing(own_org: Org, own_desk: Client) -> None:
    """An integrator sends the same people again: right numbers count nothing, some wrong ones neither."""
    name = unheard_of()
    rows = [
        {"first_name": f"Gus{i}", "last_name": f"{name}{i}", "date_of_birth": BORN, SSN: number()} for i in range(700)
    ]
    blind = newcomer(own_org, "integration")
    assert bulk(blind, rows)["created"] == 700
    for _ in range(3):
        again = bulk(blind, rows, match_on=["ssn", "name_dob"], on_duplicate="skip")
        assert again["skipped"] == 700
    wrong = [row | ({SSN: number()} if i % 40 == 0 else {}) for i, row in enumerate(rows)]
    for _ in range(3):
        assert bulk(blind, wrong, mode="validate", match_on=["ssn"])["total"] == 700


def test_wrong_numbers_of_many_patients_are_bounded_too(own_org: Org, own_desk: Client) -> None:
    """One number about each of many patients is guessing as well; nothing is written by the call that is refused."""
    name = unheard_of()
    rows = [
        {"first_name": "Gus", "last_name": f"{name}{i}", "date_of_birth": BORN, SSN: number()}
        for i in range(MOST_WRONG + 1)
    ]
    bulk(own_desk, rows)
    blind = newcomer(own_org, "integration")
    sent = {"rows": [row | {SSN: number()} for row in rows], "meta": {"match_on": ["ssn"]}}
    before = own_desk.read("/patients", page_size=1)["total"]
    assert blind.post("/patients/bulk", json=sent, timeout=120).status_code == 429
    assert own_desk.read("/patients", page_size=1)["total"] == before
    assert check(blind, {"last_name": f"{name}0", "date_of_birth": BORN, SSN: rows[0][SSN]}).status_code == 429


def test_a_burst_is_an_event_and_a_record_that_names_the_patients(own_org: Org, own_desk: Client) -> None:
    """Told once as it is reached, and again when a request is refused."""
    name = unheard_of()
    people = [register(own_desk, last_name=f"{name}{i}", date_of_birth=BORN, **{SSN: number()}) for i in range(BURST)]
    attacker = newcomer(own_org, "front_desk")
    after = own_desk.read("/events", after=0, limit=1000)["next_after"]
    while (more := own_desk.read("/events", after=after, limit=1000))["items"]:
        after = more["next_after"]
    for person in people[:-1]:
        check(attacker, claim(person, number()))
    assert not own_desk.read("/events", after=after)["items"]
    check(attacker, claim(people[-1], number()))
    [event] = own_desk.read("/events", after=after)["items"]
    assert (event["type"], event["kind"], event["patient_id"], event["changed"]) == (
        "security.guessing", "security", None, []
    )  # fmt: skip
    assert event["actor"]["role"] == "front_desk"
    assert event["record_id"] == event["actor"]["id"]
    [record] = own_desk.read("/audit-events", action="guess", actor=event["actor"]["id"])["data"]
    assert record["patient_ids"] == [people[-1]["id"]]
    assert record["id"] in [r["id"] for r in own_desk.read("/audit-events", patient=people[-1]["id"])["data"]]


def test_an_event_names_a_number_that_reads_alike_masked(own_desk: Client) -> None:
    """A PATCH to another number with the same four last digits: the event says which field has changed."""
    right = number()
    made = register(own_desk, **{SSN: right})
    after = own_desk.read("/events", after=0, limit=1000)["next_after"]
    while (more := own_desk.read("/events", after=after, limit=1000))["items"]:
        after = more["next_after"]
    other = {"base_version": 1, SSN: next(guesses(right, 1))}
    own_desk.patch(f"/patients/{made['id']}", json=other).raise_for_status()
    [event] = own_desk.read("/events", after=after)["items"]
    assert event["changed"] == [SSN]


def test_a_refused_request_is_in_the_trail_as_denied(own_org: Org, own_desk: Client, target: Json) -> None:
    """429, with the patients of the guesses in the record beside it."""
    attacker, request_id = newcomer(own_org, "integration"), uuid4().hex
    rows = [claim(target, ssn) for ssn in guesses(target["right"], 30)]
    sent = {"rows": rows, "meta": {"mode": "validate", "match_on": ["ssn"]}}
    attacker.post("/patients/bulk", json=sent, headers={"X-Request-Id": request_id})
    mine = [r for r in own_desk.read("/audit-events", first=20)["data"] if r["request_id"] == request_id]
    assert {(r["action"], r["status"], r["outcome"]) for r in mine} == {
        ("bulk", 429, "denied"), ("guess", 429, "denied")
    }  # fmt: skip
    assert [r["patient_ids"] for r in mine if r["action"] == "guess"] == [[target["id"]]]
