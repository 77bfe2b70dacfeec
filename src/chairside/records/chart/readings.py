"""The newest value of each vital sign, computed from all readings of a patient that are not archived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from chairside.changes import Desk, Record
from chairside.knowledge import vital_ranges

PRESSURE = ("bp_systolic", "bp_diastolic")
MEASURED = (*vital_ranges.VITALS, "height_inches", "weight_lbs", "bmi")
Newest = Mapping[str, Record]


async def newest_of_each(desk: Desk, patient_id: str) -> Newest:
    """The newest reading of each vital sign that was ever measured, by its name, with the override of its value."""
    rows = await desk.ask("chart.newest_of_each_vital", patient_id, desk.now)
    return {row["vital"]: row for row in rows}


async def end_of_day(desk: Desk, patient_id: str) -> datetime:
    """The first moment of the next day where the patient is treated."""
    [day] = await desk.ask("chart.end_of_day", patient_id, desk.now)
    end: datetime = day["at"]
    return end


def by_vital(newest: Newest, now: datetime) -> dict[str, Any]:
    """For each vital sign its newest value with its reading, time and age; None where there is no value."""
    return {vital: _value(newest[vital], vital, now) if vital in newest else None for vital in MEASURED}


def _value(reading: Record, vital: str, now: datetime) -> dict[str, Any]:
    taken_at = reading["taken_at"]
    return {
        "value": reading[vital],
        "reading_id": reading["id"],
        "date_taken": reading["date_taken"],
        "time_taken": reading["time_taken"],
        "age_days": max(0, (reading["today"] - reading["date_taken"]).days),
        "age_minutes": None if taken_at is None else max(0, int((now - taken_at).total_seconds() // 60)),
    }


def merged(newest: Newest) -> dict[str, Any]:
    """The newest values as one reading has them. Blood pressure is a pair and comes from one reading."""
    values: dict[str, Any] = {vital: newest[vital][vital] for vital in MEASURED if vital in newest}
    pressures = [newest[vital] for vital in PRESSURE if vital in newest]
    if len({reading["id"] for reading in pressures}) > 1:
        # One of the two was measured again without the other.
        later = max(pressures, key=_order)
        values |= {vital: later[vital] for vital in PRESSURE}
    return values


def _order(reading: Record) -> tuple[date, bool, Any, str]:
    clock = reading["clock"]
    return reading["date_taken"], clock is not None, clock, reading["id"]
