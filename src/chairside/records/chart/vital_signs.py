"""Vital signs, judged by the patient's age and the org's preset whenever they are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from chairside.changes import Change, Desk, Record, wrong
from chairside.fields import Entry, Field, Reference
from chairside.knowledge import growth, vital_ranges
from chairside.records.chart.holds import OVERRIDE
from chairside.resource import Beside, Filter, Kind
from chairside.types import Boolean, Date, Integer, Many, Number, Structure, Text, TimeOfDay

BORN, SEX, PRESET = "patient.date_of_birth", "patient.gender", "org_settings.blocking_preset"
FLAG: dict[str, Any] = {
    "type": "object",
    "description": "A value outside the usual range for the age.",
    "properties": {
        "vital": {"type": "string", "enum": list(vital_ranges.VITALS)},
        "value": {"type": "number"},
        "severity": {"type": "string", "enum": ["warning", "critical"]},
        "message": {"type": "string"},
    },
    "required": ["vital", "value", "severity", "message"],
}


def months_old(born: date | None, day: date) -> int | None:
    """Whole months of age on a day; None when either is unknown."""
    if born is None:
        return None
    return max(0, (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day))


def exact_months(born: date, day: date) -> float:
    """Months of age with their fraction, as growth tables count them: whole ones on the day, 30.4375 days a month."""
    whole = months_old(born, day) or 0
    # Not days alone: they make some children 23.98 months old on their second birthday.
    return min(max((day - born).days / 30.4375, whole), whole + 0.99)


def settle(change: Change) -> None:
    new = change.after
    systolic, diastolic = new["bp_systolic"], new["bp_diastolic"]
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        raise wrong("out_of_range", "bp_diastolic", "must be below bp_systolic")
    if _left_open(change, "bmi") and change.changed("height_inches", "weight_lbs"):
        index = _index(new)
        # Without both measures, an index that was computed from them goes with them; one that was sent stays.
        if index is not None or (change.before is not None and _index(change.before) == new["bmi"]):
            new["bmi"] = index


def _left_open(change: Change, column: str) -> bool:
    """Whether the caller leaves it to the server to compute; a form that sends back what it was shown does, too."""
    sent_back = change.before is not None and change.before[column] == change.after[column]
    return column not in change.given or change.after[column] is None or sent_back


def _index(reading: Record) -> Decimal | None:
    """Body mass index; None without height and weight, or where they cannot mean one."""
    if reading["height_inches"] is None or reading["weight_lbs"] is None:
        return None
    index = vital_ranges.bmi(reading["height_inches"], reading["weight_lbs"])
    return index if BMI.min <= index <= BMI.max else None


async def consult(desk: Desk, change: Change) -> None:
    """Takes a percentile that is as computed for no supplied one, and notes the flags of this moment for the event."""
    new = change.after
    await desk.look_beside("vital_signs", new)
    born, sex = new[BORN], new[SEX]
    if born is not None and new["date_taken"] < born:
        raise wrong("out_of_range", "date_taken", "must not be before the patient was born")
    if "bmi_percentile" in change.given:
        versions = (
            [new] if change.before is None or change.before["bmi_percentile"] is not None else [change.before, new]
        )
        computed = {percentile(reading["bmi"], sex, born, reading["date_taken"]) for reading in versions}
        if new["bmi_percentile"] in computed:
            new["bmi_percentile"] = None
    shown: Record = dict(new)
    present(shown, new)
    change.notes = [f"{f['vital']} {f['severity']}" for f in shown["abnormal_flags"]]
    if shown["is_procedure_blocking"]:
        change.notes.append("procedure_blocking")


def percentile(bmi: Decimal | None, sex: str | None, born: date | None, day: date) -> int | None:
    """BMI-for-age percentile as a whole number; None outside 2 to 20 years or without a sex the table knows."""
    if bmi is None or born is None or sex not in ("male", "female"):
        return None
    found = growth.bmi_percentile(float(bmi), sex=sex, age_months=exact_months(born, day))
    return None if found is None else round(found)


def present(answer: dict[str, Any], beside: Mapping[str, Any]) -> None:
    """Flags and percentile by the birth date and sex of now, blocking by the preset of now."""
    reading = {vital: answer[vital] for vital in vital_ranges.VITALS}
    answer["abnormal_flags"] = flags_of(reading, beside[BORN], answer["date_taken"])
    if answer["bmi_percentile"] is None:
        answer["bmi_percentile"] = percentile(answer["bmi"], beside[SEX], beside[BORN], answer["date_taken"])
    answer["is_procedure_blocking"] = vital_ranges.is_procedure_blocking(reading, preset=beside[PRESET] or "reference")


def flags_of(reading: vital_ranges.Reading, born: date | None, day: date) -> list[dict[str, Any]]:
    """The flags of the values of one day, as answers show them."""
    return [
        {"vital": f.vital, "value": f.value, "severity": f.severity, "message": f.message}
        for f in vital_ranges.flags(reading, age_months=months_old(born, day))
    ]


async def follow(desk: Desk, change: Change) -> None:
    """The patient's latest_vitals_date is the day of the newest reading that is not archived."""
    patient_id = change.after["patient_id"]
    # Two readings at once wait for each other here, so that neither is refused and the newest day wins.
    await desk.ask("patients.lock", [patient_id])
    [newest] = await desk.ask("chart.newest_vitals_day", patient_id)
    await desk.keep("patient", patient_id, latest_vitals_date=newest["day"])


def _number(name: str, least: str, most: str, scale: int, doc: str) -> Field:
    return Field(name=name, type=Number(Decimal(least), Decimal(most), scale), doc=doc, portal="read")


def _whole(name: str, least: int, most: int, doc: str) -> Field:
    return Field(name=name, type=Integer(min=least, max=most), doc=doc, portal="read")


BMI = Number(Decimal(4), Decimal(300), 1)
VITAL_SIGNS = Kind(
    name="vital_signs",
    table="patient_vital_signs",
    path="patients/{patient_uuid}/vital-signs",
    id_param="vitals_uuid",
    schema="VitalSigns",
    title="reading of vital signs",
    plural="vital signs",
    area="chart",
    doc="What was measured at one time.",
    parent="patient",
    label=(),
    order=("-date_taken", "-time_taken", "-id"),
    fields=(
        Field(name="date_taken", type=Date(past=True), doc="On which day.", required=True, portal="read"),
        Field(
            name="time_taken",
            type=TimeOfDay(),
            doc="At what time of the practice's day, HH:MM or HH:MM:SS.",
            portal="read",
        ),
        Reference(name="provider", to="provider", doc="Who measured."),
        _whole("bp_systolic", 40, 350, "Systolic blood pressure, mmHg."),
        _whole("bp_diastolic", 20, 250, "Diastolic blood pressure, mmHg; below systolic."),
        _whole("pulse", 20, 300, "Beats per minute."),
        _whole("oxygen_saturation", 40, 100, "SpO2 in percent."),
        _whole("respiration_rate", 4, 100, "Breaths per minute."),
        _number("temperature_f", "80", "115", 1, "Temperature in degrees Fahrenheit."),
        _number("height_inches", "10", "100", 2, "Height in inches."),
        _number("weight_lbs", "1", "1500", 2, "Weight in pounds."),
        Field(name="bmi", type=BMI, doc="Body mass index; from height and weight if not given.", portal="read"),
        Field(
            name="bmi_percentile",
            type=Integer(max=100),
            doc="BMI-for-age percentile (CDC) from 2 to 20 years; computed on reading unless it was sent.",
            portal="read",
        ),
        Field(name="weight_code", type=Text(max=32), doc="Code of the kind of weight."),
        Field(name="has_followup_plan", type=Boolean(), doc="Whether a follow-up is planned.", default=False),
        Field(name="note", type=Text(max=2000), doc="Note."),
        Field(name="created_by", type=Integer(), doc="Number of the user.", create=False, patch=False),
        Field(
            name="abnormal_flags",
            type=Many(item=Structure({"$ref": "#/components/schemas/VitalFlagOut"}, check=lambda value, _now: value)),
            doc="Values outside the usual range for the age.",
            default=(),
            create=False,
            patch=False,
            stored=False,
        ),
        Field(
            name="is_procedure_blocking",
            type=Boolean(),
            doc="Whether any value is in the org's blocking range: measure again, or override the hold with a reason.",
            default=False,
            create=False,
            patch=False,
            stored=False,
        ),
    ),
    filters=(
        Filter(
            entry=Entry(key="date_from", type=Date(), doc="Taken on this day or later.", recordable=True),
            column="date_taken",
            how="from",
        ),
        Filter(
            entry=Entry(key="date_to", type=Date(), doc="Taken on this day or before.", recordable=True),
            column="date_taken",
            how="to",
        ),
    ),
    beside=(
        Beside(of="patient", column="date_of_birth"),
        Beside(of="patient", column="gender"),
        Beside(of="org_settings", column="blocking_preset"),
    ),
    present=present,
    settle=settle,
    consult=consult,
    follow=follow,
    actions=(OVERRIDE,),
)
