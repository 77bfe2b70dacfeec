"""A family of two households, from the first call to the child's own account, over real HTTP."""

from __future__ import annotations

from typing import Any

from tests.house import Client, Org, problems


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [r["id"] for r in found]


def person(desk: Client, first: str, last: str, born: str, **more: Any) -> dict[str, Any]:
    return desk.made("/patients", {"first_name": first, "last_name": last, "date_of_birth": born} | more)


def test_a_blended_family_registers(org: Org) -> None:
    """Two guarantors, a child with two guardians and a custody note; chairside and both bills see what is theirs."""
    desk, chair = org.desk("front_desk"), org.desk("clinician")
    eva = person(desk, "Eva", "Lind", "1984-02-11", mobile_phone="(312) 555-0142")
    max_ = person(desk, "Max", "Okoye", "1980-09-30", mobile_phone="(312) 555-0143")
    ana = person(desk, "Ana", "Lind", "2014-07-01", billing_account={"mode": "join", "guarantor_uuid": eva["id"]})
    ben = person(desk, "Ben", "Okoye", "2011-03-05", billing_account={"mode": "join", "guarantor_uuid": max_["id"]})

    custody = "Weeks with Eva; Max brings her on Fridays. Either may consent."
    first = desk.made(
        f"/patients/{eva['id']}/relationships",
        {"to_patient_uuid": ana["id"], "relationship_type": "parent", "is_guardian": True, "note": custody},
    )
    second = desk.made(
        f"/patients/{max_['id']}/relationships",
        {"to_patient_uuid": ana["id"], "relationship_type": "stepparent", "is_guardian": True},
    )
    third = desk.made(
        f"/patients/{max_['id']}/relationships",
        {"to_patient_uuid": ben["id"], "relationship_type": "parent", "is_guardian": True},
    )
    desk.made(f"/patients/{eva['id']}/relationships", {"to_patient_uuid": max_["id"], "relationship_type": "spouse"})
    twice = desk.post(
        f"/patients/{eva['id']}/relationships",
        json={"to_patient_uuid": ana["id"], "relationship_type": "parent", "is_guardian": True},
    )
    assert (twice.status_code, problems(twice)) == (409, {("body", "to_patient_uuid"): "duplicate_relationship"})

    guardians = chair.read(f"/patients/{ana['id']}/guardians")
    assert [(g["from_patient_name"], g["relationship_type"], g["note"]) for g in guardians] == [
        ("Eva Lind", "parent", custody),
        ("Max Okoye", "stepparent", None),
    ]
    assert ids(desk.read(f"/patients/{max_['id']}/dependents")) == [second["id"], third["id"]]
    assert ids(desk.read(f"/patients/{ana['id']}/family")) == [eva["id"], ana["id"]]
    assert ids(desk.read(f"/patients/{ben['id']}/family")) == [max_["id"], ben["id"]]

    # They marry and want one bill: a guarantor of others cannot join before those others have.
    early = desk.patch(f"/patients/{max_['id']}", json={"base_version": 1, "responsible_party_uuid": eva["id"]})
    assert problems(early) == {("body", "responsible_party_uuid"): "guarantor_of_dependents"}
    for patient in (ben, max_):
        moved = desk.patch(f"/patients/{patient['id']}", json={"base_version": 1, "responsible_party_uuid": eva["id"]})
        assert moved.status_code == 200, moved.text
    household = desk.read(f"/patients/{max_['id']}/family")
    assert ids(household) == [eva["id"], max_["id"], ben["id"], ana["id"]]
    assert [m["is_guarantor"] for m in household] == [True, False, False, False]
    kept = desk.post(f"/patients/{eva['id']}/archive")
    assert set(kept.json()["detail"][0]["dependents"]) == {max_["id"], ben["id"], ana["id"]}

    # Custody changes: the stepfather is no guardian any more, and the note says since when.
    path = f"/patients/{max_['id']}/relationships/{second['id']}"
    ended = desk.patch(path, json={"base_version": 1, "is_guardian": False, "note": "Until June"})
    assert (ended.status_code, ended.json()["version"]) == (200, 2)
    assert ids(chair.read(f"/patients/{ana['id']}/guardians")) == [first["id"]]


def test_a_child_turns_into_their_own_guarantor(org: Org) -> None:
    """At 18 the account becomes their own, guardianship ends, the family stays related; then they take in others."""
    desk = org.desk("front_desk")
    eva = person(desk, "Eva", "Lind", "1984-02-11")
    ana = person(desk, "Ana", "Lind", "2008-07-01", responsible_party_uuid=eva["id"])
    bond = desk.made(
        f"/patients/{eva['id']}/relationships",
        {"to_patient_uuid": ana["id"], "relationship_type": "parent", "is_guardian": True},
    )
    chained = desk.post(
        "/patients", json={"first_name": "Tim", "last_name": "Lind", "responsible_party_uuid": ana["id"]}
    )
    assert problems(chained) == {("body", "responsible_party_uuid"): "guarantor_not_own"}

    own = desk.patch(f"/patients/{ana['id']}", json={"base_version": 1, "responsible_party_uuid": ana["id"]})
    assert own.json()["responsible_party"] == {"id": ana["id"], "name": "Ana Lind"}
    archived = desk.post(f"/patients/{eva['id']}/relationships/{bond['id']}/archive")
    assert archived.status_code == 200
    desk.made(f"/patients/{eva['id']}/relationships", {"to_patient_uuid": ana["id"], "relationship_type": "parent"})
    assert desk.read(f"/patients/{ana['id']}/guardians") == []
    assert ids(desk.read(f"/patients/{ana['id']}/family")) == [ana["id"]]
    assert ids(desk.read(f"/patients/{eva['id']}/family")) == [eva["id"]]

    tim = person(desk, "Tim", "Lind", "2026-01-05", responsible_party_uuid=ana["id"])
    assert ids(desk.read(f"/patients/{tim['id']}/family")) == [ana["id"], tim["id"]]
    assert desk.post(f"/patients/{eva['id']}/archive").status_code == 200
    kept = desk.post(f"/patients/{ana['id']}/archive")
    assert problems(kept) == {("path", "patient_uuid"): "guarantor_of_active_dependents"}
