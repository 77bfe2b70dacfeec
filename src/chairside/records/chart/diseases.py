"""The problem list of a patient."""

from __future__ import annotations

from chairside.changes import Change, wrong
from chairside.fields import Entry, Field, Reference
from chairside.resource import Filter, Kind
from chairside.types import Choice, Date, Text

STATUSES = ("active", "resolved", "inactive")
FUNCTIONS = ("problem", "cognitive_result", "cognitive_problem", "functional_result", "functional_problem")


def settle(change: Change) -> None:
    new = change.after
    if change.changed("problem_status") and new["problem_status"] == "resolved" and new["date_stop"] is None:
        new["date_stop"] = max(change.today, new["date_start"] or change.today)
    if change.before is not None and change.changed("problem_status") and new["problem_status"] == "active":
        new["date_stop"] = new["date_stop"] if "date_stop" in change.given else None
    if new["date_start"] and new["date_stop"] and new["date_stop"] < new["date_start"]:
        raise wrong("out_of_range", "date_stop", "must not be before date_start")


DISEASES = Kind(
    name="disease",
    table="patient_diseases",
    path="patients/{patient_uuid}/diseases",
    id_param="disease_uuid",
    schema="PatientDisease",
    title="disease",
    plural="diseases",
    area="chart",
    doc="A disease or problem of a patient.",
    parent="patient",
    label=(),
    fields=(
        Reference(name="disease_definition", to="disease_definition", doc="Which.", required=True, portal="read"),
        Field(
            name="problem_status",
            type=Choice(STATUSES, name="ProblemStatus"),
            doc="Resolving sets date_stop if it is empty; a problem that is active again loses it.",
            default="active",
            portal="read",
        ),
        Field(
            name="function_status",
            type=Choice(FUNCTIONS, name="FunctionStatus"),
            doc="What sort of finding it is.",
            default="problem",
        ),
        Field(name="date_start", type=Date(), doc="Since when.", portal="read"),
        Field(name="date_stop", type=Date(), doc="Until when.", portal="read"),
        Field(name="snomed_problem_type", type=Text(max=18), doc="SNOMED CT code of the type of problem."),
        Field(name="patient_note", type=Text(max=2000), doc="Note."),
    ),
    filters=(
        Filter(
            entry=Entry(
                key="problem_status", type=Choice(STATUSES, name="ProblemStatus"), doc="Only those of this status."
            ),
            column="problem_status",
        ),
    ),
    settle=settle,
)
