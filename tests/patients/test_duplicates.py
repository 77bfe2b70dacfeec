"""Who may be the same person: told on request and on create, never in the way."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.house import Client, problems
from tests.patients.acts import Json, act, change, feed, imported, register, unheard_of

SHOWN = {
    "id", "first_name", "last_name", "preferred_name", "date_of_birth", "status", "mobile_phone", "email",
    "chart_number", "match_reasons",
}  # fmt: skip


def check(desk: Client, **known: Any) -> Json:
    answer = desk.post("/patients/check-duplicates", json={"last_name": unheard_of()} | known)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def reasons(desk: Client, patient: Json, **known: Any) -> list[str] | None:
    """Why this patient is among the matches; None when they are not."""
    return next((d["match_reasons"] for d in check(desk, **known)["items"] if d["id"] == patient["id"]), None)


def new_mail() -> str:
    return f"{uuid4().hex}@example.com"


def new_phone() -> str:
    """Ten digits of the range 555-0100 to 555-0199 behind a made-up area code would soon repeat; any valid one does."""
    return f"212{2_000_000 + uuid4().int % 7_999_999}"


def new_ssn() -> str:
    return f"9{uuid4().int % 10**8:08d}"


def test_last_name_and_birth_date_match_together(desk: Client) -> None:
    """Whatever case, accents and signs; neither of them alone."""
    name = unheard_of()
    made = register(desk, last_name=f"O'{name}-Nuñez", date_of_birth="1984-02-11")
    for spelled in (f"O'{name}-Nuñez", f"o’{name} nunez".upper(), f"  O{name}NUN\u0303EZ "):
        assert reasons(desk, made, last_name=spelled, date_of_birth="1984-02-11") == ["name_dob"]
    assert reasons(desk, made, last_name=f"O'{name}-Nuñez", date_of_birth="1984-02-12") is None
    assert reasons(desk, made, last_name=f"O'{name}-Nuñez") is None
    assert reasons(desk, made, date_of_birth="1984-02-11") is None
    assert reasons(desk, made, last_name=f"O'{name}", date_of_birth="1984-02-11") is None


def test_an_address_matches_in_any_case(desk: Client) -> None:
    """The whole of it."""
    mail = new_mail()
    made = register(desk, email=mail)
    assert reasons(desk, made, email=mail.upper()) == ["email"]
    assert reasons(desk, made, email=f" {mail} ") == ["email"]
    assert reasons(desk, made, email=f"x{mail}") is None


def test_a_mobile_number_matches_in_any_form(desk: Client) -> None:
    """With and without country code and signs; other telephones do not count."""
    phone = new_phone()
    made = register(desk, mobile_phone=phone)
    home = register(desk, home_phone=phone)
    for typed in (f"+1{phone}", f"1-{phone[:3]}-{phone[3:6]}-{phone[6:]}", f"({phone[:3]}) {phone[3:6]} {phone[6:]}"):
        assert reasons(desk, made, mobile_phone=typed) == ["mobile_phone"]
        assert reasons(desk, home, mobile_phone=typed) is None
    assert reasons(desk, made, mobile_phone=phone[3:]) is None


def test_a_social_security_number_matches_in_either_form(desk: Client) -> None:
    """Without being shown."""
    ssn = new_ssn()
    made = register(desk, social_security_number=ssn)
    dashed = f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}"
    shown = {k: made[k] for k in SHOWN - {"match_reasons"}} | {"match_reasons": ["ssn"]}
    for typed in (ssn, dashed):
        answer = check(desk, social_security_number=typed)
        assert answer["items"] == [shown]
        assert ssn not in str(answer)


def test_who_matches_by_most_comes_first(desk: Client) -> None:
    """Four reasons before two before one, each patient once; the total counts them."""
    signals: Json = {"email": new_mail(), "mobile_phone": new_phone(), "social_security_number": new_ssn()}
    name: Json = {"last_name": unheard_of(), "date_of_birth": "1984-02-11"}
    one = register(desk, mobile_phone=signals["mobile_phone"])
    two = register(desk, email=signals["email"], social_security_number=signals["social_security_number"])
    four = register(desk, **signals, **name)
    answer = check(desk, **signals, **name)
    assert [d["id"] for d in answer["items"]] == [four["id"], two["id"], one["id"]]
    assert [d["match_reasons"] for d in answer["items"]] == [
        ["name_dob", "email", "mobile_phone", "ssn"],
        ["email", "ssn"],
        ["mobile_phone"],
    ]
    assert answer["total"] == 3


def test_fifty_are_shown_and_the_best_is_among_them(desk: Client) -> None:
    """Of seventy who share a telephone, the one who also shares the address comes first, with both reasons."""
    phone, mail = new_phone(), new_mail()
    ids = imported(desk, [{"first_name": "A", "last_name": f"L{i}", "mobile_phone": phone} for i in range(70)])
    best = desk.read(f"/patients/{max(ids)}")
    change(desk, best, email=mail)
    items = check(desk, mobile_phone=phone, email=mail)["items"]
    assert len(items) == 50
    assert (items[0]["id"], items[0]["match_reasons"]) == (best["id"], ["email", "mobile_phone"])
    assert len({d["id"] for d in items}) == 50


def test_the_archived_are_left_out(desk: Client) -> None:
    """And come back with their restoring; all other statuses count."""
    mail = new_mail()
    made = register(desk, email=mail, status="deceased")
    assert reasons(desk, made, email=mail) == ["email"]
    act(desk, made, "archive")
    assert check(desk, email=mail) == {"items": [], "total": 0}
    act(desk, made, "restore")
    assert reasons(desk, made, email=mail) == ["email"]


def test_another_org_has_no_duplicates_here(desk: Client, other_desk: Client) -> None:
    """The same address and number in two orgs are two people."""
    known = {"email": new_mail(), "social_security_number": new_ssn()}
    register(other_desk, **known)
    assert check(desk, **known)["total"] == 0


def test_a_new_patient_is_told_of_possible_duplicates_and_made(desk: Client) -> None:
    """201 with those whom check-duplicates would name; elsewhere the field is null."""
    known: Json = {"last_name": unheard_of(), "date_of_birth": "1984-02-11", "email": new_mail()}
    first = register(desk, **known)
    assert first["potential_duplicates"] == []
    expected = check(desk, **known)["items"]
    second = register(desk, **known)
    assert second["potential_duplicates"] == expected
    assert [d["id"] for d in expected] == [first["id"]]
    assert change(desk, second, city="Chicago")["potential_duplicates"] is None
    assert desk.read(f"/patients/{second['id']}")["potential_duplicates"] is None
    assert desk.read("/patients", search=known["email"])["items"][0]["potential_duplicates"] is None


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"last_name"}),
        ({"last_name": " "}, {"last_name"}),
        ({"last_name": None}, {"last_name"}),
        ({"last_name": 1, "email": "x", "mobile_phone": "y"}, {"last_name", "email", "mobile_phone"}),
        (
            {"last_name": "L", "social_security_number": "12", "date_of_birth": "1984-02-30"},
            {"social_security_number", "date_of_birth"},
        ),
        ({"last_name": "L", "first_name": "A"}, {"first_name"}),
    ],
)
def test_a_bad_question_names_all_that_is_wrong(desk: Client, body: Json, places: set[str]) -> None:
    """422; a last name is needed."""
    answer = desk.post("/patients/check-duplicates", json=body)
    assert answer.status_code == 422
    assert {loc[1] for loc in problems(answer)} == places


def test_asking_writes_nothing(desk: Client) -> None:
    """No event, no patient; whoever may read may ask."""
    before = len(feed(desk)), desk.read("/patients")["total"]
    check(desk, email=new_mail())
    assert (len(feed(desk)), desk.read("/patients")["total"]) == before
