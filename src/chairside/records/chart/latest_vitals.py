"""The latest vital signs of the medical summary: the newest value of each, with flags and holds."""

from __future__ import annotations

from typing import Any

from chairside.changes import Desk, Record
from chairside.knowledge import vital_ranges
from chairside.records.chart.holds import holds
from chairside.records.chart.readings import MEASURED, Newest, by_vital, merged, newest_of_each
from chairside.records.chart.vital_signs import flags_of, percentile

REF = "#/components/schemas/"
DAY: dict[str, Any] = {"type": "string", "format": "date"}
CLOCK: dict[str, Any] = {"type": ["string", "null"], "format": "time"}
UUID: dict[str, Any] = {"type": "string", "format": "uuid"}


def _object(doc: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": doc, "properties": properties, "required": list(properties)}


def _or_null(name: str) -> dict[str, Any]:
    return {"anyOf": [{"$ref": REF + name}, {"type": "null"}]}


def _list(name: str, doc: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": REF + name}, "description": doc}


SCHEMAS: dict[str, dict[str, Any]] = {
    "LatestVitalOut": _object(
        "The newest value of one vital sign.",
        value={"type": ["integer", "string"], "description": "As in a reading; a decimal is text."},
        reading_id=UUID,
        date_taken=DAY,
        time_taken=CLOCK,
        age_days={"type": "integer", "minimum": 0, "description": "Days of the practice's calendar since then."},
        age_minutes={
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "Minutes since then; null for a reading without a time.",
        },
    ),
    "LatestByVitalOut": _object(
        "The newest value of each vital sign; null for one that was never measured.",
        **{vital: _or_null("LatestVitalOut") for vital in MEASURED},
    ),
    "HoldOverrideInForceOut": _object(
        "The override in force for a hold.",
        id=UUID,
        reason={"type": "string"},
        created_by={"$ref": REF + "Reference"},
        created_at={"type": "string", "format": "date-time"},
        ends_at={"type": "string", "format": "date-time"},
    ),
    "HoldOut": _object(
        "A newest value in the org's blocking range. It holds procedures unless an override is in force.",
        vital={"type": "string", "enum": list(vital_ranges.VITALS)},
        value={"type": "number"},
        reading_id=UUID,
        date_taken=DAY,
        time_taken=CLOCK,
        override=_or_null("HoldOverrideInForceOut"),
    ),
}
SCHEMAS["LatestVitalsOut"] = {
    "description": "The newest reading with the newest value of each vital sign in it.",
    "allOf": [
        {"$ref": REF + "VitalSignsOut"},
        _object(
            "The newest values one by one, and the holds that follow from them.",
            by_vital={"$ref": REF + "LatestByVitalOut"},
            holds=_list("HoldOut", "Values that hold procedures, those with an override in force included."),
        ),
    ],
}


async def latest_vitals(desk: Desk, patient_id: str, head: Record, newest: dict[str, Any] | None) -> Any:
    """The newest reading with the newest value of each vital sign in it; None for a patient without readings."""
    readings = await newest_of_each(desk, patient_id)
    standing = holds(readings, head["blocking_preset"] or "reference")
    if newest is None:
        return None
    return (
        newest
        | merged(readings)
        | _percentile(readings, head)
        | {
            "abnormal_flags": _flags(readings, head),
            "is_procedure_blocking": any(hold["override"] is None for hold in standing),
            "by_vital": by_vital(readings, desk.now),
            "holds": standing,
        }
    )


def _percentile(readings: Newest, head: Record) -> dict[str, Any]:
    """The percentile of the reading that the newest body mass index is of."""
    if "bmi" not in readings:
        return {}
    reading = readings["bmi"]
    computed = percentile(reading["bmi"], head["gender"], head["date_of_birth"], reading["date_taken"])
    return {"bmi_percentile": computed if reading["bmi_percentile"] is None else reading["bmi_percentile"]}


def _flags(readings: Newest, head: Record) -> list[dict[str, Any]]:
    """Each value judged by the age on the day it was measured."""
    return [
        flag
        for vital in vital_ranges.VITALS
        if vital in readings
        for flag in flags_of({vital: readings[vital][vital]}, head["date_of_birth"], readings[vital]["date_taken"])
    ]
