"""The medical summary: what must be known of a patient at the chair, in one answer."""

from __future__ import annotations

from typing import Any

from chairside.changes import Asked, Desk, Reply
from chairside.errors import refuse
from chairside.records.chart.latest_vitals import latest_vitals
from chairside.resource import Action

REF = "#/components/schemas/"


def _many(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": REF + name}}


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A patient's chart in short.",
    "properties": {
        "patient": {"$ref": REF + "Reference", "x-patient": True},
        "medical_urgent_note": {"type": ["string", "null"]},
        "premedication_required": {"type": "boolean"},
        "allergy_review_status": {"type": "string", "enum": ["nkda", "not_reviewed", "reviewed"]},
        "alerts": _many("PatientAlertOut"),
        "allergies": _many("PatientAllergyOut"),
        "active_problems": _many("PatientDiseaseOut"),
        "current_medications": _many("PatientMedicationOut"),
        "past_medications": _many("PatientMedicationOut"),
        "latest_vitals": {"anyOf": [{"$ref": REF + "LatestVitalsOut"}, {"type": "null"}]},
        "social_history": _many("SocialHistoryOut"),
    },
}
SCHEMA["required"] = list(SCHEMA["properties"])


async def summarize(desk: Desk, asked: Asked) -> Reply:
    """Eight statements, whatever the chart's size."""
    patient_id = asked.path["patient_uuid"]
    found = await desk.ask("chart.summary_head", patient_id)
    if not found:
        raise refuse("not_found", "path", "patient_uuid")
    head = found[0]
    medications = await desk.listed("medication", asked)
    vitals = await desk.listed("vital_signs", asked, page_size=1)
    data = {
        "patient": {"id": patient_id, "name": head["name"]},
        "medical_urgent_note": head["medical_urgent_note"],
        "premedication_required": head["premedication_required"],
        "allergy_review_status": head["allergy_review_status"],
        "alerts": await desk.listed("alert", asked, status="active", include_family=True),
        "allergies": await desk.listed("allergy", asked, is_active=True),
        "active_problems": await desk.listed("disease", asked, problem_status="active"),
        "current_medications": [m for m in medications if m["status"] == "active"],
        "past_medications": [m for m in medications if m["status"] != "active"],
        "latest_vitals": await latest_vitals(desk, patient_id, head, vitals[0] if vitals else None),
        "social_history": await desk.listed("social_history", asked),
    }
    return Reply(data=data, patient_id=patient_id)


SUMMARY = Action(
    name="medical_summary",
    operation_id="get_patient_medical_summary",
    method="GET",
    path="/{patient_uuid}/medical-summary",
    allow="read",
    area="chart",
    summary="Read a patient's medical summary",
    doc=(
        "Active allergies and problems, medications now and before, alerts, the newest value of each vital sign with"
        " the holds that follow from it, social history."
    ),
    answer="MedicalSummaryOut",
    run=summarize,
    errors=("not_found",),
)
