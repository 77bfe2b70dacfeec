"""The fields that every kind has, and the version that a caller names when changing a record."""

from __future__ import annotations

from dataclasses import replace

from chairside.fields import Body, Entry, Field
from chairside.types import Integer, Timestamp, Uuid, Version

SEEN = "Version of the record that the caller has seen; may be left out where If-Match names it."
BASE_VERSION = Entry(key="base_version", type=Version(), doc=SEEN, required=True)
VERSION_IF_ANY = Body(schema="RestoreIn", entries={"base_version": replace(BASE_VERSION, required=False)}, example={})
VERSION_ALONE = Body(schema="BaseVersionIn", entries={"base_version": BASE_VERSION}, example={"base_version": 1})
ID = Field(name="id", type=Uuid(), doc="Identifier, a UUIDv7.", required=True, create=False, patch=False, portal="read")
VERSION = Field(
    name="version",
    type=Version(),
    doc="Grows by one with each edit, and by far more when the server is restored; sent back as base_version.",
    required=True,
    create=False,
    patch=False,
    portal="read",
)
REVISION = Field(
    name="revision",
    type=Integer(),
    doc="Counts what the server wrote by itself since `version` moved.",
    default=0,
    create=False,
    patch=False,
    hidden=True,
)
MOMENTS = {
    "created_at": "When the record was made.",
    "updated_at": "When the record last changed.",
    "deleted_at": "When the record was archived; null while it is not.",
}


def moment_field(name: str, shown: bool) -> Field:
    needed = name != "deleted_at"
    return Field(
        name=name,
        type=Timestamp(),
        doc=MOMENTS[name],
        required=needed,
        create=False,
        patch=False,
        answer=shown,
        hidden=not shown,
    )


def hidden_field(mark: Field) -> Field:
    """The same column, kept but not shown."""
    return Field(name=mark.name, type=mark.type, doc=mark.doc, required=True, create=False, patch=False, hidden=True)
