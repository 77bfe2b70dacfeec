"""Relationships between patients, guardians and dependents among them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chairside.changes import Asked, Change, Desk, Reply, wrong
from chairside.errors import refuse
from chairside.fields import Field, Reference
from chairside.records.people.circles import refuse_circles
from chairside.resource import Action, Kind, Unique
from chairside.types import Boolean, Choice, Text

TYPES = (
    "caregiver", "child", "clone", "foster_child", "grandchild", "grandparent", "guardian", "life_partner", "merge",
    "other_family", "parent", "sibling", "spouse", "stepchild", "stepparent",
)  # fmt: skip


def settle(change: Change) -> None:
    if change.after["to_patient_id"] == change.after["patient_id"]:
        raise wrong("contradiction", "to_patient_uuid", "a patient cannot be related to themselves")


async def guardians(desk: Desk, asked: Asked) -> Reply:
    return await _related(desk, asked, "to_patient_id")


async def dependents(desk: Desk, asked: Asked) -> Reply:
    return await _related(desk, asked, "patient_id")


async def _related(desk: Desk, asked: Asked, side: str) -> Reply:
    patient_id = asked.path["patient_uuid"]
    if not await desk.ask("patients.exists", patient_id):
        raise refuse("not_found", "path", "patient_uuid")
    found = await desk.where("relationship", is_guardian=True, **{side: patient_id})
    return Reply(data=found, patient_id=patient_id)


def present(answer: dict[str, Any], _beside: Mapping[str, Any]) -> None:
    answer["from_patient_name"] = answer["from_patient"]["name"]
    answer["to_patient_name"] = answer["to_patient"]["name"]


def _list(name: str, path: str, summary: str, doc: str, run: Callable[[Desk, Asked], Awaitable[Reply]]) -> Action:
    return Action(
        name=name,
        operation_id=f"list_patient_{name}",
        method="GET",
        path=path,
        allow="read",
        summary=summary,
        doc=doc,
        area="people",
        answer="PatientRelationshipOut",
        run=run,
        many=True,
        errors=("not_found",),
    )


RELATIONSHIPS = Kind(
    name="relationship",
    table="patient_relationships",
    path="patients/{patient_uuid}/relationships",
    id_param="relationship_uuid",
    schema="PatientRelationship",
    title="relationship",
    plural="relationships",
    area="people",
    doc="What one patient is to another, in that one direction.",
    parent="patient",
    parent_name="from_patient",
    label=(),
    fields=(
        Reference(name="to_patient", to="patient", doc="The other patient.", required=True, patch=False),
        Field(
            name="relationship_type",
            type=Choice(TYPES, name="RelationshipType"),
            doc="What the patient is to the other.",
            required=True,
        ),
        Field(name="is_guardian", type=Boolean(), doc="Whether the patient is the other's guardian.", default=False),
        Field(name="note", type=Text(max=2000), doc="Such as custody arrangements."),
        Field(
            name="from_patient_name", type=Text(), doc="Name of the patient.", create=False, patch=False, stored=False
        ),
        Field(name="to_patient_name", type=Text(), doc="Name of the other.", create=False, patch=False, stored=False),
    ),
    unique=(Unique(constraint="patient_relationships_active", code="duplicate_relationship", key="to_patient_uuid"),),
    settle=settle,
    consult=refuse_circles,
    present=present,
)
GUARDIANS = _list(
    "guardians", "/{patient_uuid}/guardians", "List a patient's guardians", "Relationships to this patient.", guardians
)
DEPENDENTS = _list(
    "dependents",
    "/{patient_uuid}/dependents",
    "List whom a patient is guardian of",
    "Relationships from this patient with is_guardian.",
    dependents,
)
