"""The family as billing sees it: everybody with the same guarantor."""

from __future__ import annotations

from typing import Any

from chairside.changes import Asked, Desk, Reply
from chairside.errors import refuse
from chairside.records.patients.fields import STATUSES
from chairside.resource import Action

MAYBE_TEXT = {"type": ["string", "null"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Somebody who shares the patient's guarantor.",
    "properties": {
        "id": {"type": "string", "format": "uuid", "x-patient": True},
        "first_name": {"type": "string"},
        "last_name": {"type": "string"},
        "preferred_name": MAYBE_TEXT,
        "date_of_birth": {"type": ["string", "null"], "format": "date"},
        "status": {"type": "string", "enum": list(STATUSES)},
        "is_guarantor": {"type": "boolean"},
        "is_self": {"type": "boolean"},
    },
}
SCHEMA["required"] = list(SCHEMA["properties"])


async def list_family(desk: Desk, asked: Asked) -> Reply:
    patient_id = asked.path["patient_uuid"]
    members = await desk.ask("people.family", patient_id)
    if not members:
        raise refuse("not_found", "path", "patient_uuid")
    return Reply(data=[m | {"is_self": m["id"] == patient_id} for m in members], patient_id=patient_id)


FAMILY = Action(
    name="family",
    operation_id="list_patient_family",
    method="GET",
    path="/{patient_uuid}/family",
    allow="read",
    area="people",
    summary="List a patient's family",
    doc="Everybody with the same guarantor who is not archived: the guarantor first, then by date of birth.",
    answer="FamilyMemberOut",
    run=list_family,
    many=True,
    errors=("not_found",),
)
