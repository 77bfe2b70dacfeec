"""What lies around the demo's patients holds together: families, referrals, visits, communications, intake."""

import datetime
import json
from collections import Counter
from functools import cache
from typing import Any

import pytest

from chairside.demo import People, Person, Row, chart, people, practice
from chairside.demo.intake import CARD, LAST_VISIT, SCHOOL
from chairside.demo.rows import years_old
from chairside.knowledge.catalogs import starter
from chairside.records.people import field_values

SEED, BORN_BY = 8400, datetime.date(2026, 1, 5)
TODAY = datetime.date(2026, 11, 22)
NOW = f"{TODAY.isoformat()}T00:00:00Z"
BACK = {
    "spouse": "spouse",
    "life_partner": "life_partner",
    "parent": "child",
    "child": "parent",
    "stepparent": "stepchild",
    "stepchild": "stepparent",
    "grandparent": "grandchild",
    "grandchild": "grandparent",
}


@cache
def persons(count: int = 500) -> list[Person]:
    return practice(SEED, count, BORN_BY).patients


@cache
def around(count: int = 500) -> People:
    return people(persons(count), SEED, TODAY)


def of(kind: str, count: int = 500) -> list[Row]:
    return [row for row in around(count).rows if row.kind == kind]


def related(count: int) -> dict[tuple[int, int], dict[str, Any]]:
    return {(row.patient, int(str(row.body["to_patient"]))): row.body for row in of("relationship", count)}


@pytest.mark.parametrize(
    ("kind", "key", "listed"),
    [
        ("communication_log", "communication_type", "communication_types"),
        ("referral_attribution", "referral_source", "referral_sources"),
        ("alert", "alert_definition", "alert_definitions"),
    ],
)
def test_every_name_is_in_the_starter_catalogs(kind: str, key: str, listed: str) -> None:
    """A new org knows all that the demo names."""
    named = {row.body[key] for row in of(kind, 10_000) if key in row.body}
    assert named
    assert named <= {row["name"] for row in starter(listed)}


def test_no_two_rows_are_the_same() -> None:
    """Retries are told by what is written, so two equal rows of a patient would be entered once."""
    charts = [
        Row(kind, place, body)
        for place, person in enumerate(persons())
        for kind, body in chart(person, place, SEED, TODAY).rows()
    ]
    told = Counter(json.dumps([r.kind, r.patient, r.body], sort_keys=True) for r in (*charts, *around().rows))
    assert len(told) > 2_000
    assert set(told.values()) == {1}


def test_equal_arguments_give_equal_rows() -> None:
    """And another seed others."""
    assert people(persons(), SEED, TODAY) == around()
    assert people(persons(), SEED + 1, TODAY) != around()


def test_relationships_read_the_same_from_both_sides() -> None:
    """Whoever is a parent has the child as child; nobody is related to themselves or to another household."""
    everyone = related(10_000)
    assert len(everyone) == len(of("relationship", 10_000))
    for (one, other), body in everyone.items():
        assert one != other
        assert persons(10_000)[one].household == persons(10_000)[other].household
        assert everyone[other, one]["relationship_type"] == BACK[body["relationship_type"]]


def test_every_child_of_a_household_has_a_guardian_and_no_adult_has() -> None:
    """Guardians are grown up themselves."""
    guardians: dict[int, list[int]] = {}
    for (one, other), body in related(10_000).items():
        if body.get("is_guardian"):
            guardians.setdefault(other, []).append(one)
    for place, person in enumerate(persons(10_000)):
        years = years_old(person, TODAY)
        if place in guardians:
            assert years is not None
            assert years < 18
            assert all((years_old(persons(10_000)[g], TODAY) or 18) >= 18 for g in guardians[place])
        elif person.role == "child" and person.fields["status"] != "deceased":
            assert years is None or years >= 18


def test_a_blended_family_of_the_demo_has_its_custody_note_and_alert() -> None:
    """The parent is guardian and has the note, the stepparent is not, and the child's chart warns."""
    held = related(500)
    blended = [child for (_, child), body in held.items() if body["relationship_type"] == "stepparent"]
    assert blended
    alerted = {row.patient for row in of("alert")}
    for child in blended:
        notes = [b.get("note", "") for (_, other), b in held.items() if other == child and b.get("is_guardian")]
        assert len(notes) == 1
        assert "custody" in notes[0]
        assert child in alerted


def test_an_attribution_names_one_source_and_a_patient_has_one_primary() -> None:
    """A partner that exists, an earlier patient of another household, or a way of hearing of the practice."""
    partners = {p["name"] for p in around().referral_partners}
    used = Counter[str]()
    for row in of("referral_attribution", 10_000):
        named = [key for key in ("referral_partner", "referral_source", "referring_patient") if key in row.body]
        assert len(named) == 1
        used[named[0]] += 1
        assert row.body.get("referral_partner", next(iter(partners))) in partners
        friend = int(str(row.body.get("referring_patient", 0)))
        if "referring_patient" in row.body:
            assert persons(10_000)[friend].household != persons(10_000)[row.patient].household
    assert len(used) == 3
    primary = Counter(r.patient for r in of("referral_attribution", 10_000) if "attribution_role" not in r.body)
    assert set(primary.values()) == {1}


def test_visits_lie_where_their_status_says() -> None:
    """Planned ones ahead, all others behind; each ends after it began, on a working day, at most one of a label."""
    for row in of("appointment", 10_000):
        starts, ends = str(row.body["starts_at"]), str(row.body["ends_at"])
        assert starts < ends
        assert (starts > NOW) == (row.body["status"] in ("scheduled", "confirmed"))
        assert datetime.datetime.fromisoformat(starts).weekday() < 5
        assert row.body["patient"] == row.patient
    labels = [row.label for row in of("appointment", 10_000)]
    assert len(set(labels)) == len(labels)
    assert {row.body["status"] for row in of("appointment", 10_000)} == {
        *("scheduled", "confirmed", "completed", "cancelled", "no_show")
    }


def test_communications_lie_behind_and_follow_the_visits_they_name() -> None:
    """Recalls, reminders, answers: nothing is logged before it happened, or about another patient's visit."""
    visits: dict[object, int] = {}
    for row in around(10_000).rows:
        if row.label is not None:
            visits[row.label] = row.patient
        if row.kind == "communication_log":
            assert str(row.body["communication_datetime"]) < NOW
            assert "appointment" not in row.body or visits[row.body["appointment"]] == row.patient
    about = Counter(row.body["communication_type"] for row in of("communication_log"))
    assert about["Recall"] >= 20
    assert about["Appointment reminder"] >= 10


def test_answers_to_the_intake_fields_are_in_their_normal_form() -> None:
    """What the API would keep is what the generator says, for all six types; children alone have a school."""
    definitions = {str(d["name"]): d for d in around().field_definitions}
    assert {d["field_type"] for d in definitions.values()} == set(field_values.TYPES)
    asked = Counter[str]()
    for row in of("field_value", 10_000):
        fields: Any = row.body["fields"]
        answers = {entry["field_definition"]: entry["value"] for entry in fields}
        assert all(field_values.normalised(definitions[name], value) == value for name, value in answers.items())
        assert CARD in answers
        years = years_old(persons(10_000)[row.patient], TODAY)
        assert years is not None
        assert SCHOOL not in answers or 5 <= years < 18
        assert answers.get(LAST_VISIT, "") < TODAY.isoformat()
        asked.update(answers.keys())
    assert asked.keys() == definitions.keys()


def test_only_those_who_come_have_visits_and_forms() -> None:
    """The dead, the inactive, the prospective and second charts are left alone."""
    for kind in ("appointment", "communication_log", "field_value"):
        for row in of(kind, 10_000):
            person = persons(10_000)[row.patient]
            assert person.fields["status"] == "active"
            assert person.role is not None
    dead = {place for place, person in enumerate(persons(10_000)) if person.fields["status"] == "deceased"}
    assert not dead & {place for pair in related(10_000) for place in pair}
