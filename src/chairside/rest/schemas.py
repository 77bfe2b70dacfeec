"""The schemas that no kind declares: references, pages, problems, the feed and the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]
UUID: Schema = {"type": "string", "format": "uuid"}
TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
MAYBE_UUID: Schema = {"type": ["string", "null"], "format": "uuid"}
PATIENT: Schema = {**UUID, "x-patient": True}
MAYBE_PATIENT: Schema = {**MAYBE_UUID, "x-patient": True}
MOMENT: Schema = {"type": "string", "format": "date-time"}
WHOLE: Schema = {"type": "integer", "minimum": 0}


def _object(doc: str, **properties: Schema) -> Schema:
    return {"type": "object", "description": doc, "properties": properties, "required": list(properties)}


def _problem() -> Schema:
    """A problem; of what helps to go on only what names patients is declared, for the audit trail to find it."""
    schema = _object(
        "One thing that is wrong. Conflicts carry what helps to go on, such as current_version.",
        loc={
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "examples": [["body", "last_name"]],
        },
        msg=TEXT,
        type=TEXT | {"examples": ["missing"]},
    )
    named = {
        "dependents": {"type": "array", "items": PATIENT},
        "guarantor_id": PATIENT,
        "kept_after": {"type": "integer"},
    }
    return schema | {"properties": schema["properties"] | named, "additionalProperties": True}


def _list(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


ACTOR = _object("Who did it.", id=MAYBE_UUID, name=MAYBE_TEXT, role=MAYBE_TEXT)
SHARED: Mapping[str, Schema] = {
    "Reference": _object("Another record: its id and what people call it.", id=UUID, name=MAYBE_TEXT),
    "Problem": _problem(),
    "Error": _object(
        "Why a request was refused, every reason at once; after 100 of them, more_problems counts the others.",
        detail=_list("Problem"),
    ),
    "PageInfo": _object(
        "Where a page lies in a walk.",
        has_next_page={"type": "boolean"},
        end_cursor=MAYBE_TEXT,
        has_previous_page={"type": "boolean"},
        start_cursor=MAYBE_TEXT,
    ),
    "Actor": ACTOR,
    "EventOut": _object(
        "One change of one record.",
        sequence={"type": "integer", "minimum": 1},
        type=TEXT,
        occurred_at=MOMENT,
        kind=TEXT,
        record_id=UUID,
        patient_id=MAYBE_PATIENT,
        version=WHOLE,
        actor={"$ref": "#/components/schemas/Actor"},
        changed={"type": "array", "items": TEXT},
        notes={"type": "array", "items": TEXT, "description": "What was noticed, such as `bp_systolic critical`."},
    ),
    "EventFeedOut": _object(
        "Changes in order.", items=_list("EventOut"), next_after=WHOLE, has_more={"type": "boolean"}
    ),
    "AuditQuery": {
        "type": "object",
        "description": "The parameters that were sent, without words, names and dates of patients.",
        "additionalProperties": True,
    },
    "AuditEventOut": _object(
        "One request and its outcome.",
        id=UUID,
        at=MOMENT,
        actor={"$ref": "#/components/schemas/Actor"},
        action=TEXT,
        kind=MAYBE_TEXT,
        record_id=MAYBE_UUID,
        patient_id=MAYBE_UUID,
        method=TEXT,
        route=TEXT,
        status={"type": "integer"},
        outcome={"type": "string", "enum": ["allowed", "denied", "invalid", "failed"]},
        request_id=TEXT,
        token_id=MAYBE_UUID,
        source_address=MAYBE_TEXT,
        user_agent=MAYBE_TEXT,
        query={"anyOf": [{"$ref": "#/components/schemas/AuditQuery"}, {"type": "null"}]},
        count={"type": ["integer", "null"], "description": "Entries of the list that was answered."},
        patient_ids={
            "type": "array",
            "items": UUID,
            "description": "Patients that the answer showed, beside patient_id.",
        },
    ),
    "AuditPageOut": _object(
        "The trail, newest first.",
        data=_list("AuditEventOut"),
        page_info={"$ref": "#/components/schemas/PageInfo"},
    ),
}
_BESIDE: Mapping[str, tuple[str, Schema]] = {
    "Page": ("One page of a list, with the exact total.", {"page": WHOLE, "page_size": WHOLE, "total": WHOLE}),
    "List": ("The records that were found, and how many there are.", {"total": WHOLE}),
    "CursorPage": ("One page of a walk.", {"page_info": {"$ref": "#/components/schemas/PageInfo"}}),
}


def list_schema(form: str, key: str, record: str) -> Schema:
    """A list of records of one schema, under `key`, with the members that this form of a list has beside them."""
    doc, beside = _BESIDE[form]
    return _object(doc, **{key: _list(record)}, **beside)
