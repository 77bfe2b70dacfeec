"""Appointments and the lists that people and practice name: communication types, sources, partners."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.house import Client, Org
from tests.patients.acts import Json, act, register
from tests.people.deeds import NOBODY, archived, ids, refusal

START = "2026-04-01T14:00:00Z"


@pytest.fixture(scope="module")
def patient(own_desk: Client) -> Json:
    return register(own_desk)


def visit(desk: Client, patient: Json, starts: str = START, **fields: Any) -> Json:
    return desk.made("/appointments", {"patient_uuid": patient["id"], "starts_at": starts} | fields)


@pytest.mark.parametrize("path", ["communication-types", "referral-sources"])
def test_a_new_org_can_start_with_its_lists(org: Org, path: str) -> None:
    """Entries with names, in an order, before anybody made one; partners and appointments are the practice's own."""
    desk = org.desk()
    items = desk.read(f"/{path}")["items"]
    assert len(items) >= 4
    assert all(i["name"].strip() and i["version"] == 1 and i["deleted_at"] is None for i in items)
    assert [i["item_order"] for i in items] == sorted(i["item_order"] for i in items)
    assert len({i["name"].casefold() for i in items}) == len(items)
    for own in ("referral-partners", "appointments", "patient-field-definitions"):
        assert desk.read(f"/{own}")["total"] == 0


def test_a_partner_is_kept_with_how_to_reach_them(own_desk: Client) -> None:
    """All fields as given; what is no e-mail address or NPI is refused, each at its place."""
    body = {
        "name": f"Dr. {uuid4().hex}",
        "practice_name": "Lakeside Endodontics",
        "specialty": "endodontics",
        "phone": "(312) 555-0142",
        "email": "desk@lakeside.example",
        "npi": "1234567893",
    }
    made = own_desk.made("/referral-partners", body)
    assert {k: made[k] for k in body} == body
    wrong = own_desk.post("/referral-partners", json=body | {"email": "desk", "npi": "12", "phone": "x"})
    assert refusal(wrong) == (
        422,
        {("body", "email"): "invalid_email", ("body", "npi"): "invalid_npi", ("body", "phone"): "invalid_phone"},
    )


def test_an_appointment_is_kept_as_given(own_desk: Client, patient: Json) -> None:
    """Times in UTC, who and where by name, scheduled unless said otherwise."""
    doctor = own_desk.made("/providers", {"name": f"Dr. {uuid4().hex}"})
    place = own_desk.made("/locations", {"name": uuid4().hex})
    made = visit(
        own_desk,
        patient,
        "2026-04-01T09:00:00-05:00",
        ends_at="2026-04-01T10:00:00-05:00",
        provider_uuid=doctor["id"],
        location_uuid=place["id"],
        note="First visit",
    )
    assert (made["starts_at"], made["ends_at"]) == (START, "2026-04-01T15:00:00Z")
    assert made["provider"] == {"id": doctor["id"], "name": doctor["name"]}
    assert made["location"] == {"id": place["id"], "name": place["name"]}
    assert made["patient"]["id"] == patient["id"]
    assert (made["status"], made["note"]) == ("scheduled", "First visit")
    assert own_desk.read(f"/appointments/{made['id']}") == made


@pytest.mark.parametrize("ends", [START, "2026-04-01T13:59:59Z", "2026-04-01T15:30:00+02:00"])
def test_an_appointment_ends_after_it_begins(own_desk: Client, patient: Json, ends: str) -> None:
    """422 on create, and on a change of either end."""
    body = {"patient_uuid": patient["id"], "starts_at": START, "ends_at": ends}
    assert refusal(own_desk.post("/appointments", json=body)) == (422, {("body", "ends_at"): "out_of_range"})
    path = f"/appointments/{visit(own_desk, patient, ends_at='2026-04-01T15:00:00Z')['id']}"
    for change in ({"ends_at": ends}, {"starts_at": "2026-04-01T15:00:00Z"}):
        answer = own_desk.patch(path, json={"base_version": 1} | change)
        assert refusal(answer) == (422, {("body", "ends_at"): "out_of_range"})
    moved = {"base_version": 1, "starts_at": "2026-04-02T14:00:00Z", "ends_at": "2026-04-02T15:00:00Z"}
    assert own_desk.patch(path, json=moved).status_code == 200


def test_an_appointment_stays_with_its_patient(own_desk: Client, patient: Json) -> None:
    """Another patient cannot be put in; status, times and note may change, the end may be cleared."""
    path = f"/appointments/{visit(own_desk, patient, ends_at='2026-04-01T15:00:00Z')['id']}"
    answer = own_desk.patch(path, json={"base_version": 1, "patient_uuid": register(own_desk)["id"]})
    assert refusal(answer) == (422, {("body", "patient_uuid"): "unknown_field"})
    done = own_desk.patch(path, json={"base_version": 1, "status": "no_show", "ends_at": None, "note": "Called"}).json()
    assert (done["status"], done["ends_at"], done["note"], done["version"]) == ("no_show", None, "Called", 2)
    wrong = own_desk.patch(path, json={"base_version": 2, "status": "late", "starts_at": None})
    assert refusal(wrong) == (
        422,
        {("body", "status"): "invalid_choice", ("body", "starts_at"): "null_not_allowed"},
    )


def test_an_appointment_needs_somebody_who_is_there(own_desk: Client, desk: Client) -> None:
    """An archived patient, another org's, nobody: 404; no patient at all: 422."""
    gone = act(own_desk, register(own_desk), "archive")
    for other in (gone["id"], register(desk)["id"], NOBODY):
        answer = own_desk.post("/appointments", json={"patient_uuid": other, "starts_at": START})
        assert refusal(answer) == (404, {("body", "patient_uuid"): "not_found"})
    answer = own_desk.post("/appointments", json={})
    assert refusal(answer) == (
        422,
        {("body", "patient_uuid"): "missing", ("body", "starts_at"): "missing"},
    )


def test_appointments_are_narrowed_by_patient_status_and_time(own_desk: Client) -> None:
    """Latest first; both ends of a range count; a patient who is not there is 404."""
    patient = register(own_desk)
    starts = ("2026-05-01T00:00:00Z", "2026-05-01T23:30:00Z", "2026-05-02T00:00:00Z", "2026-04-30T23:59:59Z")
    made = {s: visit(own_desk, patient, s, status="completed" if n % 2 else "confirmed") for n, s in enumerate(starts)}
    visit(own_desk, register(own_desk), "2026-05-01T12:00:00Z")

    def seen(**query: str) -> list[str]:
        return ids(own_desk.read("/appointments", patient_uuid=patient["id"], **query))

    latest = [made[s]["id"] for s in sorted(starts, reverse=True)]
    assert seen() == latest
    assert seen(date_from="2026-05-01", date_to="2026-05-01") == latest[1:3]
    assert seen(date_to="2026-04-30") == latest[3:]
    assert seen(date_from="2026-05-01T20:00:00-05:00") == []
    assert seen(status="completed") == [made[starts[1]]["id"], made[starts[3]]["id"]]
    missing = own_desk.get("/appointments", params={"patient_uuid": NOBODY})
    assert refusal(missing) == (404, {("query", "patient_uuid"): "not_found"})


def test_an_archived_appointment_keeps_the_entries_that_name_it(own_desk: Client, patient: Json) -> None:
    """Gone for itself, still the appointment of what was said about it."""
    made = visit(own_desk, patient)
    path = f"/patients/{patient['id']}/communication-logs"
    entry = own_desk.made(path, {"communication_datetime": START, "appointment_uuid": made["id"]})
    archived(own_desk, f"/appointments/{made['id']}", 1)
    assert own_desk.get(f"/appointments/{made['id']}").status_code == 404
    assert entry in own_desk.read(path, page_size=200)["items"]


@pytest.mark.parametrize(
    ("role", "status"), [("front_desk", 201), ("integration", 201), ("clinician", 403), ("billing", 403)]
)
def test_who_keeps_the_log_keeps_the_appointments(own_org: Org, patient: Json, role: str, status: int) -> None:
    """Front desk and integrations write them; for the others they are to look at, if that."""
    answer = own_org.desk(role).post("/appointments", json={"patient_uuid": patient["id"], "starts_at": START})
    assert answer.status_code == status
