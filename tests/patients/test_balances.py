"""Balances come from the billing system and say whether a patient may be given an appointment."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.house import Client, Org, problems
from tests.patients.acts import Json, change, events_of, move, register

BUCKETS = ("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90")


def owing(*amounts: object, **more: object) -> Json:
    return dict(zip(BUCKETS, (*amounts, 0, 0, 0, 0), strict=False)) | more


def put(desk: Client, patient: Json, body: Json) -> httpx.Response:
    return desk.put(f"/patients/{patient['id']}/balances", json=body)


def shown(answer: Any) -> list[object]:
    keys = ("balance_total", "estimated_balance", "scheduling_restricted")
    return [answer.json()[k] for k in keys]


def test_the_total_is_the_sum_and_the_estimate_is_less_the_insurance(desk: Client) -> None:
    """Money is exact, in two places, sent as numbers or text and answered as text."""
    made = register(desk)
    body = owing(0.1, "0.2", 120, "79.70", insurance_estimate="50.55", payment_plan_due=20)
    answer = put(desk, made, body)
    assert answer.status_code == 200, answer.text
    assert shown(answer) == ["200.00", "149.45", False]
    assert [answer.json()[b] for b in BUCKETS] == ["0.10", "0.20", "120.00", "79.70"]
    assert (answer.json()["insurance_estimate"], answer.json()["payment_plan_due"]) == ("50.55", "20.00")
    assert desk.read(f"/patients/{made['id']}") == answer.json()


@pytest.mark.parametrize(
    ("amounts", "restricted"), [((500,), False), (("500.01",), True), ((250, 250), False), ((0.01, 0, 250, 250), True)]
)
def test_more_than_five_hundred_owed_restricts_scheduling(
    desk: Client, amounts: tuple[object, ...], restricted: bool
) -> None:
    """500.00 does not, 500.01 does, in whatever buckets; insurance to come does not help."""
    answer = put(desk, register(desk), owing(*amounts, insurance_estimate=400))
    assert answer.json()["scheduling_restricted"] is restricted


def test_an_inactive_patient_is_restricted_whatever_is_owed(desk: Client) -> None:
    """And free again once active, unless the balance says otherwise."""
    made = register(desk)
    away = move(desk, made, "inactive")
    assert away["scheduling_restricted"] is True
    assert put(desk, made, owing(10)).json()["scheduling_restricted"] is True
    back = move(desk, desk.read(f"/patients/{made['id']}"), "active")
    assert back["scheduling_restricted"] is False
    assert put(desk, made, owing(501)).json()["scheduling_restricted"] is True


def test_new_balances_replace_all_old_ones(desk: Client) -> None:
    """What the billing system no longer says is no longer known."""
    made = register(desk)
    put(desk, made, owing(1, 2, 3, 4, insurance_estimate=5, payment_plan_due=6))
    answer = put(desk, made, owing(7))
    assert shown(answer) == ["7.00", "7.00", False]
    assert (answer.json()["insurance_estimate"], answer.json()["payment_plan_due"]) == (None, None)


def test_balances_move_the_etag_and_an_event(desk: Client) -> None:
    """Not the version, for they are no edit; the event names fields, never amounts."""
    made = register(desk)
    answer = put(desk, made, owing(12.34, as_of="2026-03-01T06:00:00Z"))
    assert (answer.json()["version"], answer.headers["etag"]) == (1, '"1-1"')
    event = events_of(desk, made["id"])[-1]
    assert (event["type"], event["version"]) == ("patient.updated", 1)
    assert {"balance_0_30", "balance_total", "estimated_balance"} <= set(event["changed"])
    again = put(desk, made, owing(12.34, as_of="2026-03-01T06:00:00Z"))
    assert (again.headers["etag"], len(events_of(desk, made["id"]))) == ('"1-1"', 2)


def test_a_stale_version_is_refused(desk: Client) -> None:
    """Where the billing system sends one."""
    made = register(desk)
    assert put(desk, made, owing(1, base_version=1)).status_code == 200
    change(desk, made, city="Chicago")
    answer = put(desk, made, owing(2, base_version=1))
    assert (answer.status_code, set(problems(answer).values())) == (409, {"version_conflict"})
    assert desk.read(f"/patients/{made['id']}")["balance_total"] == "1.00"


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("billing", 200),
        ("integration", 200),
        ("clinician", 403),
        ("front_desk", 403),
        ("read_only", 403),
    ],
)
def test_who_may_write_balances(shared_org: Org, desk: Client, role: str, status: int) -> None:
    """The billing office and the billing system, and an administrator (all other tests here)."""
    made = register(desk)
    assert put(shared_org.desk(role), made, owing(1)).status_code == status
    assert desk.read(f"/patients/{made['id']}")["balance_total"] == ("1.00" if status == 200 else None)


def test_bad_amounts_are_all_named(desk: Client) -> None:
    """Text that is no number, absent and null buckets, infinities, more than fits: at once, nothing written."""
    made = register(desk)
    body = {"balance_0_30": "12,50", "balance_31_60": None, "balance_61_90": 1e12, "insurance_estimate": True}
    answer = put(desk, made, body | {"as_of": "yesterday", "balance_total": 1})
    assert answer.status_code == 422
    named = {loc[1] for loc in problems(answer)}
    assert named == {*BUCKETS, "insurance_estimate", "as_of", "balance_total"}
    assert desk.read(f"/patients/{made['id']}")["version"] == 1


def test_an_archived_patient_takes_no_balances(desk: Client) -> None:
    """404, as for one who is not there."""
    made = register(desk)
    desk.post(f"/patients/{made['id']}/archive")
    assert put(desk, made, owing(1)).status_code == 404
