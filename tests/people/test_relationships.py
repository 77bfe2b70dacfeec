"""What one patient is to another, in that one direction; guardians and dependents among them."""

from __future__ import annotations

import pytest

from tests.house import Client, Org
from tests.patients.acts import Json, act, at_once, change, events_of, register
from tests.people.deeds import NOBODY, ids, insist, refusal, relate

TO, TYPE = ("body", "to_patient_uuid"), ("body", "relationship_type")


@pytest.fixture
def pair(desk: Client) -> tuple[Json, Json]:
    """Two patients who have nothing to do with each other."""
    return register(desk, first_name="Eva"), register(desk, first_name="Ana")


def path_of(patient: Json, relationship: Json | None = None) -> str:
    path = f"/patients/{patient['id']}/relationships"
    return f"{path}/{relationship['id']}" if relationship else path


def test_a_relationship_shows_both_by_id_and_name(desk: Client, pair: tuple[Json, Json]) -> None:
    """Whoever reads it sees who is what to whom, also in the plain name fields."""
    eva, ana = pair
    made = relate(desk, eva, ana, "parent", is_guardian=True, note="Weekdays")
    names = [f"{p['first_name']} {p['last_name']}" for p in pair]
    assert made["from_patient"] == {"id": eva["id"], "name": names[0]}
    assert made["to_patient"] == {"id": ana["id"], "name": names[1]}
    assert (made["from_patient_name"], made["to_patient_name"]) == (names[0], names[1])
    assert (made["relationship_type"], made["is_guardian"], made["note"]) == ("parent", True, "Weekdays")
    assert (made["version"], made["deleted_at"]) == (1, None)
    assert desk.read(path_of(eva))["items"] == [made]


def test_names_in_a_relationship_follow_the_patients(desk: Client, pair: tuple[Json, Json]) -> None:
    """A name that changes is shown as it is now, not as it was."""
    eva, ana = pair
    relate(desk, eva, ana, "parent")
    change(desk, ana, first_name="Anaïs", last_name="Berg")
    [seen] = desk.read(path_of(eva))["items"]
    assert (seen["to_patient"]["name"], seen["to_patient_name"]) == ("Anaïs Berg", "Anaïs Berg")


def test_a_relationship_has_one_direction(desk: Client, pair: tuple[Json, Json]) -> None:
    """It is listed with the patient it is from; the other way round it has to be recorded for itself."""
    eva, ana = pair
    made = relate(desk, eva, ana, "parent")
    assert desk.read(path_of(ana)) == {"items": [], "page": 1, "page_size": 50, "total": 0}
    back = relate(desk, ana, eva, "child")
    assert (ids(desk.read(path_of(eva))), ids(desk.read(path_of(ana)))) == ([made["id"]], [back["id"]])


def test_nobody_is_related_to_themselves(desk: Client, pair: tuple[Json, Json]) -> None:
    """422 at the other patient."""
    eva, _ = pair
    answer = desk.post(path_of(eva), json={"to_patient_uuid": eva["id"], "relationship_type": "sibling"})
    assert refusal(answer) == (422, {TO: "contradiction"})
    assert desk.read(path_of(eva))["total"] == 0


def test_the_same_relationship_is_recorded_once(desk: Client, pair: tuple[Json, Json]) -> None:
    """Same two, same kind: 409; another kind between the same two is another relationship."""
    eva, ana = pair
    relate(desk, eva, ana, "parent")
    again = desk.post(path_of(eva), json={"to_patient_uuid": ana["id"], "relationship_type": "parent", "note": "x"})
    assert refusal(again) == (409, {TO: "duplicate_relationship"})
    relate(desk, eva, ana, "guardian")
    assert desk.read(path_of(eva))["total"] == 2


def test_a_change_cannot_make_a_relationship_a_second_time(desk: Client, pair: tuple[Json, Json]) -> None:
    """409 as on create, and the record stays as it was."""
    eva, ana = pair
    relate(desk, eva, ana, "parent")
    other = relate(desk, eva, ana, "guardian")
    answer = desk.patch(path_of(eva, other), json={"base_version": 1, "relationship_type": "parent"})
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (409, "duplicate_relationship")
    assert [r for r in desk.read(path_of(eva))["items"] if r["id"] == other["id"]] == [other]


def test_kind_guardianship_and_note_can_change(desk: Client, pair: tuple[Json, Json]) -> None:
    """Each to another value; note alone can be cleared, and the other patient stays who it is."""
    eva, ana = pair
    made = relate(desk, eva, ana, "stepparent", note="since June")
    body = {"base_version": 1, "relationship_type": "parent", "is_guardian": True, "note": None}
    answer = desk.patch(path_of(eva, made), json=body)
    seen = answer.json()
    assert (answer.status_code, seen["version"]) == (200, 2)
    assert (seen["relationship_type"], seen["is_guardian"], seen["note"]) == ("parent", True, None)
    refused = desk.patch(path_of(eva, made), json={"base_version": 2, "relationship_type": None})
    assert refusal(refused) == (422, {("body", "relationship_type"): "null_not_allowed"})
    kept = desk.patch(path_of(eva, made), json={"base_version": 2, "is_guardian": None})
    assert (kept.status_code, kept.json()) == (200, seen)
    other = desk.patch(path_of(eva, made), json={"base_version": 2, "to_patient_uuid": register(desk)["id"]})
    assert refusal(other) == (422, {TO: "unknown_field"})


def test_a_stale_change_of_a_relationship_is_refused(desk: Client, pair: tuple[Json, Json]) -> None:
    """409 with the version that it has now."""
    eva, ana = pair
    made = relate(desk, eva, ana, "parent")
    desk.patch(path_of(eva, made), json={"base_version": 1, "note": "first"})
    late = desk.patch(path_of(eva, made), json={"base_version": 1, "note": "second"})
    assert (late.status_code, late.json()["detail"][0]["current_version"]) == (409, 2)


def test_an_archived_relationship_is_gone_and_can_be_recorded_again(desk: Client, pair: tuple[Json, Json]) -> None:
    """Out of every list, not to be archived twice; the same two may be related anew."""
    eva, ana = pair
    made = relate(desk, eva, ana, "parent", is_guardian=True)
    gone = desk.post(f"{path_of(eva, made)}/archive")
    assert (gone.status_code, gone.json()["version"], gone.json()["deleted_at"] is None) == (200, 2, False)
    assert desk.read(path_of(eva))["total"] == 0
    assert desk.read(f"/patients/{ana['id']}/guardians") == []
    assert desk.read(f"/patients/{eva['id']}/dependents") == []
    twice = desk.post(f"{path_of(eva, made)}/archive")
    assert refusal(twice) == (404, {("path", "relationship_uuid"): "not_found"})
    changed = desk.patch(path_of(eva, made), json={"base_version": 2, "note": "x"})
    assert refusal(changed) == (404, {("path", "relationship_uuid"): "not_found"})
    anew = relate(desk, eva, ana, "parent")
    assert (anew["id"] != made["id"], ids(desk.read(path_of(eva)))) == (True, [anew["id"]])


def test_a_relationship_is_reached_through_its_own_patient_alone(desk: Client, pair: tuple[Json, Json]) -> None:
    """Under the other patient's path it is not there."""
    eva, ana = pair
    made = relate(desk, eva, ana, "parent")
    for answer in (
        desk.post(f"{path_of(ana, made)}/archive"),
        desk.patch(path_of(ana, made), json={"base_version": 1, "note": "x"}),
    ):
        assert refusal(answer) == (404, {("path", "relationship_uuid"): "not_found"})
    assert desk.read(path_of(eva))["items"] == [made]


def test_guardians_and_dependents_are_the_two_ends_of_guardianship(desk: Client) -> None:
    """Guardians look up to it, dependents down from it; relationships without guardianship are in neither."""
    eva, max_, ana, uncle = (register(desk) for _ in range(4))
    first = relate(desk, eva, ana, "parent", is_guardian=True)
    second = relate(desk, max_, ana, "stepparent", is_guardian=True)
    relate(desk, uncle, ana, "other_family")
    relate(desk, ana, eva, "child")
    other = relate(desk, eva, max_, "guardian", is_guardian=True)
    assert desk.read(f"/patients/{ana['id']}/guardians") == [first, second]
    assert desk.read(f"/patients/{ana['id']}/dependents") == []
    assert desk.read(f"/patients/{eva['id']}/dependents") == [first, other]
    assert desk.read(f"/patients/{uncle['id']}/dependents") == []


@pytest.mark.parametrize("role", ["front_desk", "clinician"])
def test_guardianship_that_ends_shows_at_once(desk: Client, shared_org: Org, role: str) -> None:
    """Turned off by a PATCH, the relationship stays and the guardian goes, whoever looks."""
    eva, ana = register(desk), register(desk)
    made = relate(desk, eva, ana, "parent", is_guardian=True)
    reader = shared_org.desk(role)
    assert ids(reader.read(f"/patients/{ana['id']}/guardians")) == [made["id"]]
    desk.patch(path_of(eva, made), json={"base_version": 1, "is_guardian": False})
    assert reader.read(f"/patients/{ana['id']}/guardians") == []
    assert reader.read(path_of(eva))["total"] == 1


@pytest.mark.parametrize("side", ["from", "to"])
def test_an_archived_patient_is_not_there_to_be_related_to(desk: Client, pair: tuple[Json, Json], side: str) -> None:
    """404 at the side that is archived, as for a patient who never was."""
    eva, ana = pair
    act(desk, eva if side == "from" else ana, "archive")
    answer = desk.post(path_of(eva), json={"to_patient_uuid": ana["id"], "relationship_type": "parent"})
    place = ("path", "patient_uuid") if side == "from" else TO
    assert refusal(answer) == (404, {place: "not_found"})


def test_the_lists_of_an_archived_patient_are_gone(desk: Client, pair: tuple[Json, Json]) -> None:
    """404 for each of them, and back with the patient."""
    eva, ana = pair
    made = relate(desk, eva, ana, "parent", is_guardian=True)
    act(desk, eva, "archive")
    for name in ("relationships", "guardians", "dependents", "family"):
        answer = desk.get(f"/patients/{eva['id']}/{name}")
        assert refusal(answer) == (404, {("path", "patient_uuid"): "not_found"}), name
    act(desk, eva, "restore")
    assert ids(desk.read(f"/patients/{eva['id']}/dependents")) == [made["id"]]


def test_a_patient_of_another_org_is_not_there(desk: Client, own_desk: Client) -> None:
    """Neither to relate to nor to look at; told exactly like nobody at all."""
    stranger, eva = register(own_desk), register(desk)
    told = [
        desk.post(path_of(eva), json={"to_patient_uuid": other, "relationship_type": "parent"})
        for other in (stranger["id"], NOBODY)
    ]
    assert [refusal(a) for a in told] == [(404, {TO: "not_found"})] * 2
    assert told[0].json() == told[1].json()
    for name in ("relationships", "guardians", "dependents", "family"):
        assert desk.get(f"/patients/{stranger['id']}/{name}").status_code == 404


def test_every_mistake_in_a_relationship_is_named_at_once(desk: Client, pair: tuple[Json, Json]) -> None:
    """A word that is no kind, text for a flag, a note too long, a field nobody knows, no other patient."""
    body = {"relationship_type": "cousin", "is_guardian": "yes", "note": "x" * 2001, "from_patient_uuid": NOBODY}
    assert refusal(desk.post(path_of(pair[0]), json=body)) == (
        422,
        {
            TYPE: "invalid_choice",
            ("body", "is_guardian"): "wrong_type",
            ("body", "note"): "too_long",
            ("body", "from_patient_uuid"): "unknown_field",
            TO: "missing",
        },
    )


def test_of_32_identical_creates_one_makes_the_relationship(
    shared_org: Org, desk: Client, pair: tuple[Json, Json]
) -> None:
    """One 201, 31 times 409, one record, one event; the database decides, not the order of looking."""
    eva, ana = pair
    desks = [shared_org.desk() for _ in range(32)]
    body = {"to_patient_uuid": ana["id"], "relationship_type": "parent"}
    answers = at_once(32, lambda n: insist(lambda: desks[n].post(path_of(eva), json=body)))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 31
    assert {refusal(a)[1][TO] for a in answers if a.status_code == 409} == {"duplicate_relationship"}
    assert desk.read(path_of(eva))["total"] == 1
    assert [e["type"] for e in events_of(desk, eva["id"])].count("relationship.created") == 1
