"""The log of communications: only ever added to, also for the database role of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chairside.changes import Change, Desk, wrong
from chairside.fields import Entry, Field, Reference
from chairside.records.catalogs import catalog
from chairside.resource import Beside, Filter, Kind
from chairside.types import Choice, Moment, Structure, Text, Timestamp, Uuid

MODES = ("phone", "email", "mail", "in_person", "text", "fax")
DIRECTIONS = ("sent", "received", "neither")
SOURCES = ("user", "integration", "automated")

COMMUNICATION_TYPES = catalog(
    "communication_type",
    "communication-types",
    "CommunicationType",
    "communication types",
    "What a communication is about.",
    Field(name="description", type=Text(max=1000), doc="What it stands for."),
)


def settle(change: Change) -> None:
    """Set the source: the one that the token was made with, else by the caller's role."""
    change.after["communication_source"] = change.source or ("integration" if change.role == "integration" else "user")


async def consult(desk: Desk, change: Change) -> None:
    """An appointment that is named must be the patient's own."""
    appointment = change.after["appointment_id"]
    if appointment is not None:
        held = await desk.load("appointment", appointment, at=("body", "appointment_uuid"))
        if held["patient_id"] != change.after["patient_id"]:
            raise wrong("not_found", "appointment_uuid", "there is no such appointment of this patient")


def present(answer: dict[str, Any], beside: Mapping[str, Any]) -> None:
    answer["created_by"] = {"id": beside["self.author_id"], "name": beside["self.author_name"]}


def _of(name: str, doc: str) -> Field:
    return Field(
        name=name, type=Uuid() if name.endswith("_id") else Text(), doc=doc, hidden=True, create=False, patch=False
    )


COMMUNICATION_LOGS = Kind(
    name="communication_log",
    table="patient_communication_logs",
    path="patients/{patient_uuid}/communication-logs",
    id_param="communication_log_uuid",
    schema="PatientCommunicationLog",
    create_schema="CreateCommunicationLogIn",
    title="communication log entry",
    plural="communication logs",
    area="communications",
    doc="One communication with a patient or about one. Entries are never changed.",
    parent="patient",
    verbs=("list", "get", "create"),
    versioned=False,
    moments=("created_at",),
    label=(),
    order=("-communication_datetime", "-id"),
    fields=(
        Field(name="communication_datetime", type=Timestamp(), doc="When it took place.", required=True),
        Reference(name="communication_type", to="communication_type", doc="What it was about."),
        Reference(name="appointment", to="appointment", doc="The appointment it concerns."),
        Field(name="mode", type=Choice(MODES, name="CommunicationMode"), doc="By what means."),
        Field(name="direction", type=Choice(DIRECTIONS, name="CommunicationDirection"), doc="Who began it."),
        Field(name="note", type=Text(max=4000), doc="What was said."),
        Field(
            name="communication_source",
            type=Choice(SOURCES, name="CommunicationSource"),
            doc="Origin of the entry: a user, an integration or an automated process. Follows from the token.",
            required=True,
            create=False,
            patch=False,
        ),
        Field(
            name="created_by",
            type=Structure({"$ref": "#/components/schemas/Reference"}, check=lambda value, _now: value),
            doc="The user who logged it.",
            create=False,
            patch=False,
            stored=False,
        ),
        _of("author_id", "The user who logged it."),
        _of("author_name", "Their name at that time."),
    ),
    filters=(
        Filter(
            entry=Entry(
                key="date_from",
                type=Moment(),
                doc="From this time on, or this day at the patient's location.",
                recordable=True,
            ),
            column="communication_datetime",
            how="from",
        ),
        Filter(
            entry=Entry(
                key="date_to",
                type=Moment(),
                doc="Up to this time, or this day at the patient's location.",
                recordable=True,
            ),
            column="communication_datetime",
            how="to",
        ),
        Filter(
            entry=Entry(key="mode", type=Choice(MODES, name="CommunicationMode"), doc="Only by this means."),
            column="mode",
        ),
        Filter(
            entry=Entry(key="direction", type=Choice(DIRECTIONS, name="CommunicationDirection"), doc="Only these."),
            column="direction",
        ),
        Filter(
            entry=Entry(
                key="communication_source",
                type=Choice(SOURCES, name="CommunicationSource"),
                doc="Only logged by these.",
            ),
            column="communication_source",
        ),
        Filter(
            entry=Entry(key="q", type=Text(max=200), doc="Part of the note, in any case."),
            column="note",
            how="mentions",
        ),
    ),
    beside=(Beside(of="self", column="author_id"), Beside(of="self", column="author_name")),
    settle=settle,
    consult=consult,
    present=present,
)
