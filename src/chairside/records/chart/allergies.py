"""Allergies of a patient, checked against the medications they take."""

from __future__ import annotations

from typing import Any

from chairside.changes import Change, Desk, Record
from chairside.fields import Entry, Field, Reference
from chairside.knowledge.interactions import Substance, check
from chairside.records.chart.warnings import WARNINGS, shown, substance
from chairside.resource import Filter, Kind, Unique
from chairside.types import Boolean, Date, Text


async def consult(desk: Desk, change: Change) -> None:
    """Warn of medications that the allergy speaks against, and note that allergies were asked for."""
    new = change.after
    if change.before is not None and not change.changed("allergy_definition_id", "status_is_active"):
        return
    await desk.ask("patients.lock", [new["patient_id"]])
    await desk.keep("patient", new["patient_id"], allergy_review_status="reviewed")
    if new["status_is_active"]:
        change.extra["interaction_warnings"] = await _warnings(desk, new)


async def _warnings(desk: Desk, allergy: Record) -> list[dict[str, Any]]:
    [definition] = await desk.ask("chart.allergen", allergy["allergy_definition_id"])
    allergen = Substance(definition["name"], definition["rx_cui"], definition["allergen_class"])
    ref = {"id": allergy["id"], "name": definition["name"]}
    today = await desk.today(allergy["patient_id"])
    taken = await desk.ask("chart.active_medications", allergy["patient_id"], today)
    found = ((m, check(allergen, substance(m), allergy_severity=allergy["severity"])) for m in taken)
    return [shown(warning, ref, {"id": m["id"], "name": m["name"]}) for m, warning in found if warning]


ALLERGIES = Kind(
    name="allergy",
    table="patient_allergies",
    path="patients/{patient_uuid}/allergies",
    id_param="allergy_uuid",
    schema="PatientAllergy",
    title="allergy",
    plural="allergies",
    area="chart",
    doc="Something a patient is allergic to.",
    parent="patient",
    label=(),
    fields=(
        Reference(name="allergy_definition", to="allergy_definition", doc="To what.", required=True, portal="read"),
        Field(name="reaction", type=Text(max=500), doc="What happened.", portal="read"),
        Field(
            name="severity",
            type=Text(max=64),
            doc="Free text; mild, moderate, severe and life_threatening are understood by the checker.",
            portal="read",
        ),
        Field(name="snomed_reaction", type=Text(max=18), doc="SNOMED CT code of the reaction."),
        Field(name="date_adverse_reaction", type=Date(past=True), doc="When it happened.", portal="read"),
        Field(name="status_is_active", type=Boolean(), doc="Whether it still holds.", default=True, portal="read"),
        WARNINGS,
    ),
    filters=(
        Filter(
            entry=Entry(key="is_active", type=Boolean(), doc="Only active ones, or only inactive ones."),
            column="status_is_active",
        ),
    ),
    unique=(Unique(constraint="patient_allergies_active", code="duplicate_allergy", key="allergy_definition_uuid"),),
    consult=consult,
)
