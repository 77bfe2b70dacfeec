"""The newest value of each vital sign, computed from all readings of a patient that are not archived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from chairside.changes import Desk, Record
from chairside.knowledge import vital_ranges

PRESSURE = ("bp_systolic", "bp_diastolic")
MEASURED = (*vital_ranges.VITALS, "height_inches", "weight_lbs", "bmi")
# The practice's clock.
ZONE: tzinfo = UTC
Newest = Mapping[str, Record]


async def newest_of_each(desk: Desk, patient_id: str) -> Newest:
    """The newest reading of each vital sign that was ever measured, by its name, with the override of its value."""
    rows = await desk.ask("chart.newest_of_each_vital", patient_id, str(ZONE), desk.now)
    return {row["vital"]: row for row in rows}


def end_of_day(now: datetime) -> datetime:
    """The first moment of the practice's next day."""
    tomorrow = now.astimezone(ZONE).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=ZONE).astimezone(UTC)


def by_vital(newest: Newest, now: datetime) -> dict[str, Any]:
    """For each vital sign its newest value with its reading, time and age; None where there is no value."""
    local = now.astimezone(ZONE)
    return {vital: _value(newest[vital], vital, local) if vital in newest else None for vital in MEASURED}


def _value(reading: Record, vital: str, local: datetime) -> dict[str, Any]:
    day, clock = reading["date_taken"], reading["time_taken"]
    minutes = None
    if clock is not None:
        taken = datetime.combine(day, clock, tzinfo=local.tzinfo)
        minutes = max(0, int((local - taken).total_seconds() // 60))
    return {
        "value": reading[vital],
        "reading_id": reading["id"],
        "date_taken": day,
        "time_taken": clock,
        "age_days": max(0, (local.date() - day).days),
        "age_minutes": minutes,
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
