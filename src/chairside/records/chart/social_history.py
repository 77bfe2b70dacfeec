"""Social history: one entry per category, such as tobacco or occupation."""

from __future__ import annotations

from chairside.changes import Change, Desk
from chairside.fields import Field
from chairside.resource import Kind, Unique
from chairside.types import Choice, Date, Integer, Text

CATEGORIES = ("tobacco", "alcohol", "drug_use", "occupation", "exercise", "diet", "sexual_health", "other")


async def follow(desk: Desk, change: Change) -> None:
    """The patient's smoking_snomed is the code of the active tobacco entry."""
    if change.after["category"] != "tobacco":
        return
    patient_id = change.after["patient_id"]
    await desk.ask("patients.lock", [patient_id])
    active = await desk.ask("chart.tobacco", patient_id)
    await desk.keep("patient", patient_id, smoking_snomed=active[0]["snomed_code"] if active else None)


SOCIAL_HISTORY = Kind(
    name="social_history",
    table="patient_social_history",
    path="patients/{patient_uuid}/social-history",
    id_param="social_history_uuid",
    schema="SocialHistory",
    title="social history entry",
    plural="social history",
    area="chart",
    doc="What a patient tells about habits and circumstances.",
    parent="patient",
    label=(),
    order=("category", "id"),
    fields=(
        Field(name="category", type=Choice(CATEGORIES), doc="One active entry of each.", required=True, patch=False),
        Field(name="value", type=Text(max=500, min=1, trim=True), doc="What was told.", required=True),
        Field(name="snomed_code", type=Text(max=18), doc="SNOMED CT code."),
        Field(name="note", type=Text(max=2000), doc="Note."),
        Field(name="date_recorded", type=Date(past=True), doc="When it was told."),
        Field(name="created_by", type=Integer(), doc="Number of the user.", create=False, patch=False),
    ),
    follow=follow,
    unique=(Unique(constraint="patient_social_history_category", code="duplicate_category", key="category"),),
)
