"""Every patient has a guarantor who is their own: no chains, no guarantor who is gone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.house import Client, problems
from tests.patients.acts import Json, act, at_once, change, register

NOBODY = "01890000-0000-7000-8000-000000000000"


def joined(desk: Client, guarantor: Json, **fields: Any) -> Json:
    return register(desk, responsible_party_uuid=guarantor["id"], **fields)


def joining(desk: Client, patient: Json, guarantor_id: str | None) -> httpx.Response:
    body = {"base_version": patient["version"], "responsible_party_uuid": guarantor_id}
    return desk.patch(f"/patients/{patient['id']}", json=body)


def create(desk: Client, **fields: Any) -> httpx.Response:
    return desk.post("/patients", json={"first_name": "Ana", "last_name": "Lind"} | fields)


def guarantor(desk: Client, patient: Json) -> Any:
    return desk.read(f"/patients/{patient['id']}")["responsible_party"]["id"]


def test_without_a_guarantor_a_patient_is_their_own(desk: Client) -> None:
    """Named by id and full name, with `own` said or unsaid."""
    for account in ({}, {"billing_account": {"mode": "own"}}, {"billing_account": None}):
        made = register(desk, first_name="Ana", last_name="Own", **account)
        assert made["responsible_party"] == {"id": made["id"], "name": "Ana Own"}


def test_a_patient_joins_a_guarantor_by_either_field(desk: Client) -> None:
    """`billing_account` and `responsible_party_uuid` do the same, also together when they agree."""
    parent = register(desk, first_name="Eva", last_name="Payer")
    account = {"billing_account": {"mode": "join", "guarantor_uuid": parent["id"]}}
    party = {"responsible_party_uuid": parent["id"]}
    for ways in (account, party, account | party):
        assert register(desk, **ways)["responsible_party"] == {"id": parent["id"], "name": "Eva Payer"}


def test_contradicting_fields_are_refused(desk: Client) -> None:
    """Own with another guarantor, or two different guarantors: 422."""
    one, two = register(desk), register(desk)
    for account in ({"mode": "own"}, {"mode": "join", "guarantor_uuid": two["id"]}):
        answer = create(desk, billing_account=account, responsible_party_uuid=one["id"])
        assert answer.status_code == 422
        assert set(problems(answer).values()) == {"contradiction"}


@pytest.mark.parametrize(
    "account",
    [
        {},
        {"mode": "share"},
        {"mode": None},
        {"mode": "join"},
        {"mode": "join", "guarantor_uuid": None},
        {"mode": "join", "guarantor_uuid": "12"},
        {"mode": "own", "guarantor_uuid": NOBODY},
        {"mode": "own", "since": 1},
        "own",
        [],
    ],
)
def test_a_malformed_account_is_refused_at_its_place(desk: Client, account: object) -> None:
    """422 inside `billing_account`."""
    answer = create(desk, billing_account=account)
    assert answer.status_code == 422, answer.text
    assert all(loc[:2] == ("body", "billing_account") for loc in problems(answer))


def test_all_that_is_wrong_with_an_account_is_named_at_once(desk: Client) -> None:
    """Mode, guarantor and an unknown key."""
    answer = create(desk, billing_account={"mode": "share", "guarantor_uuid": "12", "since": 1})
    assert set(problems(answer)) == {("body", "billing_account", k) for k in ("mode", "guarantor_uuid", "since")}


def test_nobody_joins_who_has_a_guarantor(desk: Client) -> None:
    """A chain is 422 on create, by either field, and on PATCH."""
    parent = register(desk)
    child, other = joined(desk, parent), register(desk)
    for ways in (
        {"responsible_party_uuid": child["id"]},
        {"billing_account": {"mode": "join", "guarantor_uuid": child["id"]}},
    ):
        answer = create(desk, **ways)
        assert (answer.status_code, set(problems(answer).values())) == (422, {"guarantor_not_own"})
    answer = joining(desk, other, child["id"])
    assert (answer.status_code, set(problems(answer).values())) == (422, {"guarantor_not_own"})
    assert guarantor(desk, other) == other["id"]


def test_a_guarantor_of_others_joins_nobody(desk: Client) -> None:
    """422 while anybody names them; free once the last one has left."""
    parent, third = register(desk), register(desk)
    child = joined(desk, parent)
    answer = joining(desk, parent, third["id"])
    assert (answer.status_code, set(problems(answer).values())) == (422, {"guarantor_of_dependents"})
    left = joining(desk, child, None)
    assert left.json()["responsible_party"]["id"] == child["id"]
    assert joining(desk, parent, third["id"]).status_code == 200


def test_archived_dependents_hold_their_guarantor_too(desk: Client) -> None:
    """They would come back into a chain."""
    parent, third = register(desk), register(desk)
    act(desk, joined(desk, parent), "archive")
    answer = joining(desk, parent, third["id"])
    assert (answer.status_code, set(problems(answer).values())) == (422, {"guarantor_of_dependents"})


def test_a_patient_may_go_from_one_guarantor_to_another_and_back_to_own(desk: Client) -> None:
    """By id of another, by their own id, by null."""
    one, two = register(desk), register(desk)
    child = joined(desk, one)
    child = change(desk, child, responsible_party_uuid=two["id"])
    assert child["responsible_party"]["id"] == two["id"]
    child = change(desk, child, responsible_party_uuid=child["id"])
    assert child["responsible_party"]["id"] == child["id"]
    child = change(desk, child, responsible_party_uuid=one["id"])
    assert change(desk, child, responsible_party_uuid=None)["responsible_party"]["id"] == child["id"]


def test_a_guarantor_who_is_not_there_is_not_found(desk: Client, other_desk: Client) -> None:
    """Nobody, somebody of another org, somebody archived: 404 alike, on create and PATCH, and nothing is written."""
    archived, stranger, patient = register(desk), register(other_desk), register(desk)
    act(desk, archived, "archive")
    before = desk.read("/patients")["total"]
    told = set()
    for guarantor_id in (NOBODY, stranger["id"], archived["id"]):
        for answer in (
            create(desk, responsible_party_uuid=guarantor_id),
            create(desk, billing_account={"mode": "join", "guarantor_uuid": guarantor_id}),
            joining(desk, patient, guarantor_id),
        ):
            assert (answer.status_code, set(problems(answer).values())) == (404, {"not_found"})
        told.add(joining(desk, patient, guarantor_id).text)
    assert len(told) == 1
    assert desk.read("/patients")["total"] == before
    assert guarantor(desk, patient) == patient["id"]


def test_racing_joins_never_leave_a_chain(desk: Client) -> None:
    """A joins B at the moment B joins C, thirty times: one of them at least is refused."""
    for _ in range(30):
        a, b, c = (register(desk) for _ in range(3))
        moves = [(a, b), (b, c)]
        answers = at_once(2, lambda i, moves=moves: joining(desk, moves[i][0], moves[i][1]["id"]))  # type: ignore[misc]  # mypy does not follow the default
        assert sorted(r.status_code for r in answers) == [200, 422], [r.text for r in answers]
        of = {p["id"]: guarantor(desk, p) for p in (a, b, c)}
        assert all(of[of[p]] == of[p] for p in of)


def test_two_who_join_each_other_at_once_do_not_end_in_a_ring(desk: Client) -> None:
    """A joins B while B joins A, fifteen times: one wins, and nothing waits for ever."""
    for _ in range(15):
        pair = [register(desk), register(desk)]
        answers = at_once(2, lambda i, pair=pair: joining(desk, pair[i], pair[1 - i]["id"]))  # type: ignore[misc]  # the same
        assert sorted(r.status_code for r in answers) == [200, 422], [r.text for r in answers]


def test_a_new_dependent_never_finds_a_guarantor_just_archived(desk: Client) -> None:
    """A create that joins B while B is archived, fifteen times: one of the two is refused."""
    for _ in range(15):
        parent = register(desk)

        def do(which: int, parent_id: str = parent["id"]) -> int:
            if which:
                return create(desk, responsible_party_uuid=parent_id).status_code
            return desk.post(f"/patients/{parent_id}/archive").status_code

        assert at_once(2, do) in ([200, 404], [422, 201])
