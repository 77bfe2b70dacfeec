"""Medications of a patient, checked against their allergies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chairside.changes import Change, Desk, Record, wrong
from chairside.errors import Problem
from chairside.fields import Entry, Field, Reference
from chairside.knowledge.interactions import Substance, check
from chairside.records.chart.warnings import WARNINGS, shown, substance
from chairside.resource import Filter, Kind, Lapse
from chairside.types import Boolean, Choice, Date, Text, rx_cui

STATUSES = ("active", "completed", "discontinued", "on_hold")


def check_create(values: dict[str, Any], _now: datetime) -> Iterable[Problem]:
    if not values.get("medication_definition_uuid") and not values.get("med_descript"):
        yield Problem(("medication_definition_uuid",), "give a definition, or med_descript in words", "missing")


def settle(change: Change) -> None:
    new = change.after
    if new["medication_definition_id"] is None and not new["med_descript"]:
        raise wrong("missing", "med_descript", "a medication needs a definition or words")
    ended = new["status"] in ("completed", "discontinued")
    if change.changed("status") and new["status"] != "active" and new["date_stop"] is None:
        new["date_stop"] = max(change.today, new["date_start"] or change.today)
    if change.changed("status") and not ended and new["status"] == "active" and "date_stop" not in change.given:
        new["date_stop"] = new["date_stop"] if change.before is None else None
    if new["date_start"] and new["date_stop"] and new["date_stop"] < new["date_start"]:
        raise wrong("out_of_range", "date_stop", "must not be before date_start")
    if new["status"] == "active" and new["date_stop"] is not None and new["date_stop"] < change.today:
        new["status"] = "completed"


async def consult(desk: Desk, change: Change) -> None:
    """Warn of allergies that speak against the medication."""
    new = change.after
    if new["status"] == "active" and change.changed("medication_definition_id", "med_descript", "rx_cui", "status"):
        change.extra["interaction_warnings"] = await _warnings(desk, new)


async def _warnings(desk: Desk, medication: Record) -> list[dict[str, Any]]:
    definition: Record = {"name": None, "generic_name": None, "rx_cui": None, "drug_class": None}
    if medication["medication_definition_id"] is not None:
        [definition] = await desk.ask("chart.drug", medication["medication_definition_id"])
    known = {**definition, "med_descript": medication["med_descript"]}
    known["rx_cui"] = medication["rx_cui"] or definition["rx_cui"]
    taken = substance(known)
    ref = {"id": medication["id"], "name": definition["name"] or medication["med_descript"]}
    allergies = await desk.ask("chart.active_allergies", medication["patient_id"])
    found = (
        (a, check(Substance(a["name"], a["rx_cui"], a["allergen_class"]), taken, allergy_severity=a["severity"]))
        for a in allergies
    )
    return [shown(warning, {"id": a["id"], "name": a["name"]}, ref) for a, warning in found if warning]


MEDICATIONS = Kind(
    name="medication",
    table="patient_medications",
    path="patients/{patient_uuid}/medications",
    id_param="medication_uuid",
    schema="PatientMedication",
    title="medication",
    plural="medications",
    area="chart",
    doc="A medication that a patient takes or took.",
    parent="patient",
    label=(),
    fields=(
        Reference(
            name="medication_definition", to="medication_definition", doc="Which, of the catalog.", portal="read"
        ),
        Field(name="med_descript", type=Text(max=500, min=1, trim=True), doc="Which, in words.", portal="read"),
        Field(name="rx_cui", type=rx_cui(), doc="RxNorm code; else that of the definition counts."),
        Field(name="dosage", type=Text(max=120), doc="Such as 500 mg.", portal="read"),
        Field(name="route", type=Text(max=64), doc="Such as oral.", portal="read"),
        Field(name="frequency", type=Text(max=120), doc="Such as three times daily.", portal="read"),
        Field(name="date_start", type=Date(), doc="First day.", portal="read"),
        Field(
            name="date_stop",
            type=Date(),
            doc="Last day; today when it stops being active. Once it is over, an active medication is completed.",
            portal="read",
        ),
        Reference(name="provider", to="provider", doc="Who prescribed it."),
        Field(name="is_cpoe", type=Boolean(), doc="Ordered by computer.", default=False),
        Field(name="patient_note", type=Text(max=2000), doc="Note."),
        Field(
            name="status",
            type=Choice(STATUSES),
            doc="Active at first.",
            default="active",
            create=False,
            portal="read",
        ),
        Field(name="discontinuation_reason", type=Text(max=500), doc="Why it was ended.", create=False),
        WARNINGS,
    ),
    filters=(
        Filter(
            entry=Entry(key="is_active", type=Boolean(), doc="Only active ones, or only the others."),
            column="status",
            how="is",
            value="active",
        ),
    ),
    lapse=Lapse(column="status", held="active", on="date_stop", becomes="completed", through=True),
    check_create=check_create,
    settle=settle,
    consult=consult,
)
