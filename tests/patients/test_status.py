"""The moves between statuses, the archive and the way back."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.house import Client, problems
from tests.patients.acts import act, change, events_of, move, register, unheard_of

STATUSES = ("prospective", "active", "inactive", "deceased", "archived")
ALLOWED = {
    ("prospective", "active"),
    ("active", "inactive"),
    ("active", "deceased"),
    ("inactive", "active"),
}
PAIRS = [(a, b) for a in STATUSES if a != "archived" for b in STATUSES]


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_a_transition_is_allowed_or_refused_by_the_table(desk: Client, start: str, end: str) -> None:
    """Every pair: allowed ones move, count a version and leave an event of their name; all others are 422."""
    made = register(desk, status=start)
    path = f"/patients/{made['id']}"
    answer = desk.post(f"{path}/transition-status", json={"base_version": 1, "new_status": end})
    if (start, end) in ALLOWED:
        assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, end, 2)
        assert [e["type"] for e in events_of(desk, made["id"])] == ["patient.created", f"patient.{end}"]
    else:
        assert (answer.status_code, problems(answer)) == (422, {("body", "new_status"): "invalid_transition"})
        assert desk.read(path) == made | {"potential_duplicates": None}
        assert [e["type"] for e in events_of(desk, made["id"])] == ["patient.created"]


@pytest.mark.parametrize("end", STATUSES)
def test_an_archived_patient_moves_by_restore_alone(desk: Client, end: str) -> None:
    """To transitions, an archived patient is not there."""
    gone = act(desk, register(desk), "archive")
    body = {"base_version": gone["version"], "new_status": end}
    assert desk.post(f"/patients/{gone['id']}/transition-status", json=body).status_code == 404


def test_a_transition_needs_the_version_and_a_status_that_exists(desk: Client) -> None:
    """A stale version is 409 with the present one; no version, no status or an unknown one is 422."""
    made = register(desk)
    path = f"/patients/{made['id']}/transition-status"
    change(desk, made, city="Chicago")
    stale = desk.post(path, json={"base_version": 1, "new_status": "inactive"})
    assert (stale.status_code, problems(stale)) == (409, {("body", "base_version"): "version_conflict"})
    assert stale.json()["detail"][0]["current_version"] == 2
    for body in ({"new_status": "inactive"}, {"base_version": 2}, {"base_version": 2, "new_status": "gone"}):
        assert desk.post(path, json=body).status_code == 422


def test_death_sets_its_date_and_ends_messages(desk: Client) -> None:
    """Nobody writes a reminder to a patient who died."""
    made = register(desk, receives_sms=True, receives_email=True)
    dead = move(desk, made, "deceased")
    assert (dead["receives_sms"], dead["receives_email"]) == (False, False)
    assert datetime.fromisoformat(dead["date_time_deceased"]) >= datetime.fromisoformat(made["created_at"])
    changed = events_of(desk, made["id"])[-1]["changed"]
    assert {"status", "date_time_deceased", "receives_sms", "receives_email"} <= set(changed)


def test_a_known_date_of_death_stays(desk: Client) -> None:
    """The time of death is filled only when it is empty."""
    made = register(desk, status="deceased", date_time_deceased="2024-03-01T10:00:00+02:00")
    assert made["date_time_deceased"].startswith("2024-03-01T08:00:00")


def test_who_is_registered_as_deceased_gets_no_messages_either(desk: Client) -> None:
    """Old records are imported as they are, and follow the same rule."""
    made = register(desk, status="deceased", receives_sms=True, receives_email=True)
    assert (made["receives_sms"], made["receives_email"]) == (False, False)
    assert made["date_time_deceased"] is not None


def test_the_archive_takes_a_patient_out_of_sight(desk: Client) -> None:
    """Gone from GET, list, walk and typeahead, shown by status=archived; a second archive is 404."""
    made = register(desk)
    gone = act(desk, made, "archive")
    assert (gone["status"], gone["version"], gone["deleted_at"] is None) == ("archived", 2, False)
    path, name = f"/patients/{made['id']}", made["last_name"]
    answers = [
        desk.get(path),
        desk.post(f"{path}/archive"),
        desk.patch(path, json={"base_version": 2, "city": "Chicago"}),
    ]
    assert [a.status_code for a in answers] == [404, 404, 404]
    assert desk.read("/patients", search=name)["items"] == []
    assert desk.read("/patients/cursor", search=name)["data"] == []
    assert desk.read("/patients/search", q=name)["items"] == []
    for status in ("active", "inactive", "prospective", "deceased"):
        assert desk.read("/patients", search=name, status=status)["items"] == []
    assert desk.read("/patients", search=name, status="archived")["items"] == [gone]
    assert desk.read("/patients/cursor", search=name, status="archived")["data"] == [gone]


def test_a_guarantor_of_present_patients_is_not_archived(desk: Client) -> None:
    """422 that lists them by id; archived ones do not count."""
    parent = register(desk)
    children = [register(desk, responsible_party_uuid=parent["id"]) for _ in range(3)]
    act(desk, children[0], "archive")
    answer = desk.post(f"/patients/{parent['id']}/archive")
    [problem] = answer.json()["detail"]
    assert (answer.status_code, problem["type"]) == (422, "guarantor_of_active_dependents")
    assert sorted(problem["dependents"]) == sorted(c["id"] for c in children[1:])
    assert desk.read(f"/patients/{parent['id']}")["version"] == 1
    for child in children[1:]:
        act(desk, child, "archive")
    assert act(desk, parent, "archive")["status"] == "archived"


def test_restore_brings_back_as_inactive(desk: Client) -> None:
    """Whatever the status was; with everything the record held, found again by name and number."""
    contact = {"email": "back@example.com", "mobile_phone": "312-555-0199"}
    made = register(desk, last_name=unheard_of(), status="prospective", **contact)
    back = act(desk, act(desk, made, "archive"), "restore")
    moved = {"version", "updated_at", "status", "deleted_at", "scheduling_restricted", "potential_duplicates"}
    assert (back["version"], back["status"], back["deleted_at"]) == (3, "inactive", None)
    assert back["scheduling_restricted"] is True
    assert {k: v for k, v in back.items() if k not in moved} == {k: v for k, v in made.items() if k not in moved}
    assert [p["id"] for p in desk.read("/patients", search=made["last_name"])["items"]] == [made["id"]]
    assert [p["id"] for p in desk.read("/patients/search", q=made["last_name"])["items"]] == [made["id"]]
    assert desk.read("/patients", search=made["last_name"], status="archived")["items"] == []
    types = [e["type"] for e in events_of(desk, made["id"])]
    assert types == ["patient.created", "patient.archived", "patient.restored"]


def test_only_an_archived_patient_is_restored(desk: Client) -> None:
    """422 for one who is there, 404 for one who never was."""
    made = register(desk)
    answer = desk.post(f"/patients/{made['id']}/restore")
    assert (answer.status_code, set(problems(answer).values())) == (422, {"not_archived"})
    assert desk.post("/patients/01890000-0000-7000-8000-000000000000/restore").status_code == 404


def test_a_patient_comes_back_after_the_guarantor(desk: Client) -> None:
    """422 `guarantor_archived` that names the guarantor, until the guarantor is back."""
    parent = register(desk)
    child = register(desk, responsible_party_uuid=parent["id"])
    act(desk, child, "archive")
    act(desk, parent, "archive")
    answer = desk.post(f"/patients/{child['id']}/restore")
    [problem] = answer.json()["detail"]
    assert (answer.status_code, problem["type"], problem["guarantor_id"]) == (422, "guarantor_archived", parent["id"])
    act(desk, parent, "restore")
    assert act(desk, child, "restore")["responsible_party"]["id"] == parent["id"]
