"""An import never makes two people one, whatever they share."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.house import Client
from tests.patients.acts import Json, bulk, imported, new_mail, new_phone, new_ssn, register, unheard_of
from tests.patients.test_bulk import codes, statuses

MODES = ("create", "skip", "update", "fail")
SHARED: dict[str, list[str]] = {
    "email": ["email"],
    "mobile_phone": ["mobile_phone"],
    "both": ["email", "mobile_phone"],
    "names too": ["name_dob", "email", "mobile_phone"],
}
FIELD = {
    "ssn": "social_security_number",
    "chart_number": "chart_number",
    "email": "email",
    "mobile_phone": "mobile_phone",
}


def household() -> Json:
    return {"last_name": unheard_of(), "email": new_mail(), "mobile_phone": new_phone()}


def own_values() -> Json:
    return {
        "social_security_number": new_ssn(),
        "chart_number": unheard_of(),
        "email": new_mail(),
        "mobile_phone": new_phone(),
    }


@pytest.mark.parametrize(("signal", "mode"), [*product(FIELD, MODES)])
def test_a_child_does_not_become_the_mother(desk: Client, signal: str, mode: str) -> None:
    """By any signal and in every mode: the row fails, names her, and her record stays as it is."""
    values = own_values()
    olga = register(desk, first_name="Olga", date_of_birth="1980-02-02", medical_urgent_note="Latex", **values)
    kid = {"first_name": "Kid", "last_name": olga["last_name"], "date_of_birth": "2015-05-05"}
    answer = bulk(desk, [kid | {FIELD[signal]: values[FIELD[signal]]}], on_duplicate=mode, match_on=[signal])
    assert statuses(answer) == ["failed"]
    [result] = answer["results"]
    assert codes(result) == {("body", "rows", 0): "ambiguous_match"}
    assert result["duplicate_of"] == [olga["id"]]
    assert desk.read(f"/patients/{olga['id']}") == olga | {"potential_duplicates": None}


@pytest.mark.parametrize(("match_on", "mode"), [*product(SHARED, MODES)])
def test_twins_stay_two_people(desk: Client, match_on: str, mode: str) -> None:
    """One twin there, both in one call, and the twin who is there sent again beside the other."""
    same = household() | {"date_of_birth": "2015-05-05"}
    mia = register(desk, first_name="Mia", **same)
    rows = [same | {"first_name": name} for name in ("Lea", "Eva")]
    answer = bulk(desk, rows, on_duplicate=mode, match_on=SHARED[match_on])
    assert statuses(answer) == ["created", "created"]
    assert desk.read(f"/patients/{mia['id']}") == mia | {"potential_duplicates": None}
    found = desk.read("/patients", search=same["last_name"])["items"]
    assert sorted(p["first_name"] for p in found) == ["Eva", "Lea", "Mia"]


@pytest.mark.parametrize("match_on", SHARED)
def test_a_family_sent_again_finds_each_of_its_own(desk: Client, match_on: str) -> None:
    """The patient with this first name and birth date is found, although others of the family share the signal."""
    family = household()
    members = [("Olga", "1980-02-02"), ("Mia", "2015-05-05"), ("Lea", "2015-05-05"), ("Tim", "2018-01-09")]
    rows = [family | {"first_name": first, "date_of_birth": born} for first, born in members]
    ids = imported(desk, rows)
    for mode, status in (("skip", "skipped"), ("update", "unchanged"), ("fail", "failed")):
        answer = bulk(desk, rows, on_duplicate=mode, match_on=SHARED[match_on])
        assert statuses(answer) == [status] * 4
        assert [r["duplicate_of"] for r in answer["results"]] == [[own] for own in ids]
    changed = bulk(desk, [r | {"city": "Boston"} for r in rows], on_duplicate="update", match_on=SHARED[match_on])
    assert [r["patient_id"] for r in changed["results"]] == ids
    assert statuses(changed) == ["updated"] * 4


def test_a_family_in_one_call_is_not_one_person(desk: Client) -> None:
    """Matched by what they share, the second of another name and birth date fails and says why; twins are made."""
    family = household()
    rows = [
        family | {"first_name": "Olga", "date_of_birth": "1980-02-02"},
        family | {"first_name": "Mia", "date_of_birth": "2015-05-05"},
        family | {"first_name": "Nina", "date_of_birth": "1980-02-02"},
    ]
    answer = bulk(desk, rows, on_duplicate="update", match_on=["email"])
    assert statuses(answer) == ["created", "failed", "created"]
    assert answer["results"][1]["duplicate_of"] == [answer["results"][0]["patient_id"]]
    by_name = bulk(desk, rows, on_duplicate="update", match_on=["name_dob"])
    assert statuses(by_name) == ["unchanged", "created", "unchanged"]


@pytest.mark.parametrize(("mode", "status"), [("create", "created"), ("skip", "failed"), ("update", "failed")])
def test_where_the_birth_date_is_unknown_somebody_has_to_look(desk: Client, mode: str, status: str) -> None:
    """Another first name over a shared address is nobody certain; a new patient harms nobody."""
    mail = new_mail()
    olga = register(desk, first_name="Olga", email=mail)
    row = {"first_name": "Kid", "last_name": "Marin", "date_of_birth": "2015-05-05", "email": mail}
    answer = bulk(desk, [row], on_duplicate=mode, match_on=["email"])
    assert statuses(answer) == [status]
    assert answer["results"][0]["duplicate_of"] == [olga["id"]]
    assert desk.read(f"/patients/{olga['id']}")["first_name"] == "Olga"


def test_somebody_elses_number_is_not_put_right_by_another_match(desk: Client) -> None:
    """The address is the patient's own, the chart number is of another person: neither is changed."""
    number, mail = unheard_of(), new_mail()
    other = register(desk, first_name="Olga", date_of_birth="1980-02-02", chart_number=number)
    own = register(desk, first_name="Kid", last_name="Marin", date_of_birth="2015-05-05", email=mail)
    row = {"first_name": "Kid", "last_name": "Marin", "date_of_birth": "2015-05-05", "email": mail}
    answer = bulk(desk, [row | {"chart_number": number}], on_duplicate="update", match_on=["email", "chart_number"])
    assert statuses(answer) == ["failed"]
    assert answer["results"][0]["duplicate_of"] == [other["id"]]
    assert [desk.read(f"/patients/{p['id']}")["version"] for p in (own, other)] == [1, 1]


PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "ssn": ("000-00-0000", "666-12-3456", "123-00-6789", "123-45-0000", "999-99-9999", "123-45-6789", "078-05-1120"),
    "mobile_phone": ("555-555-5555", "(000) 000-0000", "999 999 9999", "123-456-7890"),
    "email": ("noemail@example.com", "none@example.com", "na@example.com", "test@example.com"),
}


@pytest.mark.parametrize("signal", PLACEHOLDERS)
def test_placeholders_are_kept_and_match_nobody(desk: Client, signal: str) -> None:
    """In an import, by rows and patients, in check-duplicates, and on create."""
    for value in PLACEHOLDERS[signal]:
        rows = [{"first_name": "Ana", "last_name": unheard_of(), FIELD[signal]: value} for _ in range(2)]
        answer = bulk(desk, rows, on_duplicate="skip", match_on=[signal])
        assert statuses(answer) == ["created", "created"], value
        made = register(desk, **{FIELD[signal]: value})
        assert made["potential_duplicates"] == []
        kept = f"***-**-{value[-4:]}" if signal == "ssn" else value
        assert made[FIELD[signal]] == kept
        asked = {"last_name": unheard_of(), FIELD[signal]: value}
        assert desk.post("/patients/check-duplicates", json=asked).json() == {"items": [], "total": 0}


@pytest.mark.parametrize("signal", ["email", "mobile_phone"])
def test_what_more_than_twenty_share_says_nothing(desk: Client, signal: str) -> None:
    """Twenty patients with one address are found, one more and none is, in imports as well."""
    value = new_mail() if signal == "email" else new_phone()

    def row(number: int) -> Json:
        return {"first_name": f"Ana{number}", "last_name": unheard_of(), "date_of_birth": "1984-02-11", signal: value}

    rows = [row(n) for n in range(21)]
    imported(desk, rows[:20])
    asked = {"last_name": unheard_of(), signal: value}
    assert desk.post("/patients/check-duplicates", json=asked).json()["total"] == 20
    assert statuses(bulk(desk, rows[:20], on_duplicate="skip", match_on=[signal])) == ["skipped"] * 20
    others = [r | {"first_name": "Eva", "date_of_birth": "1990-01-01"} for r in rows[:2]]
    assert statuses(bulk(desk, others, mode="validate", match_on=[signal])) == ["validated"] * 2
    assert statuses(bulk(desk, others[:1], mode="validate", match_on=[signal])) == ["validated"]
    made = register(desk, **rows[20])
    assert len(made["potential_duplicates"]) == 20
    assert desk.post("/patients/check-duplicates", json=asked).json()["total"] == 0
    assert register(desk, **row(21))["potential_duplicates"] == []


def test_rows_of_one_call_count_towards_what_is_common(desk: Client) -> None:
    """The telephone of the practice on every row makes nobody fail or vanish."""
    phone = new_phone()
    rows = [
        {
            "first_name": f"Ana{n}",
            "last_name": unheard_of(),
            "date_of_birth": f"19{50 + n}-02-11",
            "mobile_phone": phone,
        }
        for n in range(30)
    ]
    assert statuses(bulk(desk, rows, on_duplicate="skip", match_on=["mobile_phone"])) == ["created"] * 30


@pytest.mark.parametrize(
    ("first", "last", "status"),
    [
        ("{first}", "{last} Jr.", "skipped"),
        ("{last}", "{first}", "skipped"),
        ("{first}", "{last}-Holm", "created"),
        ("Eva", "{last}", "created"),
        ("E.", "{last}", "created"),
    ],
)
def test_an_import_by_name_takes_what_is_certain(desk: Client, first: str, last: str, status: str) -> None:
    """A suffix and exchanged names are one person on the same day; half a surname is for people to judge."""
    made = register(desk, first_name="Ana" + unheard_of(), last_name=unheard_of(), date_of_birth="1984-02-11")
    names = {"first": made["first_name"], "last": made["last_name"]}
    row = {"first_name": first.format(**names), "last_name": last.format(**names), "date_of_birth": "1984-02-11"}
    assert statuses(bulk(desk, [row], on_duplicate="skip", match_on=["name_dob"])) == [status]


FAMILY = ("Olga", "Mia", "Lea", "Tim")
BIRTHS = (None, "1980-02-02", "2015-05-05", "2018-01-09")
chosen = st.sets(st.sampled_from((*FIELD, "name_dob")), min_size=1)
members = st.lists(st.tuples(st.sampled_from(FAMILY), st.sampled_from(BIRTHS)), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    there=members,
    sent=members,
    mode=st.sampled_from(MODES),
    match_on=chosen,
)
def test_nobody_takes_the_name_of_another(desk: Client, there: Any, sent: Any, mode: str, match_on: set[str]) -> None:
    """No member of a family takes another's first name, whoever is there, whoever is sent, and by every match."""
    family = household()
    ids = imported(desk, [family | {"first_name": f, "date_of_birth": b} for f, b in there])
    rows = [family | {"first_name": f, "date_of_birth": b} for f, b in sent]
    results = bulk(desk, rows, on_duplicate=mode, match_on=sorted(match_on))["results"]
    for own, (first, _) in zip(ids, there, strict=True):
        assert desk.read(f"/patients/{own}")["first_name"] == first
    for (first, _), result in zip(sent, results, strict=True):
        if result["status"] in ("created", "updated", "unchanged"):
            assert desk.read(f"/patients/{result['patient_id']}")["first_name"] == first
        elif result["status"] == "skipped":
            doubles = [desk.read(f"/patients/{own}") for own in result["duplicate_of"]]
            assert all(d["first_name"] == first for d in doubles)
            assert doubles
