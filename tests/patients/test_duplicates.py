"""Who may be the same person: told on request and on create, never in the way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.house import Client, problems
from tests.patients.acts import (
    Json,
    act,
    bulk,
    change,
    feed,
    imported,
    new_mail,
    new_phone,
    new_ssn,
    register,
    unheard_of,
)

SHOWN = {
    "id", "first_name", "last_name", "preferred_name", "date_of_birth", "status", "mobile_phone", "email",
    "chart_number", "match_reasons", "match_details", "first_name_match",
}  # fmt: skip


def check(desk: Client, **known: Any) -> Json:
    answer = desk.post("/patients/check-duplicates", json={"last_name": unheard_of()} | known)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def reasons(desk: Client, patient: Json, **known: Any) -> list[str] | None:
    """Why this patient is among the matches; None when they are not."""
    return next((d["match_reasons"] for d in check(desk, **known)["items"] if d["id"] == patient["id"]), None)


def details(desk: Client, patient: Json, **known: Any) -> list[Json] | None:
    """The ways in which this patient matches; None when they do not."""
    return next((d["match_details"] for d in check(desk, **known)["items"] if d["id"] == patient["id"]), None)


def test_last_name_and_birth_date_match_together(desk: Client) -> None:
    """Whatever case, accents and signs; neither of them alone."""
    name = unheard_of()
    made = register(desk, last_name=f"O'{name}-Nuñez", date_of_birth="1984-02-11")
    for spelled in (f"O'{name}-Nuñez", f"o’{name} nunez".upper(), f"  O{name}NUN\u0303EZ "):
        assert reasons(desk, made, last_name=spelled, date_of_birth="1984-02-11") == ["name_dob"]
    assert reasons(desk, made, last_name=f"O'{name}-Nuñez", date_of_birth="1984-02-12") is None
    assert reasons(desk, made, last_name=f"O'{name}-Nuñez") is None
    assert reasons(desk, made, date_of_birth="1984-02-11") is None
    assert reasons(desk, made, last_name=f"O'{name}"[:-1], date_of_birth="1984-02-11") is None


def test_an_address_matches_in_any_case(desk: Client) -> None:
    """The whole of it."""
    mail = new_mail()
    made = register(desk, email=mail)
    assert reasons(desk, made, email=mail.upper()) == ["email"]
    assert reasons(desk, made, email=f" {mail} ") == ["email"]
    assert reasons(desk, made, email=f"x{mail}") is None


@pytest.mark.parametrize("kept_in", ["mobile_phone", "home_phone", "work_phone"])
def test_a_telephone_matches_in_any_form_and_field(desk: Client, kept_in: str) -> None:
    """With and without country code and signs; the answer says which field holds it."""
    phone = new_phone()
    made = register(desk, **{kept_in: phone})
    for typed in (f"+1{phone}", f"1-{phone[:3]}-{phone[3:6]}-{phone[6:]}", f"({phone[:3]}) {phone[3:6]} {phone[6:]}"):
        assert reasons(desk, made, mobile_phone=typed) == ["mobile_phone"]
        assert details(desk, made, mobile_phone=typed) == [{"reason": "mobile_phone", "matched": kept_in}]
    assert reasons(desk, made, mobile_phone=phone[3:]) is None
    for others, sent_in in enumerate(("mobile_phone", "home_phone", "work_phone"), 1):
        told = register(desk, **{sent_in: phone})["potential_duplicates"]
        assert (len(told), made["id"] in [d["id"] for d in told]) == (others, True)


@pytest.mark.parametrize(
    "typed",
    ["{} x2", "{} ext. 12", "{} (wife)", "wife {}", "{} or 212-200-0000", "212-200-0000 / {}", "cell: {}", "+1 {}"],
)
def test_words_and_numbers_beside_a_telephone_do_not_hide_it(desk: Client, typed: str) -> None:
    """Neither in the question, nor in a row of an import, nor in a record."""
    phone = new_phone()
    dashed = f"{phone[:3]}-{phone[3:6]}-{phone[6:]}"
    made = register(desk, home_phone=phone)
    assert reasons(desk, made, mobile_phone=typed.format(dashed)) == ["mobile_phone"]
    told = register(desk, work_phone=typed.format(dashed))["potential_duplicates"]
    assert made["id"] in [d["id"] for d in told]
    row = {"first_name": made["first_name"], "last_name": made["last_name"], "mobile_phone": typed.format(dashed)}
    [result] = bulk(desk, [row], mode="validate", on_duplicate="skip", match_on=["mobile_phone"])["results"]
    assert made["id"] in result["duplicate_of"]
    kept = register(desk, home_phone=typed.format(dashed))
    assert reasons(desk, kept, mobile_phone=phone) == ["mobile_phone"]
    assert details(desk, kept, mobile_phone=phone) == [{"reason": "mobile_phone", "matched": "home_phone"}]


@pytest.mark.parametrize(
    ("first", "last", "matched"),
    [
        ("Ana", "{name}", "last_name"),
        ("Ana", "{name} Jr.", "suffix"),
        ("Ana", "{name}, III", "suffix"),
        ("Ana", "{name}-Holm", "part_of_last_name"),
        ("Ana", "Holm {name}", "part_of_last_name"),
        ("{name}", "Ana", "exchanged_names"),
    ],
)
def test_names_match_by_suffix_half_and_exchange(desk: Client, first: str, last: str, matched: str) -> None:
    """On the same birth date, whichever of the two has the longer name; each says in which way."""
    name, born = unheard_of(), "1984-02-11"
    made = register(desk, first_name=first.format(name=name), last_name=last.format(name=name), date_of_birth=born)
    told = [{"reason": "name_dob", "matched": matched}]
    assert details(desk, made, last_name=name, date_of_birth=born) == told
    assert details(desk, made, last_name=name, date_of_birth="1984-02-12") is None
    double = register(desk, first_name="Ana", last_name=name, date_of_birth=born)
    assert [d["match_details"] for d in double["potential_duplicates"]] == [told]
    plain = register(desk, last_name=(other := unheard_of()), first_name="Ana", date_of_birth=born)
    if matched != "exchanged_names":
        longer = last.format(name=other)
        assert details(desk, plain, last_name=longer, date_of_birth=born) == told


def test_a_social_security_number_matches_in_either_form(desk: Client) -> None:
    """Without being shown."""
    ssn = new_ssn()
    made = register(desk, social_security_number=ssn)
    dashed = f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}"
    shown = {k: made[k] for k in SHOWN - {"match_reasons", "match_details", "first_name_match"}}
    shown |= {
        "match_reasons": ["ssn"],
        "match_details": [{"reason": "ssn", "matched": "ssn"}],
        "first_name_match": None,
    }
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


@pytest.mark.parametrize(
    ("kept", "asked", "match"),
    [
        ({"first_name": "Robert"}, "Robert", "same"),
        ({"first_name": "José"}, "JOSE", "same"),
        ({"first_name": "Robert", "preferred_name": "Skip"}, "Skip", "same"),
        ({"first_name": "Robert"}, "Bob", "nickname"),
        ({"first_name": "Bob"}, "Robert", "nickname"),
        ({"first_name": "Margaret"}, "Peggy", "nickname"),
        ({"first_name": "Elizabeth Ann"}, "Liz", "different"),
        ({"first_name": "Maria", "preferred_name": "Elizabeth"}, "Liz", "nickname"),
        ({"first_name": "Robert"}, "R", "unclear"),
        ({"first_name": "Mary Ann"}, "Mary", "unclear"),
        ({"first_name": "Baby Girl"}, "Mary", "unclear"),
        ({"first_name": "Robert"}, "Olga", "different"),
        ({"first_name": "राम"}, "रोमी", "different"),
        ({"first_name": "Robert"}, None, None),
    ],
)
def test_a_match_says_how_close_the_first_names_are(
    desk: Client, kept: Json, asked: str | None, match: str | None
) -> None:
    """The first name neither finds a patient nor hides one; a nickname is told from another name."""
    mail = new_mail()
    made = register(desk, **kept, email=mail)
    answer = check(desk, last_name=f"{unheard_of()}, {asked}" if asked else unheard_of(), email=mail)
    assert [(d["id"], d["first_name_match"]) for d in answer["items"]] == [(made["id"], match)]
    if asked:
        assert check(desk, last_name=f"{made['last_name']}, {asked}")["total"] == 0


def test_of_equal_matches_the_closest_first_name_comes_first(desk: Client) -> None:
    """A family of one address: the name itself, a nickname, an initial, then the others."""
    known: Json = {"last_name": unheard_of(), "date_of_birth": "1984-02-11", "email": new_mail()}
    for first in ("Olga", "R", "Robert", "Bobby"):
        register(desk, **known, first_name=first)
    found = check(desk, **known | {"last_name": f"{known['last_name']}, Robert"})["items"]
    assert [(d["first_name"], d["first_name_match"]) for d in found] == [
        ("Robert", "same"), ("Bobby", "nickname"), ("R", "unclear"), ("Olga", "different"),
    ]  # fmt: skip
    assert [d["first_name"] for d in register(desk, **known, first_name="Bobby")["potential_duplicates"]] == [
        "Bobby", "Robert", "Olga", "R",
    ]  # fmt: skip


@pytest.mark.parametrize(("nickname_is", "asked_is"), [("last_name", "first_name"), ("first_name", "last_name")])
def test_names_are_found_exchanged_when_the_first_is_a_nickname(desk: Client, nickname_is: str, asked_is: str) -> None:
    """Stored either way round, asked for the other way round."""
    name, born = unheard_of(), "1984-02-11"
    made = register(desk, date_of_birth=born, **{asked_is: name, nickname_is: "Bob"})

    def found(first: str) -> list[Json] | None:
        asked = {nickname_is: name, asked_is: first}
        return details(desk, made, date_of_birth=born, last_name="{last_name}, {first_name}".format(**asked))

    assert found("Robert") == [{"reason": "name_dob", "matched": "exchanged_names"}]
    assert found("Olga") is None


@pytest.mark.parametrize(
    ("typed", "matched", "first"),
    [
        ("{}, Bob", "last_name", "nickname"),
        ("{},Robert", "last_name", "same"),
        ("{} ,  Robert ", "last_name", "same"),
        ("{}, Jr., Bob", "suffix", "nickname"),
        ("{}, Bob, Jr.", "suffix", "nickname"),
        ("{}, Jr.", "suffix", None),
        ("{},", "last_name", None),
        (",{}", "last_name", None),
    ],
)
def test_a_last_name_may_be_followed_by_the_first(desk: Client, typed: str, matched: str, first: str | None) -> None:
    """A suffix behind the comma is not a first name."""
    name, born = unheard_of(), "1984-02-11"
    register(desk, first_name="Robert", last_name=name, date_of_birth=born)
    [found] = check(desk, last_name=typed.format(name), date_of_birth=born)["items"]
    assert (found["match_details"], found["first_name_match"]) == ([{"reason": "name_dob", "matched": matched}], first)


def test_fifty_are_shown_and_the_best_is_among_them(desk: Client) -> None:
    """Of seventy of one name and birth date, the one who also shares the address comes first, with both reasons."""
    mail, known = new_mail(), {"last_name": unheard_of(), "date_of_birth": "1984-02-11"}
    ids = imported(desk, [known | {"first_name": f"A{i}"} for i in range(70)])
    best = desk.read(f"/patients/{max(ids)}")
    change(desk, best, email=mail)
    items = check(desk, **known, email=mail)["items"]
    assert len(items) == 50
    assert (items[0]["id"], items[0]["match_reasons"]) == (best["id"], ["name_dob", "email"])
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
    expected = check(desk, **known | {"last_name": f"{known['last_name']}, {first['first_name']}"})["items"]
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
