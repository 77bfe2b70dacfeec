"""Appointments, as far as other records refer to them; scheduling is another product's work."""

from __future__ import annotations

from chairside.changes import Change, wrong
from chairside.fields import Entry, Field, Reference
from chairside.resource import Filter, Kind
from chairside.types import Choice, Moment, Text, Timestamp, Uuid

STATUSES = ("scheduled", "confirmed", "completed", "cancelled", "no_show")


def settle(change: Change) -> None:
    new = change.after
    if new["ends_at"] is not None and new["ends_at"] <= new["starts_at"]:
        raise wrong("out_of_range", "ends_at", "must be after starts_at")


APPOINTMENTS = Kind(
    name="appointment",
    table="appointments",
    path="appointments",
    id_param="appointment_uuid",
    schema="Appointment",
    title="appointment",
    plural="appointments",
    area="appointments",
    doc="A visit that is planned or has taken place.",
    verbs=("list", "get", "create", "patch", "archive", "restore"),
    archive_by="body",
    label=(),
    order=("-starts_at", "-id"),
    fields=(
        Reference(name="patient", to="patient", doc="Who comes.", required=True, patch=False),
        Reference(name="provider", to="provider", doc="Who treats."),
        Reference(name="location", to="location", doc="Where."),
        Field(name="starts_at", type=Timestamp(), doc="Begin.", required=True),
        Field(name="ends_at", type=Timestamp(), doc="End, after the begin."),
        Field(name="status", type=Choice(STATUSES), doc="How it stands.", default="scheduled"),
        Field(name="note", type=Text(max=2000), doc="Note."),
    ),
    filters=(
        Filter(
            entry=Entry(key="patient_uuid", type=Uuid(), doc="Only of this patient."),
            column="patient_id",
            refers_to="patient",
        ),
        Filter(entry=Entry(key="status", type=Choice(STATUSES), doc="Only of this status."), column="status"),
        Filter(
            entry=Entry(
                key="date_from",
                type=Moment(),
                doc="Begins then or later; a date means that day there.",
                recordable=True,
            ),
            column="starts_at",
            how="from",
        ),
        Filter(
            entry=Entry(
                key="date_to",
                type=Moment(),
                doc="Begins then or before; a date means that day there.",
                recordable=True,
            ),
            column="starts_at",
            how="to",
        ),
    ),
    settle=settle,
)
