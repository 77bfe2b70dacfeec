"""The values of custom fields: what each type takes, how they are set and cleared, and the form."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from chairside.records.people.custom_fields import read_form
from tests.counting import statements_of
from tests.database import connected
from tests.house import Client, House, Org
from tests.patients.acts import Json, act, at_once, events_of, register
from tests.people.deeds import NOBODY, define, fill, form, held, insist, put, refusal

# Of each type: what is understood and how it is kept, then what is refused and by which code.
GOOD: dict[str, dict[str, str]] = {
    "text": {
        "hello": "hello",
        "  two  words ": "two  words",
        "línea\nzwei\tdrei": "línea\nzwei\tdrei",
        "🦷 ١٢٣": "🦷 ١٢٣",
        "<b>'; DROP TABLE patients; --": "<b>'; DROP TABLE patients; --",
        "null": "null",
        "x" * 2000: "x" * 2000,
    },
    "number": {
        "0": "0",
        "-0": "0",
        "0.000": "0",
        "007": "7",
        "+5": "5",
        "-12.50": "-12.5",
        " 12 ": "12",
        "100": "100",
        "1,234": "1234",
        "1,234,567.8900": "1234567.89",
        ".5": "0.5",
        "-.25": "-0.25",
        "0.0000000001": "0.0000000001",
        "999999999999999": "999999999999999",
        "999999999999999.9999999999": "999999999999999.9999999999",
    },
    "date": {
        "2026-03-01": "2026-03-01",
        " 2026-03-01 ": "2026-03-01",
        "03/01/2026": "2026-03-01",
        "3/1/2026": "2026-03-01",
        "2024-02-29": "2024-02-29",
        "2/29/2024": "2024-02-29",
    },
    "boolean": {
        "true": "true",
        "False": "false",
        "YES": "true",
        "no": "false",
        "1": "true",
        "0": "false",
        " Yes ": "true",
    },
    "dropdown": {"A": "A", "b": "B", " B ": "B", "straße": "Straße", "STRASSE": "Straße"},
    "currency": {
        "5": "5.00",
        "5.5": "5.50",
        "$.50": "0.50",
        "$1,234.50": "1234.50",
        "1,234": "1234.00",
        "$ 20": "20.00",
        "-$5": "-5.00",
        "-5.25": "-5.25",
        "$-5": "-5.00",
        "+3": "3.00",
        "1.500": "1.50",
        "-0.00": "0.00",
        "0012.30": "12.30",
        "999999999999999.99": "999999999999999.99",
    },
}
BAD: dict[str, dict[str, str]] = {
    "text": {"   \n ": "too_short", "x" * 2001: "too_long"},
    "number": {
        " ": "too_short",
        "abc": "wrong_type",
        "1e5": "wrong_type",
        "1,23": "wrong_type",
        "12,34,567": "wrong_type",
        "0,123": "wrong_type",
        "1,2345": "wrong_type",
        "1234,567": "wrong_type",
        "1.234,5": "wrong_type",
        "1 234": "wrong_type",
        "1_000": "wrong_type",
        "١٢": "wrong_type",
        "１２": "wrong_type",
        "½": "wrong_type",
        "--5": "wrong_type",
        "5-": "wrong_type",
        "- 5": "wrong_type",
        "\N{MINUS SIGN}5": "wrong_type",
        ".": "wrong_type",
        "5.": "wrong_type",
        "1.2.3": "wrong_type",
        "0x1F": "wrong_type",
        "NaN": "wrong_type",
        "Infinity": "wrong_type",
        "$5": "wrong_type",
        "9" * 16: "wrong_type",
        "9" * 2000: "wrong_type",
        "0.00000000001": "wrong_type",
        "9" * 2001: "too_long",
    },
    "date": {
        " ": "too_short",
        "2026-02-30": "invalid_date",
        "2025-02-29": "invalid_date",
        "2026-13-01": "invalid_date",
        "13/01/2026": "invalid_date",
        "01.03.2026": "invalid_date",
        "1-3-2026": "invalid_date",
        "2026/03/01": "invalid_date",
        "20260301": "invalid_date",
        "2026-3-1": "invalid_date",
        "3/1/26": "invalid_date",
        "March 1, 2026": "invalid_date",
        "2026-03-01T00:00:00Z": "invalid_date",
        "2026-W10-1": "invalid_date",
        "٢٠٢٦-٠٣-٠١": "invalid_date",
        "0000-01-01": "invalid_date",
        "today": "invalid_date",
    },
    "boolean": {
        " ": "too_short",
        "y": "wrong_type",
        "on": "wrong_type",
        "2": "wrong_type",
        "1.0": "wrong_type",
        "sí": "wrong_type",
        "vrai": "wrong_type",
        "１": "wrong_type",
        "true false": "wrong_type",
    },
    "dropdown": {"C": "invalid_choice", "AB": "invalid_choice", "A,B": "invalid_choice"},
    "currency": {
        " ": "too_short",
        "5.005": "out_of_range",
        "2.675": "out_of_range",
        "-0.004": "out_of_range",
        "0,123": "wrong_type",
        "0.001": "out_of_range",
        "5,00": "wrong_type",
        "$": "wrong_type",
        "$$5": "wrong_type",
        "5$": "wrong_type",
        "€5": "wrong_type",
        "USD 5": "wrong_type",
        "(5.00)": "wrong_type",
        "-$-5": "wrong_type",
        "1e3": "wrong_type",
        "٥": "wrong_type",
        "1,23": "wrong_type",
        "9" * 16: "wrong_type",
        "NaN": "wrong_type",
    },
}


@pytest.fixture(scope="module")
def fields(own_desk: Client) -> dict[str, str]:
    """A definition of each type, by type."""
    more = {"dropdown": {"dropdown_options": ["A", "B", "Straße"]}}
    return {t: define(own_desk, t, **more.get(t, {}))["id"] for t in GOOD}


@pytest.fixture
def patient(own_desk: Client) -> Json:
    return register(own_desk)


def shown(text: str) -> str:
    return text.encode("unicode_escape").decode()[:24] or "empty"


@pytest.mark.parametrize("field_type", GOOD)
def test_what_people_type_is_kept_in_one_form(
    own_desk: Client, fields: dict[str, str], patient: Json, field_type: str
) -> None:
    """Each good and odd input of the type, as it is answered, listed and shown in the form."""
    definition = fields[field_type]
    for sent, kept in GOOD[field_type].items():
        answer = put(own_desk, patient, {definition: sent})
        assert answer.status_code == 200, (shown(sent), answer.text)
        [saved] = answer.json()
        assert (saved["value"], saved["field_type"]) == (kept, field_type), shown(sent)
        assert held(own_desk, patient)[definition] == saved
        assert form(own_desk, patient)[definition]["value"] == kept


@pytest.mark.parametrize("field_type", GOOD)
def test_a_value_that_was_kept_can_be_sent_again(
    own_desk: Client, fields: dict[str, str], patient: Json, field_type: str
) -> None:
    """The kept form is good input, and sending it again changes nothing."""
    for kept in GOOD[field_type].values():
        [first] = fill(own_desk, patient, {fields[field_type]: kept})
        [again] = fill(own_desk, patient, {fields[field_type]: kept})
        assert first["value"] == kept
        assert again == first


@pytest.mark.parametrize("field_type", BAD)
def test_what_is_no_value_of_its_type_is_refused(
    own_desk: Client, fields: dict[str, str], patient: Json, field_type: str
) -> None:
    """Each bad input of the type: 422 at the value, never a guess, and nothing is kept."""
    for sent, code in BAD[field_type].items():
        answer = put(own_desk, patient, {fields[field_type]: sent})
        assert refusal(answer) == (422, {("body", "fields", 0, "value"): code}), shown(sent)
    assert held(own_desk, patient) == {}


@pytest.mark.parametrize("field_type", GOOD)
def test_empty_text_clears_a_value(own_desk: Client, fields: dict[str, str], patient: Json, field_type: str) -> None:
    """As null does, for a form sends it for a field that was emptied; blanks are no value of any type."""
    kept = next(iter(GOOD[field_type].values()))
    fill(own_desk, patient, {fields[field_type]: kept})
    assert put(own_desk, patient, {fields[field_type]: ""}).status_code == 200
    assert held(own_desk, patient) == {}


def test_a_wrong_choice_names_the_options(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """As for every field with a fixed list of values."""
    answer = put(own_desk, patient, {fields["dropdown"]: "C"})
    assert answer.json()["detail"][0]["msg"] == "must be one of: A, B, Straße"


def test_options_that_differ_in_case_alone_are_never_mixed_up(own_desk: Client, patient: Json) -> None:
    """As it is written each is taken; a third spelling could mean either, and is refused."""
    definition = define(own_desk, "dropdown", dropdown_options=["Left", "LEFT", "Right"])["id"]
    for sent in ("Left", "LEFT", "Right"):
        assert fill(own_desk, patient, {definition: sent})[0]["value"] == sent
    assert fill(own_desk, patient, {definition: "right"})[0]["value"] == "Right"
    answer = put(own_desk, patient, {definition: "left"})
    assert refusal(answer) == (422, {("body", "fields", 0, "value"): "invalid_choice"})


@pytest.mark.parametrize("field_type", GOOD)
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (r'"a\u0000b"', "invalid_text"),
        (r'"\ud800"', "invalid_text"),
        ("5", "wrong_type"),
        ("true", "wrong_type"),
        ('["5"]', "wrong_type"),
        ('{"value": "5"}', "wrong_type"),
    ],
)
def test_a_value_travels_as_text(
    own_desk: Client, fields: dict[str, str], patient: Json, field_type: str, raw: str, code: str
) -> None:
    """Other JSON than text, and text that cannot be stored: 422 at the value, whatever the type."""
    body = f'{{"fields": [{{"field_definition_uuid": "{fields[field_type]}", "value": {raw}}}]}}'
    headers = {"Content-Type": "application/json"}
    answer = own_desk.put(f"/patients/{patient['id']}/field-values", content=body, headers=headers)
    assert refusal(answer) == (422, {("body", "fields", 0, "value"): code})


def test_every_wrong_value_is_named_by_its_place(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """All or nothing: of seven entries five are wrong, each is named, and the good two are not kept."""
    sent = [
        (fields["text"], "good"),
        (fields["number"], "abc"),
        (NOBODY, "x"),
        (fields["currency"], "5.005"),
        (fields["date"], "2026-01-02"),
        (fields["date"], "2026-01-03"),
        (fields["dropdown"], "C"),
    ]
    body = {"fields": [{"field_definition_uuid": d, "value": v} for d, v in sent]}
    answer = own_desk.put(f"/patients/{patient['id']}/field-values", json=body)
    assert refusal(answer) == (
        422,
        {
            ("body", "fields", 1, "value"): "wrong_type",
            ("body", "fields", 2, "field_definition_uuid"): "not_found",
            ("body", "fields", 3, "value"): "out_of_range",
            ("body", "fields", 5, "field_definition_uuid"): "contradiction",
            ("body", "fields", 6, "value"): "invalid_choice",
        },
    )
    assert held(own_desk, patient) == {}
    assert [e["kind"] for e in events_of(own_desk, patient["id"])] == ["patient"]


def test_every_entry_that_is_none_is_named_by_its_place(
    own_desk: Client, fields: dict[str, str], patient: Json
) -> None:
    """What is wrong with the form of entries is told of all of them at once, too."""
    body = {
        "fields": [
            "text",
            {"field_definition_uuid": "x", "value": 5},
            {"field_definition_uuid": fields["text"], "value": "good"},
            {"field_definition_uuid": fields["text"]},
            {"value": None},
            {"field_definition_uuid": fields["text"], "value": "x", "name": "y"},
        ]
    }
    answer = own_desk.put(f"/patients/{patient['id']}/field-values", json=body)
    at = ("body", "fields")
    assert refusal(answer) == (
        422,
        {
            (*at, 0): "wrong_type",
            (*at, 1, "field_definition_uuid"): "invalid_uuid",
            (*at, 1, "value"): "wrong_type",
            (*at, 3, "value"): "missing",
            (*at, 4, "field_definition_uuid"): "missing",
            (*at, 5, "name"): "unknown_field",
        },
    )


@pytest.mark.parametrize(
    ("sent", "code"),
    [([], "too_short"), (None, "null_not_allowed"), ({}, "wrong_type"), ("x", "wrong_type"), ([{}] * 201, "too_long")],
)
def test_a_list_of_no_use_is_refused(own_desk: Client, patient: Json, sent: Any, code: str) -> None:
    """422 at the list itself."""
    answer = own_desk.put(f"/patients/{patient['id']}/field-values", json={"fields": sent})
    assert refusal(answer) == (422, {("body", "fields"): code})


def test_an_unknown_key_of_an_entry_is_named_whatever_its_letters(own_desk: Client, patient: Json) -> None:
    """Half a surrogate pair in a key is a mistake of the caller, not a fault of the server."""
    body = r'{"fields": [{"\ud800": 1}]}'
    headers = {"Content-Type": "application/json"}
    answer = own_desk.put(f"/patients/{patient['id']}/field-values", content=body, headers=headers)
    assert (answer.status_code, "unknown_field" in refusal(answer)[1].values()) == (422, True)


def test_the_same_field_twice_is_refused(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """422 at the second, also when the first is wrong, whatever the case of its letters."""
    for first, again in (("a", "b"), ("a", "a"), (None, "a"), ("a", None), ("", "a")):
        body = {
            "fields": [
                {"field_definition_uuid": fields["text"], "value": first},
                {"field_definition_uuid": fields["text"].upper(), "value": again},
            ]
        }
        answer = own_desk.put(f"/patients/{patient['id']}/field-values", json=body)
        status, places = refusal(answer)
        assert (status, places.get(("body", "fields", 1, "field_definition_uuid"))) == (422, "contradiction")
    assert held(own_desk, patient) == {}


def test_a_field_of_another_org_is_not_there(own_desk: Client, desk: Client, patient: Json) -> None:
    """404 at its place, told like none at all."""
    other = define(desk, "text", name=f"Other {uuid4().hex}")["id"]
    told = [put(own_desk, patient, {d: "x"}) for d in (other, NOBODY)]
    assert [refusal(a) for a in told] == [(404, {("body", "fields", 0, "field_definition_uuid"): "not_found"})] * 2
    assert told[0].json() == told[1].json()


def test_values_are_answered_in_the_order_sent(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """With patient and definition by name, each with its own version."""
    sent = {fields["date"]: "3/1/2026", fields["text"]: "x", fields["boolean"]: "no"}
    saved = fill(own_desk, patient, sent)
    assert [(s["field_definition"]["id"], s["value"]) for s in saved] == [
        (fields["date"], "2026-03-01"),
        (fields["text"], "x"),
        (fields["boolean"], "false"),
    ]
    assert {s["patient"]["id"] for s in saved} == {patient["id"]}
    assert {s["version"] for s in saved} == {1}
    assert set(saved[0]) == {
        "id", "patient", "field_definition", "field_type", "value", "created_at", "updated_at", "deleted_at", "version",
    }  # fmt: skip
    assert held(own_desk, patient) == {s["field_definition"]["id"]: s for s in saved}


def test_null_clears_and_a_new_value_goes_on_counting(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """Cleared: gone from the list, null in the form. Set again: the same record with its next version."""
    definition = fields["text"]
    [first] = fill(own_desk, patient, {definition: "one"})
    [cleared] = fill(own_desk, patient, {definition: None})
    assert (cleared["id"], cleared["value"], cleared["version"]) == (first["id"], None, 2)
    assert held(own_desk, patient) == {}
    seen = form(own_desk, patient)[definition]
    assert (seen["value"], seen["version"]) == (None, None)
    assert [s["version"] for s in fill(own_desk, patient, {definition: None})] in ([], [2])
    [again] = fill(own_desk, patient, {definition: "two"})
    assert (again["id"], again["value"], again["version"]) == (first["id"], "two", 3)
    assert form(own_desk, patient)[definition]["version"] == 3
    types = [e["type"] for e in events_of(own_desk, patient["id"]) if e["kind"] == "field_value"]
    assert types == ["field_value.created", "field_value.archived", "field_value.updated"]


def test_clearing_what_was_never_set_leaves_nothing(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """No record, no event, no error."""
    assert fill(own_desk, patient, {fields["text"]: None}) == []
    assert held(own_desk, patient) == {}
    assert [e["kind"] for e in events_of(own_desk, patient["id"])] == ["patient"]


def test_a_required_field_cannot_be_cleared(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """422 and all stays; it may stay empty until somebody fills it, and other fields are free."""
    must = define(own_desk, "text", is_required=True)["id"]
    fill(own_desk, patient, {fields["number"]: "1"})
    fill(own_desk, patient, {must: "needed"})
    answer = put(own_desk, patient, {fields["number"]: None, must: None})
    assert refusal(answer) == (422, {("body", "fields", 1, "value"): "null_not_allowed"})
    assert {d: v["value"] for d, v in held(own_desk, patient).items()} == {fields["number"]: "1", must: "needed"}
    assert fill(own_desk, patient, {must: "other"})[0]["value"] == "other"


def test_a_field_made_required_guards_the_values_it_has(own_desk: Client, patient: Json) -> None:
    """From then on; made optional again, the value can go."""
    made = define(own_desk, "text")
    fill(own_desk, patient, {made["id"]: "x"})
    path = f"/patient-field-definitions/{made['id']}"
    own_desk.patch(path, json={"base_version": 1, "is_required": True})
    assert put(own_desk, patient, {made["id"]: None}).status_code == 422
    own_desk.patch(path, json={"base_version": 2, "is_required": False})
    assert fill(own_desk, patient, {made["id"]: None})[0]["value"] is None


def test_a_value_lives_on_when_its_definition_changes(own_desk: Client, patient: Json) -> None:
    """Name, order and options of the definition are those of now, in list and form; the value is as it was."""
    made = define(own_desk, "dropdown")
    [before] = fill(own_desk, patient, {made["id"]: "A"})
    name, path = uuid4().hex, f"/patient-field-definitions/{made['id']}"
    body = {"base_version": 1, "name": name, "dropdown_options": ["C", "A"], "description": "Now", "item_order": 9}
    assert own_desk.patch(path, json=body).status_code == 200
    assert form(own_desk, patient)[made["id"]] == {
        "field_definition": {"id": made["id"], "name": name},
        "description": "Now",
        "field_type": "dropdown",
        "dropdown_options": ["C", "A"],
        "is_required": False,
        "item_order": 9,
        "value": "A",
        "version": before["version"],
    }
    assert refusal(put(own_desk, patient, {made["id"]: "B"}))[0] == 422


def test_the_form_has_every_active_field_with_or_without_a_value(
    own_desk: Client, fields: dict[str, str], patient: Json
) -> None:
    """Those of a patient without values are all null, and another patient's values do not show."""
    other = register(own_desk)
    fill(own_desk, other, {fields["text"]: "theirs"})
    seen = form(own_desk, patient)
    assert set(seen) == {d["id"] for d in own_desk.read("/patient-field-definitions", page_size=200)["items"]}
    assert {(i["value"], i["version"]) for i in seen.values()} == {(None, None)}


async def test_the_form_is_merged_by_one_statement(house: House, own_org: Org, own_desk: Client) -> None:
    """Besides looking for the patient, and however many fields and values there are."""
    empty, full = register(own_desk), register(own_desk)
    before, _ = await statements_of(read_form, house, own_org.id, empty["id"])
    fill(own_desk, full, {define(own_desk, "text")["id"]: "x" for _ in range(30)})
    after, shown = await statements_of(read_form, house, own_org.id, full["id"])
    assert isinstance(shown, dict)
    assert len([i for i in shown["items"] if i["value"]]) == 30
    assert before == after
    assert [("field_definitions" in s, "patient_field_values" in s) for s in after] == [(False, False), (True, True)]


def test_fields_of_an_archived_patient_are_not_there(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """404 for list, form and setting; they are back with the patient."""
    fill(own_desk, patient, {fields["text"]: "x"})
    act(own_desk, patient, "archive")
    path = f"/patients/{patient['id']}/field-values"
    for answer in (own_desk.get(path), own_desk.get(f"{path}/form"), put(own_desk, patient, {fields["text"]: "y"})):
        assert refusal(answer) == (404, {("path", "patient_uuid"): "not_found"})
    act(own_desk, patient, "restore")
    assert held(own_desk, patient)[fields["text"]]["value"] == "x"


async def test_of_32_first_values_one_row_comes(
    house: House, own_org: Org, own_desk: Client, fields: dict[str, str], patient: Json
) -> None:
    """All are answered 200, the last one stands, and the database has one row whose version counted them."""
    desks, definition = [own_org.desk() for _ in range(32)], fields["number"]
    answers = at_once(32, lambda n: insist(lambda: put(desks[n], patient, {definition: str(n)})))
    assert [a.status_code for a in answers] == [200] * 32
    saved = sorted((a.json()[0]["version"], a.json()[0]["value"]) for a in answers)
    assert [v for v, _ in saved] == list(range(1, 33))
    assert len({a.json()[0]["id"] for a in answers}) == 1
    async with connected(house.data_dir) as connection, connection.transaction():
        await connection.execute(f"SET LOCAL app.org = '{own_org.id}'")
        rows = await connection.fetch(
            "SELECT value, version FROM patient_field_values WHERE patient_id = $1", patient["id"]
        )
    assert [tuple(r) for r in rows] == [(saved[-1][1], 32)]


def test_a_repeated_put_is_replayed(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """With an Idempotency-Key byte for byte; without, it changes nothing either."""
    body = {"fields": [{"field_definition_uuid": fields["text"], "value": "x"}]}
    path, key = f"/patients/{patient['id']}/field-values", {"Idempotency-Key": uuid4().hex}
    first = own_desk.put(path, json=body, headers=key)
    fill(own_desk, patient, {fields["text"]: "y"})
    again = own_desk.put(path, json=body, headers=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert held(own_desk, patient)[fields["text"]]["value"] == "y"


def test_values_never_appear_in_events(own_desk: Client, fields: dict[str, str], patient: Json) -> None:
    """Field names, never values."""
    secret = uuid4().hex
    fill(own_desk, patient, {fields["text"]: secret})
    assert secret not in json.dumps(events_of(own_desk, patient["id"]))
