"""What a practice may ask: definitions of custom fields, and how far they may change while values exist."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.house import Client, Org
from tests.patients.acts import Json, act, at_once, register
from tests.people.deeds import archived, define, fill, form, held, ids, insist, put, refusal

TYPES = ("text", "number", "date", "boolean", "dropdown", "currency")
DEFINITIONS = "/patient-field-definitions"
OPTIONS, TYPE = ("body", "dropdown_options"), ("body", "field_type")
VALUES = {"text": "x", "number": "1", "date": "2026-01-02", "boolean": "yes", "dropdown": "A", "currency": "5"}


def patch(desk: Client, definition: Json, **fields: Any) -> Any:
    return desk.patch(f"{DEFINITIONS}/{definition['id']}", json={"base_version": definition["version"]} | fields)


@pytest.mark.parametrize("field_type", TYPES)
def test_a_field_of_every_type_can_be_defined(own_desk: Client, field_type: str) -> None:
    """Not required and first in the order unless said otherwise."""
    name = uuid4().hex
    made = define(own_desk, field_type, name=name)
    assert (made["name"], made["field_type"], made["is_required"], made["item_order"]) == (name, field_type, False, 0)
    assert made["dropdown_options"] == (["A", "B"] if field_type == "dropdown" else None)
    assert own_desk.read(f"{DEFINITIONS}/{made['id']}") == made


def new(desk: Client, field_type: str, options: Any = None) -> Any:
    body = {"name": uuid4().hex, "field_type": field_type}
    return desk.post(DEFINITIONS, json=body if options is None else body | {"dropdown_options": options})


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (None, 422),
        ([], 422),
        (["One"], 201),
        ([f"Option {n}" for n in range(200)], 201),
        ([f"Option {n}" for n in range(201)], 422),
        (["A", "A"], 422),
        (["A", " A "], 422),
        (["A", "  "], 422),
        (["A", 1], 422),
        (["A", None], 422),
        ("A,B", 422),
        (["x" * 201], 422),
        (["nul\x00"], 422),
    ],
)
def test_a_dropdown_has_1_to_200_distinct_options(own_desk: Client, options: Any, status: int) -> None:
    """Blanks at the ends do not make two of one; each must be text that can be chosen."""
    answer = new(own_desk, "dropdown", options)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert {place[:2] for place in refusal(answer)[1]} == {OPTIONS}
    else:
        assert answer.json()["dropdown_options"] == options


def test_options_keep_their_order_and_their_signs(own_desk: Client) -> None:
    """Commas, quotes, braces and backslashes are letters like others."""
    options = ["b", "a, c", 'say "yes"', "{x}", "back\\slash", "NULL", "é", "z"]
    made = new(own_desk, "dropdown", options).json()
    patient = register(own_desk)
    assert made["dropdown_options"] == options
    for option in options:
        [saved] = fill(own_desk, patient, {made["id"]: option})
        assert saved["value"] == option


@pytest.mark.parametrize("field_type", [t for t in TYPES if t != "dropdown"])
def test_only_a_dropdown_has_options(own_desk: Client, field_type: str) -> None:
    """422 at the options, on create and on change."""
    assert refusal(new(own_desk, field_type, ["A"])) == (422, {OPTIONS: "contradiction"})
    made = define(own_desk, field_type)
    assert refusal(patch(own_desk, made, dropdown_options=["A"])) == (422, {OPTIONS: "contradiction"})


def test_a_dropdown_cannot_lose_all_its_options(own_desk: Client) -> None:
    """Neither by null nor by an empty list."""
    made = define(own_desk, "dropdown")
    none: tuple[list[str] | None, ...] = (None, [])
    for options in none:
        status, places = refusal(patch(own_desk, made, dropdown_options=options))
        assert (status, set(places)) == (422, {OPTIONS})


def test_a_type_that_is_none_is_refused(own_desk: Client) -> None:
    """422 with every mistake of the body."""
    answer = own_desk.post(
        DEFINITIONS, json={"name": " ", "field_type": "colour", "is_required": None, "item_order": -1}
    )
    assert refusal(answer) == (
        422,
        {
            ("body", "name"): "too_short",
            TYPE: "invalid_choice",
            ("body", "item_order"): "out_of_range",
        },
    )


def test_an_unused_field_can_become_another(own_desk: Client) -> None:
    """Any type to any other while no patient has a value, with options where they belong."""
    made = define(own_desk, "text")
    made = patch(own_desk, made, field_type="dropdown", dropdown_options=["A"]).json()
    assert (made["field_type"], made["dropdown_options"], made["version"]) == ("dropdown", ["A"], 2)
    left = patch(own_desk, made, field_type="number")
    assert refusal(left) == (422, {OPTIONS: "contradiction"})
    made = patch(own_desk, made, field_type="number", dropdown_options=None).json()
    assert (made["field_type"], made["dropdown_options"], made["version"]) == ("number", None, 3)


@pytest.mark.parametrize("field_type", TYPES)
def test_a_field_in_use_keeps_its_type(own_desk: Client, field_type: str) -> None:
    """422 definition_in_use while a patient has a value; free again once nobody has one."""
    made, patient = define(own_desk, field_type), register(own_desk)
    fill(own_desk, patient, {made["id"]: VALUES[field_type]})
    other: dict[str, Any] = {"field_type": "text" if field_type != "text" else "number"}
    if field_type == "dropdown":
        other["dropdown_options"] = None
    assert refusal(patch(own_desk, made, **other)) == (422, {TYPE: "definition_in_use"})
    assert own_desk.read(f"{DEFINITIONS}/{made['id']}") == made
    fill(own_desk, patient, {made["id"]: None})
    assert patch(own_desk, made, **other).status_code == 200


def test_an_archived_patients_value_counts_as_use(own_desk: Client) -> None:
    """The patient may be restored, and must find the value as it was."""
    made, patient = define(own_desk, "number"), register(own_desk)
    fill(own_desk, patient, {made["id"]: "7"})
    act(own_desk, patient, "archive")
    assert refusal(patch(own_desk, made, field_type="text")) == (422, {TYPE: "definition_in_use"})
    act(own_desk, patient, "restore")
    assert held(own_desk, patient)[made["id"]]["value"] == "7"


def test_an_option_in_use_cannot_be_removed(own_desk: Client) -> None:
    """422; unused ones may go, others may come, and all may change places."""
    made, patient = define(own_desk, "dropdown", dropdown_options=["A", "B", "C"]), register(own_desk)
    fill(own_desk, patient, {made["id"]: "B"})
    for options in (["A", "C"], ["A", "b", "C"]):
        assert refusal(patch(own_desk, made, dropdown_options=options)) == (422, {OPTIONS: "definition_in_use"})
    made = patch(own_desk, made, dropdown_options=["D", "C", "B"]).json()
    assert made["dropdown_options"] == ["D", "C", "B"]
    fill(own_desk, patient, {made["id"]: "D"})
    assert patch(own_desk, made, dropdown_options=["D"]).status_code == 200
    assert held(own_desk, patient)[made["id"]]["value"] == "D"


def test_other_changes_of_a_field_in_use_are_free(own_desk: Client) -> None:
    """Name, description, order and whether it is required; values and their versions stay."""
    made, patient = define(own_desk, "text"), register(own_desk)
    [before] = fill(own_desk, patient, {made["id"]: "x"})
    name = uuid4().hex
    answer = patch(own_desk, made, name=name, description="Why we ask", is_required=True, item_order=3)
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert held(own_desk, patient)[made["id"]] == before | {"field_definition": {"id": made["id"], "name": name}}


def test_an_archived_field_leaves_the_form_and_keeps_its_values(own_desk: Client) -> None:
    """Gone from form and definitions; values that exist are still listed, new ones are 404; its name is free."""
    made, patient = define(own_desk, "text"), register(own_desk)
    fill(own_desk, patient, {made["id"]: "kept"})
    archived(own_desk, f"{DEFINITIONS}/{made['id']}", 1)
    assert made["id"] not in form(own_desk, patient)
    assert own_desk.get(f"{DEFINITIONS}/{made['id']}").status_code == 404
    assert held(own_desk, patient)[made["id"]]["value"] == "kept"
    for value in ("new", None):
        answer = put(own_desk, patient, {made["id"]: value})
        assert refusal(answer) == (404, {("body", "fields", 0, "field_definition_uuid"): "not_found"})
    assert define(own_desk, "number", name=made["name"])["id"] != made["id"]


def test_names_of_fields_are_unique_whatever_their_case(own_desk: Client) -> None:
    """409 on create and on change, among the active ones."""
    first, second = define(own_desk, "text", name="Pharmacy"), define(own_desk, "text")
    taken = own_desk.post(DEFINITIONS, json={"name": "  pharMACY ", "field_type": "date"})
    assert refusal(taken) == (409, {("body", "name"): "duplicate_name"})
    assert refusal(patch(own_desk, second, name="PHARMACY")) == (409, {("body", "name"): "duplicate_name"})
    assert patch(own_desk, first, name="PHARMACY").status_code == 200


def test_fields_are_listed_in_the_order_of_the_form(own_desk: Client) -> None:
    """By item_order, then name whatever its case; the form has the same order."""
    tag = uuid4().hex
    names = [("delta", 1), ("Alpha", 2), ("charlie", 2), ("Bravo", 2), ("zulu", 0)]
    made = {n: define(own_desk, "text", name=f"{n} {tag}", item_order=o)["id"] for n, o in names}
    order = [made[n] for n in ("zulu", "delta", "Alpha", "Bravo", "charlie")]
    assert ids(own_desk.read(DEFINITIONS, search=tag.upper())) == order
    patient = register(own_desk)
    fill(own_desk, patient, {made["charlie"]: "c", made["zulu"]: "z"})
    seen = form(own_desk, patient)
    assert [d for d in seen if d in order] == order
    assert {d: i["value"] for d, i in seen.items() if i["value"]} == {made["charlie"]: "c", made["zulu"]: "z"}


def test_only_those_who_set_up_the_practice_define_fields(own_org: Org) -> None:
    """A front desk fills fields in and reads their definitions, and cannot make any."""
    front = own_org.desk("front_desk")
    assert front.get(DEFINITIONS).status_code == 200
    assert new(front, "text").status_code == 403


def test_an_option_is_never_removed_from_under_a_value(own_org: Org, own_desk: Client) -> None:
    """While 8 callers choose an option another takes it away: either it is in use and stays, or nobody has it."""
    desks = [own_org.desk() for _ in range(9)]
    for _ in range(6):
        made, patients = define(own_desk, "dropdown"), [register(own_desk) for _ in range(8)]

        def one(number: int, made: Json = made, patients: list[Json] = patients) -> int:
            if number == 8:
                return insist(lambda: patch(desks[8], made, dropdown_options=["A"])).status_code
            return insist(lambda: put(desks[number], patients[number], {made["id"]: "B"})).status_code

        *chosen, removed = at_once(9, one)
        options = own_desk.read(f"{DEFINITIONS}/{made['id']}")["dropdown_options"]
        values = [held(own_desk, p)[made["id"]]["value"] for p in patients if held(own_desk, p)]
        assert (removed == 200) == (options == ["A"])
        assert values == [] if removed == 200 else set(values) <= {"B"}, (chosen, removed)
        assert set(chosen) <= {200, 422}
        assert len(values) == chosen.count(200)
