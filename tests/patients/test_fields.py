"""What each field of a patient takes and refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.house import Client, problems
from tests.patients.acts import Json, change, register

DEFAULTS: Json = {
    "status": "active",
    "allergy_review_status": "not_reviewed",
    "country": None,
    "receives_sms": False,
    "receives_email": False,
    "premedication_required": False,
    "scheduling_restricted": False,
}
PHONES = [
    "(312) 555-0142",
    "312-555-0142",
    "312.555.0142",
    "3125550142",
    "+1 312 555 0142",
    "1-312-555-0142",
    "555-0142",
    "(312) 555-0142 x17",
    "312 555 0142 ext. 4",
    "+44 20 7946 0958",
    "020 7946 0958",
    "312/555/0142",
    "٣١٢٥٥٥٠١٤٢",
    "３１２－５５５－０１４２",
    "mother: 312-555-0142",
    "312-555-0142 x2 (wife) or (773) 555-0199 ext. 11",
    "312-555-0142/773-555-0199",
    "1-800-FLOWERS",
    "x204",
    "ext. 1204",
    "911",
]
NOT_PHONES = [
    "   ",
    "call me",
    "12",
    "-- --",
    "1" * 21,
    "312 555 0142 " + "." * 100,
    "call after 5 pm",
    "room 204",
    "ask at 12 Main St",
    "ana.1985.0304@example.com",
    "1 " * 46,
]
NOT_MAIL = ["ana", "ana@", "@example.com", "ana@example", "ana lind@example.com", "ana@exa mple.com", "a@b@c.com"]


def refused(desk: Client, **fields: Any) -> dict[tuple[Any, ...], str]:
    answer = desk.post("/patients", json={"first_name": "Ana", "last_name": "Lind"} | fields)
    assert answer.status_code == 422, answer.text
    return problems(answer)


def test_a_patient_with_names_alone_gets_the_defaults(desk: Client) -> None:
    """Status active, allergies not reviewed, no country, no consent to messages, everything else null."""
    made = register(desk)
    assert {k: made[k] for k in DEFAULTS} == DEFAULTS
    kept = {*DEFAULTS, "id", "first_name", "last_name", "responsible_party", "created_at", "updated_at", "version"}
    given = {k: v for k, v in made.items() if k not in kept and v is not None}
    assert given == {"potential_duplicates": []}
    assert made["version"] == 1
    assert desk.read(f"/patients/{made['id']}") == made | {"potential_duplicates": None}


def test_names_are_trimmed(desk: Client) -> None:
    """Blanks of any sort around a name are not part of it, on create and on change."""
    made = register(desk, first_name="  Ana\t", last_name="\u00a0Lind\u2003")
    assert (made["first_name"], made["last_name"]) == ("Ana", "Lind")
    assert change(desk, made, first_name="  Eva ")["first_name"] == "Eva"


@pytest.mark.parametrize("name", ["first_name", "last_name"])
@pytest.mark.parametrize("value", ["", "   ", "\u00a0\u2003", None])
def test_a_name_cannot_be_blank(desk: Client, name: str, value: str | None) -> None:
    """A required name is neither empty, nor blank, nor null, on create and on change."""
    code = "null_not_allowed" if value is None else "too_short"
    assert refused(desk, **{name: value}) == {("body", name): code}
    made = register(desk)
    answer = desk.patch(f"/patients/{made['id']}", json={"base_version": 1, name: value})
    assert (answer.status_code, problems(answer)) == (422, {("body", name): code})


def test_both_missing_names_are_told_at_once(desk: Client) -> None:
    """An empty body names both."""
    answer = desk.post("/patients", json={})
    assert problems(answer) == {("body", "first_name"): "missing", ("body", "last_name"): "missing"}


@pytest.mark.parametrize("mail", ["ana@example.com", "Ana.Lind+dental@Example.COM", "ana@bücher.example", "  a@b.co "])
def test_an_address_of_the_usual_forms_is_taken(desk: Client, mail: str) -> None:
    """What is before the at sign stays as it was typed."""
    shown = register(desk, email=mail)["email"]
    assert shown.partition("@")[0] == mail.strip().partition("@")[0]
    assert shown.casefold() == mail.strip().casefold()


@pytest.mark.parametrize("mail", NOT_MAIL)
def test_what_is_no_address_is_refused(desk: Client, mail: str) -> None:
    """A broken e-mail address is 422 at its field."""
    assert refused(desk, email=mail) == {("body", "email"): "invalid_email"}


@pytest.mark.parametrize("phone", PHONES)
def test_a_telephone_number_is_kept_as_it_was_typed(desk: Client, phone: str) -> None:
    """In every telephone field, whatever its form."""
    fields = ("mobile_phone", "home_phone", "work_phone", "emergency_contact_phone")
    made = register(desk, **dict.fromkeys(fields, phone))
    assert {made[f] for f in fields} == {phone}


@pytest.mark.parametrize("phone", NOT_PHONES)
def test_what_nobody_can_dial_is_refused(desk: Client, phone: str) -> None:
    """No digits, too few, too many, or an overlong text."""
    found = refused(desk, mobile_phone=phone, emergency_contact_phone=phone)
    assert set(found) == {("body", "mobile_phone"), ("body", "emergency_contact_phone")}
    assert set(found.values()) <= {"invalid_phone", "too_long"}


@pytest.mark.parametrize(
    ("born", "code"),
    [
        ("1899-12-31", "out_of_range"),
        ("0001-01-01", "out_of_range"),
        ("2023-02-29", "invalid_date"),
        ("2023-13-01", "invalid_date"),
        ("2023-00-10", "invalid_date"),
        ("1984-2-11", "invalid_date"),
        ("02/11/1984", "invalid_date"),
        ("1984-02-11T00:00:00Z", "invalid_date"),
        ("19840211", "invalid_date"),
        ("1984-W06-6", "invalid_date"),
        ("", "invalid_date"),
        ("١٩٨٤-٠٢-١١", "invalid_date"),
        ("10000-01-01", "invalid_date"),
    ],
)
def test_an_impossible_birth_date_is_refused(desk: Client, born: str, code: str) -> None:
    """Days that do not exist, other forms, and days before 1900."""
    assert refused(desk, date_of_birth=born) == {("body", "date_of_birth"): code}


def test_nobody_is_born_in_the_future(desk: Client) -> None:
    """The day after tomorrow is refused everywhere on earth; today and 1900-01-01 are taken."""
    today = datetime.now(UTC).date()
    assert refused(desk, date_of_birth=str(today + timedelta(days=2))) == {("body", "date_of_birth"): "out_of_range"}
    for born in (str(today), "1900-01-01", "2024-02-29"):
        assert register(desk, date_of_birth=born)["date_of_birth"] == born


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [("ask_to_arrive_early_mins", 0, 120), ("billing_cycle_day", 1, 31), ("consent_flags", 0, 2**31 - 1)],
)
def test_a_number_stays_within_its_bounds(desk: Client, field: str, least: int, most: int) -> None:
    """Both bounds are taken, one beyond each is refused, and so are fractions and numbers as text."""
    for good in (least, most):
        assert register(desk, **{field: good})[field] == good
    for bad in (least - 1, most + 1, 10**30, -(10**30)):
        assert refused(desk, **{field: bad}) == {("body", field): "out_of_range"}
    for wrong in (least + 0.5, str(least), True, [least]):
        assert refused(desk, **{field: wrong}) == {("body", field): "wrong_type"}


def test_consent_flags_are_a_bitmask(desk: Client) -> None:
    """Every combination of bits comes back as it went in."""
    for bits in (0b1, 0b1010, 0b1 << 30):
        assert register(desk, consent_flags=bits)["consent_flags"] == bits


@pytest.mark.parametrize("status", ["active", "prospective", "inactive", "deceased"])
def test_a_patient_may_begin_in_any_status_but_archived(desk: Client, status: str) -> None:
    """Imports of old records need them all."""
    assert register(desk, status=status)["status"] == status


def test_a_patient_does_not_begin_archived(desk: Client) -> None:
    """Archiving is an act of its own."""
    assert set(refused(desk, status="archived")) == {("body", "status")}


@pytest.mark.parametrize(
    "field", ["status", "id", "version", "deleted_at", "created_at", "balance_total", "balance_0_30", "billing_account"]
)
def test_what_has_its_own_way_cannot_be_patched(desk: Client, field: str) -> None:
    """Status goes by transitions, balances by the billing system, the rest by the server."""
    made = register(desk)
    answer = desk.patch(f"/patients/{made['id']}", json={"base_version": 1, field: made.get(field)})
    assert (answer.status_code, problems(answer)) == (422, {("body", field): "unknown_field"})
    assert desk.read(f"/patients/{made['id']}")["version"] == 1


def test_absent_fields_stay_and_null_clears(desk: Client) -> None:
    """A PATCH touches what it names; null leaves a field that always has a value."""
    made = register(desk, email="a@example.com", city="Chicago", date_of_birth="1984-02-11", receives_sms=True)
    now = change(desk, made, email=None, date_of_birth=None)
    assert (now["email"], now["date_of_birth"], now["city"], now["version"]) == (None, None, "Chicago", 2)
    same = change(desk, now, receives_sms=None)
    assert (same["receives_sms"], same["version"]) == (True, 2)


def test_every_reference_shows_id_and_name(other_desk: Client) -> None:
    """Provider, location, fee schedule, billing type and employer, by their names of now."""
    paths = {
        "primary_provider": "providers",
        "secondary_provider": "providers",
        "location": "locations",
        "fee_schedule": "fee-schedules",
        "billing_type": "billing-types",
        "employer": "employers",
    }
    named = {f: other_desk.made(f"/{p}", {"name": f"The {f}"}) for f, p in paths.items()}
    made = register(other_desk, **{f"{f}_uuid": entry["id"] for f, entry in named.items()})
    shown = {f: {"id": entry["id"], "name": entry["name"]} for f, entry in named.items()}
    assert {f: made[f] for f in paths} == shown
    assert {f: other_desk.read(f"/patients/{made['id']}")[f] for f in paths} == shown


def test_a_reference_to_nothing_is_not_found_at_its_field(desk: Client) -> None:
    """All of them at once, each by its own name."""
    nobody = "01890000-0000-7000-8000-000000000000"
    fields = ["primary_provider", "secondary_provider", "location", "fee_schedule", "billing_type", "employer"]
    keys = [f"{f}_uuid" for f in fields]
    answer = desk.post("/patients", json={"first_name": "A", "last_name": "B"} | dict.fromkeys(keys, nobody))
    assert answer.status_code == 404
    assert problems(answer) == {("body", k): "not_found" for k in keys}
