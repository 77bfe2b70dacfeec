"""Custom fields: what a practice wants to know beyond what everybody asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chairside.changes import Asked, Change, Desk, Record, Reply, wrong
from chairside.errors import Problem, Refused, refuse
from chairside.fields import Borrowed, Entry, Field, Reference, body_of, try_body
from chairside.records.catalogs import catalog, settle_name
from chairside.records.people import field_values
from chairside.resource import Action, Kind
from chairside.types import Boolean, Choice, Invalid, Many, Structure, Text, Uuid, all_of
from chairside.types.wholes import each

REF = "#/components/schemas/"
FORM_ITEM: dict[str, Any] = {
    "type": "object",
    "description": "A custom field with the patient's value.",
    "properties": {
        "field_definition": {"$ref": REF + "Reference"},
        "description": {"type": ["string", "null"]},
        "field_type": {"type": "string", "enum": list(field_values.TYPES)},
        "dropdown_options": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "is_required": {"type": "boolean"},
        "item_order": {"type": "integer"},
        "value": {"type": ["string", "null"]},
        "version": {"type": ["integer", "null"]},
    },
}
FORM_ITEM["required"] = list(FORM_ITEM["properties"])
FORM: dict[str, Any] = {
    "type": "object",
    "description": "All custom fields of the org with a patient's values.",
    "properties": {"items": {"type": "array", "items": {"$ref": REF + "FieldFormItemOut"}}},
    "required": ["items"],
}


def check_create(values: dict[str, Any], _now: datetime) -> Iterable[Problem]:
    yield from _check_options(values["field_type"], values.get("dropdown_options"))


def _check_options(field_type: str, options: list[str] | None) -> Iterable[Problem]:
    if field_type == "dropdown" and not options:
        yield Problem(("dropdown_options",), "a dropdown needs 1 to 200 options", "missing")
    if field_type != "dropdown" and options:
        yield Problem(("dropdown_options",), "only a dropdown has options", "contradiction")


def settle(change: Change) -> None:
    settle_name(change)
    if problems := list(_check_options(change.after["field_type"], change.after["dropdown_options"])):
        raise Refused(Problem(("body", *p.loc), p.msg, p.type) for p in problems)


async def keep_values_true(desk: Desk, change: Change) -> None:
    """Values that exist must stay what they say: no other type, and no option taken away that is in use."""
    if change.before is None or not change.changed("field_type", "dropdown_options"):
        return
    await desk.ask("people.hold_definition", change.after["id"])
    used = {row["value"] for row in await desk.ask("people.values_in_use", change.after["id"])}
    if used and change.changed("field_type"):
        raise wrong("definition_in_use", "field_type")
    gone = used - set(change.after["dropdown_options"] or ())
    if change.after["field_type"] == "dropdown" and gone:
        raise wrong("definition_in_use", "dropdown_options", "an option that patients have cannot be removed")


OPTIONS = Many(Text(max=200, min=1, trim=True), min=1, max=200, distinct=True)
FIELD_DEFINITIONS = catalog(
    "field_definition",
    "patient-field-definitions",
    "FieldDefinition",
    "field definitions",
    "A custom field that the practice keeps of every patient.",
    Field(name="description", type=Text(max=1000), doc="What is asked."),
    Field(
        name="field_type", type=Choice(field_values.TYPES, name="FieldType"), doc="What its values are.", required=True
    ),
    Field(name="dropdown_options", type=OPTIONS, doc="What can be chosen, for a dropdown."),
    Field(name="is_required", type=Boolean(), doc="Whether a value, once given, may not be cleared.", default=False),
    id_param="definition_uuid",
    settle=settle,
    check_create=check_create,
    consult=keep_values_true,
)


async def read_form(desk: Desk, asked: Asked) -> Reply:
    patient_id = asked.path["patient_uuid"]
    if not await desk.ask("patients.exists", patient_id):
        raise refuse("not_found", "path", "patient_uuid")
    rows = await desk.ask("people.form", patient_id)
    items = [{"field_definition": {"id": row.pop("id"), "name": row.pop("name")}, **row} for row in rows]
    return Reply(data={"items": items}, patient_id=patient_id)


async def put_values(desk: Desk, asked: Asked) -> Reply:
    """All of them or none; the patient is locked, so that two callers cannot both make the first value of a field."""
    patient_id, sent = asked.path["patient_uuid"], asked.body["fields"]
    held = await desk.ask("patients.lock", [patient_id])
    if not held or held[0]["deleted_at"] is not None:
        raise refuse("not_found", "path", "patient_uuid")
    wanted = [entry["field_definition_uuid"] for entry in sent]
    definitions = {d["id"]: d for d in await desk.ask("people.definitions", wanted)}
    values, problems = _values(sent, definitions)
    if problems:
        raise Refused(problems)
    existing = {v["field_definition_id"]: v for v in await desk.ask("people.values", patient_id, wanted)}
    answers = []
    for definition_id, value in values.items():
        saved = await _put(desk, patient_id, definition_id, value, existing.get(definition_id))
        if saved is not None:
            answers.append(desk.reply("field_value", saved).data)
    return Reply(data=answers, patient_id=patient_id)


def _values(sent: list[dict[str, Any]], definitions: dict[str, Record]) -> tuple[dict[str, str | None], list[Problem]]:
    values: dict[str, str | None] = {}
    problems: list[Problem] = []
    named: set[str] = set()
    for place, entry in enumerate(sent):
        at = ("body", "fields", place)
        definition = definitions.get(entry["field_definition_uuid"])
        if definition is None:
            problems.append(Problem((*at, "field_definition_uuid"), "there is no such field definition", "not_found"))
        elif definition["id"] in named:
            problems.append(Problem((*at, "field_definition_uuid"), "is named twice", "contradiction"))
        elif entry["value"] is None and definition["is_required"]:
            problems.append(Problem((*at, "value"), "is required and cannot be cleared", "null_not_allowed"))
        else:
            try:
                text = entry["value"]
                kept = None if text is None else field_values.normalised(definition, text)
                values[definition["id"]] = kept
            except Invalid as bad:
                problems.append(Problem((*at, "value"), bad.msg, bad.code))
        named.add(entry["field_definition_uuid"])
    return values, problems


async def _put(
    desk: Desk, patient_id: str, definition_id: str, value: str | None, held: Record | None
) -> Record | None:
    """The value as saved; None where nothing was there and nothing was given."""
    if held is None:
        if value is None:
            return None
        change = desk.change("field_value", None, {"field_definition_id": definition_id, "value": value})
        change.after["patient_id"] = patient_id
        return await desk.save("field_value", change, "created")
    before = await desk.load("field_value", held["id"], at=("body", "fields"), archived=True)
    ended = None if value is not None else before["deleted_at"] or desk.now
    change = desk.change("field_value", before, {"value": value, "deleted_at": ended})
    return await desk.save("field_value", change, "updated" if value is not None else "archived")


def _entries(value: object, now: datetime) -> list[dict[str, Any]]:
    """The list of the body: each entry a definition and a value as text or null."""
    if not isinstance(value, list):
        raise Invalid("wrong_type", "must be a list")
    if not 1 <= len(value) <= 200:
        raise Invalid("too_long" if value else "too_short", "must have 1 to 200 entries")
    entries, faults = each(value, lambda entry: _entry(entry, now))
    if faults:
        raise all_of(faults)
    return entries


def _entry(entry: object, now: datetime) -> dict[str, Any]:
    values, problems = try_body(FIELD_VALUE, entry, now)
    if problems:
        raise all_of([Invalid(p.type, p.msg, *p.loc) for p in problems])
    return values


FIELD_VALUE = body_of(
    "FieldValueIn",
    Entry(key="field_definition_uuid", type=Uuid(), doc="Which field.", required=True),
    Entry(key="value", type=Text(max=field_values.LONGEST), doc="As text; null clears.", required=True, nullable=True),
)


PUT_VALUES = body_of(
    "UpsertFieldValuesIn",
    Entry(
        key="fields",
        type=Structure(
            {
                "type": "array",
                "minItems": 1,
                "maxItems": 200,
                "items": {"$ref": "#/components/schemas/FieldValueIn"},
            },
            _entries,
        ),
        doc="Values as text, by their definition; null clears.",
        required=True,
    ),
    example={"fields": [{"field_definition_uuid": "0199a3c4-5b6e-7d21-8f3a-6c1d2e4b5f60", "value": "yes"}]},
)
FIELD_VALUES = Kind(
    name="field_value",
    table="patient_field_values",
    path="patients/{patient_uuid}/field-values",
    id_param="field_value_uuid",
    schema="FieldValue",
    title="field value",
    plural="field values",
    area="fields",
    doc="A patient's value of a custom field.",
    parent="patient",
    verbs=("list", "get"),
    more_events=("created", "updated", "archived"),
    page_size=100,
    label=(),
    fields=(
        Reference(name="field_definition", to="field_definition", doc="Of which field.", required=True, patch=False),
        Borrowed(
            name="field_type",
            type=Choice(field_values.TYPES, name="FieldType"),
            doc="What it is.",
            via="field_definition",
            required=True,
        ),
        Field(name="value", type=Text(max=field_values.LONGEST), doc="As text, in its type's normal form."),
    ),
    actions=(
        Action(
            name="form",
            operation_id="get_field_value_form",
            method="GET",
            path="/form",
            allow="read",
            summary="Read the form of custom fields",
            doc="Every active field definition with the patient's value, in the order of the form.",
            answer="FieldFormOut",
            run=read_form,
            errors=("not_found",),
        ),
        Action(
            name="put",
            operation_id="set_field_values",
            method="PUT",
            path="",
            allow="write",
            summary="Set custom field values",
            doc="All or nothing; null clears. Answers the values that were set, in the order sent.",
            answer="FieldValueOut",
            run=put_values,
            many=True,
            writes=True,
            body=PUT_VALUES,
            errors=("not_found",),
        ),
    ),
)
