"""Nothing that is wrong with a new patient goes through, fails loudly inside, or is told only in part."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.house import Client
from tests.patients.acts import Json, feed

NAMES = ["first_name", "last_name", "middle_name", "preferred_name"]
TEXTS = {
    "address_line1", "address_line2", "address_note", "appointment_module_note", "chart_number", "city", "country",
    "emergency_contact_name", "medicaid_id", "medical_summary", "medical_urgent_note", "postal_code",
    "preferred_language", "salutation", "state", "title", "treatment_notes", *NAMES,
}  # fmt: skip
FORMED = {
    "email": "nobody",
    "emergency_contact_phone": "none",
    "home_phone": "none",
    "mobile_phone": "none",
    "work_phone": "none",
    "social_security_number": "12-345-6789",
    "date_first_visit": "2023-02-29",
    "date_of_birth": "2023-02-29",
    "date_time_deceased": "2023-02-29T10:00:00Z",
    "billing_type_uuid": "12",
    "employer_uuid": "12",
    "fee_schedule_uuid": "12",
    "location_uuid": "12",
    "primary_provider_uuid": "12",
    "responsible_party_uuid": "12",
    "secondary_provider_uuid": "12",
}
CHOICES = [
    "allergy_review_status", "gender", "marital_status", "preferred_confirmation_method", "preferred_contact_method",
    "pronoun", "status",
]  # fmt: skip
NUMBERS = ["ask_to_arrive_early_mins", "billing_cycle_day", "consent_flags"]
FLAGS = ["premedication_required", "receives_email", "receives_sms"]
STRINGS = [*sorted(TEXTS), *FORMED, *CHOICES]
EVERY = [*STRINGS, *NUMBERS, *FLAGS, "billing_account"]
WRONG_TYPES: list[object] = [{"a": 1}, [], [None], 1.5]


def sent(desk: Client, body: Json) -> Any:
    """The answer to a body that may hold half surrogate pairs, which strict encoders refuse to send."""
    raw = json.dumps(body).encode()
    return desk.post("/patients", content=raw, headers={"content-type": "application/json"})


def places(answer: Any) -> set[str]:
    return {p["loc"][1] for p in answer.json()["detail"] if p["loc"][0] == "body"}


def wrong_type(_field: str, number: int) -> object:
    return WRONG_TYPES[number % len(WRONG_TYPES)]


def too_long(_field: str, _number: int) -> object:
    return "x" * 5000


def with_nul(_field: str, _number: int) -> object:
    return "Ana\x00Lind"


def half_a_pair(_field: str, _number: int) -> object:
    return "Ana\ud83d"


def impossible(field: str, _number: int) -> object:
    if field in FORMED:
        return FORMED[field]
    if field in NAMES or field == "chart_number":
        return " "
    if field in NUMBERS:
        return -1
    if field in FLAGS:
        return "yes"
    return {"mode": "share"} if field == "billing_account" else "no such word"


CASES: list[tuple[str, Callable[[str, int], object], list[str]]] = [
    ("wrong type", wrong_type, EVERY),
    ("over-long", too_long, STRINGS),
    ("NUL", with_nul, STRINGS),
    ("half a surrogate pair", half_a_pair, STRINGS),
    ("impossible", impossible, [*NAMES, "chart_number", *FORMED, *CHOICES, *NUMBERS, *FLAGS, "billing_account"]),
]


def test_the_tables_here_hold_every_field_of_a_new_patient(desk: Client) -> None:
    """A field that is added to patients must be tried here too."""
    schema = desk.get(f"{desk.base_url.copy_with(path='/openapi.json')}").json()["components"]["schemas"]
    assert sorted(schema["CreatePatientIn"]["properties"]) == sorted(EVERY)


@pytest.mark.parametrize(("how", "spoilt", "fields"), CASES, ids=[c[0] for c in CASES])
def test_each_spoilt_field_is_named_and_nothing_is_written(
    desk: Client, how: str, spoilt: Callable[[str, int], object], fields: list[str]
) -> None:
    """One field at a time: 422 at that field and no other, no patient, no event."""
    before = desk.read("/patients")["total"], len(feed(desk))
    for number, field in enumerate(fields):
        answer = sent(desk, {"first_name": "Ana", "last_name": "Lind", field: spoilt(field, number)})
        assert (answer.status_code, places(answer)) == (422, {field}), (field, how, answer.text)
    assert (desk.read("/patients")["total"], len(feed(desk))) == before


@pytest.mark.parametrize(("how", "spoilt", "fields"), CASES, ids=[c[0] for c in CASES])
def test_all_spoilt_fields_are_named_at_once(
    desk: Client, how: str, spoilt: Callable[[str, int], object], fields: list[str]
) -> None:
    """Never only the first; with an unknown field beside them."""
    before = desk.read("/patients")["total"], len(feed(desk))
    body = {"first_name": "Ana", "last_name": "Lind"} | {f: spoilt(f, n) for n, f in enumerate(fields)}
    answer = sent(desk, body | {"favourite_colour": "blue"})
    assert (answer.status_code, places(answer)) == (422, {*fields, "favourite_colour"})
    assert (desk.read("/patients")["total"], len(feed(desk))) == before


def test_each_spoilt_field_of_a_patch_is_named_and_nothing_is_written(desk: Client) -> None:
    """The same fields are as strict on change as on create."""
    made = desk.made("/patients", {"first_name": "Ana", "last_name": "Lind"})
    fields = [f for f in EVERY if f not in ("status", "billing_account")]
    for spoilt in (wrong_type, with_nul):
        body = {f: spoilt(f, n) for n, f in enumerate(fields) if spoilt is wrong_type or f in STRINGS}
        answer = desk.patch(f"/patients/{made['id']}", json={"base_version": 1} | body)
        assert (answer.status_code, places(answer)) == (422, set(body))
    assert desk.read(f"/patients/{made['id']}") == made | {"potential_duplicates": None}


def test_a_text_of_full_length_is_taken(desk: Client) -> None:
    """A bound counts characters as people see them in a form, not bytes."""
    limits = {
        f: s["maxLength"]
        for f, s in desk.get(f"{desk.base_url.copy_with(path='/openapi.json')}")
        .json()["components"]["schemas"]["CreatePatientIn"]["properties"]
        .items()
        if f in TEXTS
        for s in [next(x for x in s.get("anyOf", [s]) if x.get("type") != "null")]
    }
    assert set(limits) == TEXTS
    body = {f: "é" * most for f, most in limits.items()}
    made = desk.made("/patients", body)
    assert {f: made[f] for f in body} == body
    for field, most in limits.items():
        answer = desk.post("/patients", json={"first_name": "A", "last_name": "B", field: "é" * (most + 1)})
        assert (answer.status_code, places(answer)) == (422, {field})


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[1]", b'"Ana"', b"null", b"{}{}", b'{"first_name": NaN}', b"\xff\xfe", b"[" * 100_000],
)
def test_what_is_no_json_object_is_refused(desk: Client, raw: bytes) -> None:
    """Cut short, of another shape, not UTF-8, or nested a hundred thousand deep: 422, never 500."""
    answer = desk.post("/patients", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text


def test_a_body_of_more_than_a_mebibyte_is_too_large(desk: Client) -> None:
    """413, not 422."""
    assert sent(desk, {"first_name": "Ana", "last_name": "x" * (1 << 20)}).status_code == 413


def test_a_field_of_unknown_patients_is_not_repeated_back_whole(desk: Client) -> None:
    """What is sent as an unknown key may be a name or a number: a refusal shows a short form of it."""
    answer = sent(desk, {"first_name": "Ana", "last_name": "Lind", "k" * 10_000: 1})
    assert answer.status_code == 422
    assert len(answer.text) < 1000
