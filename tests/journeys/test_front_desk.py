"""A front desk's day, over real HTTP."""

from __future__ import annotations

from tests.house import Org, problems


def test_a_front_desk_registers_a_family_and_looks_after_it(org: Org) -> None:
    """Check duplicates, create with a family, find by typing, patch, lose a race, archive, transition, restore."""
    desk = org.desk("front_desk")
    nobody = desk.post("/patients/check-duplicates", json={"last_name": "García", "date_of_birth": "1984-02-11"})
    assert nobody.json() == {"items": [], "total": 0}

    joaquin = desk.made(
        "/patients",
        {
            "first_name": "Joaquín",
            "last_name": "García",
            "date_of_birth": "1984-02-11",
            "mobile_phone": "(312) 555-0142",
        },
    )
    assert joaquin["responsible_party"] == {"id": joaquin["id"], "name": "Joaquín García"}
    joana = desk.made(
        "/patients",
        {
            "first_name": "Joana",
            "last_name": "García",
            "date_of_birth": "2014-07-01",
            "billing_account": {"mode": "join", "guarantor_uuid": joaquin["id"]},
        },
    )
    assert joana["responsible_party"] == {"id": joaquin["id"], "name": "Joaquín García"}

    found = desk.read("/patients/search", q="gar jo")
    assert [p["first_name"] for p in found["items"]] == ["Joana", "Joaquín"]
    assert found["total"] == 2

    again = desk.post(
        "/patients", json={"first_name": "Joaquin", "last_name": "GARCIA", "mobile_phone": "312-555-0142"}
    )
    [match] = again.json()["potential_duplicates"]
    assert (match["id"], match["match_reasons"]) == (joaquin["id"], ["mobile_phone"])

    changed = desk.patch(f"/patients/{joaquin['id']}", json={"base_version": 1, "city": "Chicago"})
    assert (changed.status_code, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"2"')
    late = desk.patch(f"/patients/{joaquin['id']}", json={"base_version": 1, "city": "Boston"})
    assert late.status_code == 409
    assert late.json()["detail"][0]["current_version"] == 2

    kept = desk.post(f"/patients/{joaquin['id']}/archive")
    assert kept.status_code == 422
    [problem] = kept.json()["detail"]
    assert (problem["type"], problem["dependents"]) == ("guarantor_of_active_dependents", [joana["id"]])

    assert desk.post(f"/patients/{joana['id']}/archive").json()["status"] == "archived"
    assert desk.post(f"/patients/{joaquin['id']}/archive").status_code == 200
    assert desk.get(f"/patients/{joaquin['id']}").status_code == 404
    assert desk.read("/patients/search", q="gar jo")["total"] == 1

    back = desk.post(f"/patients/{joaquin['id']}/restore")
    assert (back.status_code, back.json()["status"]) == (200, "inactive")
    wrong = desk.post(
        f"/patients/{joaquin['id']}/transition-status",
        json={"base_version": back.json()["version"], "new_status": "deceased"},
    )
    assert problems(wrong) == {("body", "new_status"): "invalid_transition"}
    active = desk.post(
        f"/patients/{joaquin['id']}/transition-status",
        json={"base_version": back.json()["version"], "new_status": "active"},
    )
    assert (active.status_code, active.json()["status"]) == (200, "active")
