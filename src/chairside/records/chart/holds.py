"""Holds: vital signs that stop a procedure until they are measured again in range or a clinician overrides them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chairside.changes import Asked, Change, Desk, Record, Reply
from chairside.errors import refuse
from chairside.fields import Entry, Field, Reference, body_of
from chairside.knowledge import vital_ranges
from chairside.records.chart.readings import Newest, end_of_day, newest_of_each
from chairside.resource import Action, Beside, Filter, Kind
from chairside.types import Integer, Many, Number, Structure, Text, Timestamp, Uuid

PRESET = "org_settings.blocking_preset"
AT = ("path", "vitals_uuid")
REASON = Text(max=1000, min=1, trim=True)
OVERRIDDEN: dict[str, Any] = {
    "type": "object",
    "description": "A vital sign and the value that was overridden.",
    "properties": {
        "vital": {"type": "string", "enum": list(vital_ranges.VITALS)},
        "value": {"type": "number"},
    },
    "required": ["vital", "value"],
}


def holds(newest: Newest, preset: str) -> list[dict[str, Any]]:
    """The newest values in the org's blocking range, each with the override in force for it, or None.

    An override covers the values it was given for: a newer reading or a corrected value needs another one.
    """
    return [
        {
            "vital": vital,
            "value": _number(reading[vital]),
            "reading_id": reading["id"],
            "date_taken": reading["date_taken"],
            "time_taken": reading["time_taken"],
            "override": _in_force(reading),
        }
        for vital in vital_ranges.VITALS
        if (reading := newest.get(vital)) is not None
        and vital_ranges.blocking_vitals({vital: reading[vital]}, preset=preset)
    ]


def _in_force(reading: Record) -> dict[str, Any] | None:
    if reading["override_id"] is None:
        return None
    return {
        "id": reading["override_id"],
        "reason": reading["reason"],
        "created_by": {"id": reading["author_id"], "name": reading["author_name"]},
        "created_at": reading["overridden_at"],
        "ends_at": reading["ends_at"],
    }


def _number(value: Any) -> int | float:
    return value if isinstance(value, int) else float(value)


async def override(desk: Desk, asked: Asked) -> Reply:
    """Record that a clinician goes on in spite of the values of this reading that hold procedures now."""
    # Two overrides at once wait for each other here, so that one of them finds nothing left to override.
    await desk.ask("patients.lock", [asked.path["patient_uuid"]])
    reading = await desk.load_own("vital_signs", asked)
    newest = await newest_of_each(desk, reading["patient_id"])
    standing = holds(newest, reading[PRESET] or "reference")
    open_holds = [h["vital"] for h in standing if h["reading_id"] == reading["id"] and h["override"] is None]
    if not open_holds:
        raise refuse("no_hold", *AT)
    values = {vital: reading[vital] for vital in open_holds}
    change = desk.change("hold_override", None, {**values, "reason": asked.body["reason"]})
    change.after |= {"patient_id": reading["patient_id"], "vital_signs_id": reading["id"]}
    change.after["ends_at"] = await end_of_day(desk, reading["patient_id"])
    return desk.reply("hold_override", await desk.save("hold_override", change, "created"))


def settle(change: Change) -> None:
    """Names the overridden vital signs in the event, without their values."""
    change.notes = [vital for vital in vital_ranges.VITALS if change.after[vital] is not None]


def present(answer: dict[str, Any], beside: Mapping[str, Any]) -> None:
    answer["created_by"] = {"id": beside["self.author_id"], "name": beside["self.author_name"]}
    values = ((vital, beside[f"self.{vital}"]) for vital in vital_ranges.VITALS)
    answer["overridden"] = [{"vital": vital, "value": _number(v)} for vital, v in values if v is not None]


def _kept(name: str, type_: Integer | Number | Uuid | Text, doc: str) -> Field:
    return Field(name=name, type=type_, doc=doc, hidden=True, create=False, patch=False)


def _overridden(vital: str) -> Field:
    type_ = Number(Decimal(80), Decimal(115), 1) if vital == "temperature_f" else Integer()
    return _kept(vital, type_, "The value that was overridden.")


HOLD_OVERRIDES = Kind(
    name="hold_override",
    table="hold_overrides",
    path="patients/{patient_uuid}/hold-overrides",
    id_param="hold_override_uuid",
    schema="HoldOverride",
    title="hold override",
    plural="hold overrides",
    area="chart",
    doc="A clinician's decision to go on in spite of vital signs that hold procedures, until the end of that day.",
    parent="patient",
    verbs=("list", "get"),
    more_events=("created",),
    moments=("created_at",),
    label=(),
    order=("-created_at", "-id"),
    fields=(
        Reference(name="vital_signs", to="vital_signs", doc="The reading.", required=True, create=False, patch=False),
        Field(name="reason", type=REASON, doc="Why the procedure goes on.", required=True, create=False, patch=False),
        Field(
            name="overridden",
            type=Many(item=Structure({"$ref": "#/components/schemas/OverriddenVitalOut"}, check=lambda v, _now: v)),
            doc="The values that were overridden; another value needs another override.",
            default=(),
            create=False,
            patch=False,
            stored=False,
        ),
        Field(
            name="ends_at",
            type=Timestamp(),
            doc="The end of the practice's day, when the override ends by itself.",
            required=True,
            create=False,
            patch=False,
        ),
        Field(
            name="created_by",
            type=Structure({"$ref": "#/components/schemas/Reference"}, check=lambda value, _now: value),
            doc="The clinician who decided.",
            create=False,
            patch=False,
            stored=False,
        ),
        _kept("author_id", Uuid(), "The clinician who decided."),
        _kept("author_name", Text(), "Their name at that time."),
        *(_overridden(vital) for vital in vital_ranges.VITALS),
    ),
    filters=(
        Filter(
            entry=Entry(key="vitals_uuid", type=Uuid(), doc="Only overrides of this reading."),
            column="vital_signs_id",
        ),
    ),
    beside=tuple(Beside(of="self", column=c) for c in ("author_id", "author_name", *vital_ranges.VITALS)),
    settle=settle,
    present=present,
)
OVERRIDE = Action(
    name="override",
    method="POST",
    path="/{vitals_uuid}/override",
    allow="override",
    summary="Override a hold",
    doc=(
        "Records that a clinician goes on in spite of the values of this reading that hold procedures now. The override"
        " ends at the end of the practice's day; a newer reading in the blocking range needs another one."
    ),
    answer="HoldOverrideOut",
    run=override,
    writes=True,
    body=body_of(
        "OverrideHoldIn",
        Entry(key="reason", type=REASON, doc="Why the procedure goes on.", required=True),
        example={"reason": "Emergency extraction; physician consulted by telephone"},
    ),
    errors=("not_found", "no_hold"),
)
