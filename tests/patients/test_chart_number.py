"""One chart number, one patient, for ever."""

from __future__ import annotations

from uuid import uuid4

from tests.house import Client, problems
from tests.patients.acts import act, at_once, change, register

TAKEN = {("body", "chart_number"): "duplicate_chart_number"}


def test_a_chart_number_is_given_once(desk: Client) -> None:
    """409 on create and on PATCH; the one who has it may save it again."""
    number = uuid4().hex
    first = register(desk, chart_number=number)
    other = register(desk)
    again = desk.post("/patients", json={"first_name": "A", "last_name": "B", "chart_number": number})
    assert (again.status_code, problems(again)) == (409, TAKEN)
    moved = desk.patch(f"/patients/{other['id']}", json={"base_version": 1, "chart_number": number})
    assert (moved.status_code, problems(moved)) == (409, TAKEN)
    assert desk.read(f"/patients/{other['id']}")["chart_number"] is None
    assert change(desk, first, chart_number=number, city="Chicago")["chart_number"] == number


def test_an_archived_patient_keeps_the_number(desk: Client) -> None:
    """Paper charts outlive the archive; only who gives the number up frees it."""
    number = uuid4().hex
    gone = act(desk, register(desk, chart_number=number), "archive")
    again = desk.post("/patients", json={"first_name": "A", "last_name": "B", "chart_number": f" {number} "})
    assert (again.status_code, problems(again)) == (409, TAKEN)
    change(desk, act(desk, gone, "restore"), chart_number=None)
    assert register(desk, chart_number=number)["chart_number"] == number


def test_two_who_ask_for_one_number_at_once_do_not_both_get_it(desk: Client) -> None:
    """Ten rounds, a create and a PATCH each: one wins, one is told 409."""
    for _ in range(10):
        number, other = uuid4().hex, register(desk)

        def ask(which: int, number: str = number, path: str = f"/patients/{other['id']}") -> int:
            if which:
                return desk.patch(path, json={"base_version": 1, "chart_number": number}).status_code
            body = {"first_name": "A", "last_name": "B", "chart_number": number}
            return desk.post("/patients", json=body).status_code

        assert sorted(at_once(2, ask)) in ([200, 409], [201, 409])
        assert len(desk.read("/patients", search=number)["items"]) == 1


def test_another_org_has_numbers_of_its_own(desk: Client, other_desk: Client) -> None:
    """The same number in two orgs is two charts."""
    number = uuid4().hex
    register(desk, chart_number=number)
    assert register(other_desk, chart_number=number)["chart_number"] == number
