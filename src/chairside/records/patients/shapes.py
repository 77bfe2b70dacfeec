"""The bodies and answers of the patient operations that are not a patient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from chairside.errors import Problem
from chairside.fields import Body, Entry, body_of, read_body
from chairside.records.patients.fields import BUCKETS, STATUSES
from chairside.records.patients.names import FIRST_NAME_MATCHES
from chairside.types import (
    Boolean,
    Choice,
    Date,
    Email,
    Invalid,
    Many,
    Phone,
    Ssn,
    Structure,
    Text,
    Timestamp,
    Uuid,
    Version,
    money,
)

SIGNALS = ("name_dob", "email", "mobile_phone", "ssn")
WAYS = (
    "last_name", "suffix", "part_of_last_name", "exchanged_names", "email", "mobile_phone", "home_phone", "work_phone",
    "ssn",
)  # fmt: skip
MATCH_ON = ("chart_number", "email", "mobile_phone", "ssn", "name_dob")
MOST_ROWS = 5000
Schema = dict[str, Any]


def _text(null: bool = True, **more: object) -> Schema:
    return {"type": ["string", "null"] if null else "string", **more}


def _object(required: list[str], **properties: object) -> Schema:
    return {"type": "object", "properties": properties, "required": required}


def _list(items: object) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


COUNT: Schema = {"type": "integer", "minimum": 0}
NONE: Schema = COUNT | {"examples": [0]}
NO_PROBLEMS: Schema = _list(_ref("Problem")) | {"examples": [[]]}
FOUND: dict[str, object] = {
    "id": {"type": "string", "format": "uuid", "x-patient": True},
    "first_name": _text(null=False),
    "last_name": _text(null=False),
    "preferred_name": _text(),
    "date_of_birth": _text(format="date"),
    "status": {"type": "string", "enum": list(STATUSES)},
    "mobile_phone": _text(),
    "email": _text(),
    "chart_number": _text(),
}
TYPED = FOUND | {
    "by_nickname": {"type": "boolean", "description": "Whether a nickname led here, not the words themselves."}
}
SCHEMAS: Mapping[str, Schema] = {
    "FoundPatientOut": _object(list(TYPED), **TYPED),
    "DuplicateOut": _object(
        [*FOUND, "match_reasons", "match_details", "first_name_match"],
        **FOUND,
        match_reasons=_list({"type": "string", "enum": list(SIGNALS)}),
        match_details=_list(_ref("MatchDetail"))
        | {"description": "The same reasons, each with the form in which it matched."},
        first_name_match=_text(enum=[*FIRST_NAME_MATCHES, None])
        | {"description": "How close the first names are; null when none was sent. A hint, not a match."},
    ),
    "MatchDetail": _object(
        ["reason", "matched"],
        reason={"type": "string", "enum": list(SIGNALS)},
        matched={
            "type": "string",
            "enum": list(WAYS),
            "description": "The last name as it is, but for a suffix, one half of a double name, or first and last"
            " name exchanged; the field that holds the telephone; or the signal itself.",
        },
    ),
    "BillingAccountIn": {
        "type": "object",
        "description": "An account of the patient's own, or that of a guarantor, who is named with `join` only.",
        "properties": {
            "mode": {"type": "string", "enum": ["own", "join"]},
            "guarantor_uuid": {"type": "string", "format": "uuid"},
        },
        "required": ["mode"],
        "additionalProperties": False,
        "if": {"properties": {"mode": {"const": "join"}}},
        "then": {"required": ["guarantor_uuid"]},
        "else": {"properties": {"guarantor_uuid": False}},
    },
    "LocationCountOut": _object(["location", "count"], location=_ref("Reference"), count=COUNT),
    "LocationCountsOut": _object(
        ["items", "status_set", "total", "excluded_count", "group_by", "date_from", "date_to"],
        items=_list(_ref("LocationCountOut")),
        total=COUNT,
        excluded_count=COUNT | {"description": "Matching patients without an active location."},
        group_by={"type": "string", "const": "location"},
        status_set=_list({"type": "string"}),
        date_from=_text(format="date"),
        date_to=_text(format="date"),
    ),
    "BulkRowOut": _object(
        ["index", "row_key", "status", "patient_id", "errors", "duplicate_of"],
        index=NONE,
        row_key=_text(),
        status={
            "type": "string",
            "enum": ["created", "updated", "unchanged", "skipped", "failed", "validated"],
            "examples": ["validated"],
        },
        patient_id=_text(format="uuid") | {"x-patient": True},
        errors=NO_PROBLEMS,
        duplicate_of=_list({"type": "string", "format": "uuid", "x-patient": True}) | {"examples": [[]]},
    ),
    "BulkImportOut": _object(
        ["results", "total", "created", "updated", "unchanged", "skipped", "failed", "validated"],
        results=_list(_ref("BulkRowOut")),
        total=COUNT,
        created=NONE,
        updated=NONE | {"description": "Rows that changed something."},
        unchanged=NONE | {"description": "Rows that equal their patient's record."},
        skipped=NONE,
        failed=NONE,
        validated=COUNT,
    ),
}


def _account_whole(values: dict[str, object], _now: datetime) -> Iterable[Problem]:
    if (values["mode"] == "join") == (values.get("guarantor_uuid") is None):
        yield Problem(("guarantor_uuid",), "is needed with mode join, and with it alone", "contradiction")


ACCOUNT = body_of(
    "BillingAccount",
    Entry(key="mode", type=Choice(("own", "join")), doc="An account of one's own, or a guarantor's.", required=True),
    Entry(key="guarantor_uuid", type=Uuid(), doc="Whose account to join.", nullable=True),
    whole=_account_whole,
)


def _billing_account(value: object, now: datetime) -> dict[str, object]:
    return {"guarantor_uuid": None} | read_body(ACCOUNT, value, now)


BILLING_ACCOUNT = Entry(
    key="billing_account",
    type=Structure(_ref("BillingAccountIn"), _billing_account),
    doc="Opens an account of the patient's own, or joins that of a guarantor.",
    nullable=True,
)
TRANSITION = body_of(
    "TransitionStatusIn",
    Entry(key="base_version", type=Version(), doc="Version the caller has seen.", required=True),
    Entry(key="new_status", type=Choice(STATUSES, name="PatientStatus"), doc="Where the patient goes.", required=True),
    example={"base_version": 1, "new_status": "inactive"},
)
CHECK_DUPLICATES = body_of(
    "CheckDuplicatesIn",
    Entry(
        key="last_name",
        type=Text(max=100, min=1, trim=True),
        doc="Counts together with date_of_birth. `Last, First` also tells the first name, which orders the matches.",
        required=True,
    ),
    Entry(key="date_of_birth", type=Date(past=True), doc="Counts together with last_name.", nullable=True),
    Entry(key="email", type=Email(), doc="E-mail address, any case.", nullable=True),
    Entry(key="mobile_phone", type=Phone(), doc="Telephone in any form; matches all three fields.", nullable=True),
    Entry(key="social_security_number", type=Ssn(), doc="Matched without being decrypted.", nullable=True),
    example={"last_name": "Garcia", "date_of_birth": "1984-02-11"},
)
BALANCES = body_of(
    "BalancesIn",
    *(Entry(key=b, type=money(), doc="Owed in this aging bucket.", required=True) for b in BUCKETS),
    Entry(key="insurance_estimate", type=money(), doc="What insurance is expected to pay.", nullable=True),
    Entry(key="payment_plan_due", type=money(), doc="Due now under a payment plan.", nullable=True),
    Entry(key="as_of", type=Timestamp(), doc="As of when; now, if absent.", nullable=True),
    Entry(key="base_version", type=Version(), doc="If given, a stale one is refused."),
    doc="Replaces all balances of the patient.",
    example={
        "balance_0_30": "120.50", "balance_31_60": 0, "balance_61_90": 0, "balance_over_90": 0,
        "insurance_estimate": "80.00", "as_of": "2026-03-01T06:00:00Z",
    },
)  # fmt: skip
ROW_KEY = Entry(key="row_key", type=Text(max=200), doc="What the caller knows the row by.", nullable=True)
BULK_META = body_of(
    "BulkMeta",
    Entry(
        key="mode",
        type=Choice(("commit", "validate"), name="ImportMode"),
        doc="validate writes nothing.",
        default="commit",
    ),
    Entry(key="atomic", type=Boolean(), doc="Any failure writes nothing.", default=False),
    Entry(
        key="on_duplicate",
        type=Choice(("create", "skip", "update", "fail"), name="OnDuplicate"),
        doc="What to do with a match.",
        default="create",
    ),
    Entry(
        key="match_on",
        type=Many(Choice(MATCH_ON, name="ImportMatch"), min=1, max=5, distinct=True),
        doc="What makes a match; name_dob is first name, last name and birth date, mobile_phone any telephone.",
        default=["chart_number"],
    ),
)


def _meta(value: object, now: datetime) -> dict[str, object]:
    values = read_body(BULK_META, value, now)
    return {e.key: values.get(e.key, e.default) for e in BULK_META.entries.values()}


def _rows(value: object, _now: datetime) -> list[object]:
    if not isinstance(value, list):
        raise Invalid("wrong_type", "must be a list")
    if not 1 <= len(value) <= MOST_ROWS:
        raise Invalid("too_long" if value else "too_short", f"must have 1 to {MOST_ROWS} rows")
    return value


BULK: Body = body_of(
    "BulkImportIn",
    Entry(
        key="rows",
        type=Structure({"type": "array", "items": _ref("BulkRowIn"), "minItems": 1, "maxItems": MOST_ROWS}, _rows),
        doc="Patients, each with an optional row_key of the caller's. A bad row fails alone.",
        required=True,
    ),
    Entry(key="meta", type=Structure(_ref("BulkMeta"), _meta), doc="How to import.", nullable=True),
    example={
        "rows": [{"row_key": "1", "first_name": "Ana", "last_name": "Lindqvist"}],
        "meta": {"mode": "validate"},
    },
)
