"""Tags: coloured words that a practice puts on patients."""

from __future__ import annotations

from chairside.fields import Borrowed, Field, Reference
from chairside.records.catalogs import CATEGORY, SEARCH, catalog
from chairside.resource import Counted, Kind, Unique
from chairside.types import Integer, Text, color

TAG_DEFINITIONS = catalog(
    "tag_definition",
    "patient-tag-definitions",
    "TagDefinition",
    "tag definitions",
    "A tag that can be put on patients.",
    Field(name="category", type=Text(max=64), doc="Groups tags in a list."),
    Field(name="color", type=color(), doc="Colour of the tag, #rrggbb."),
    Field(name="description", type=Text(max=1000), doc="What the tag means to the practice."),
    id_param="definition_uuid",
    filters=(SEARCH, CATEGORY),
)

TAG_COUNTS = Counted(table="tag_counts", columns=("tag_definition_id",), of_patients=True)
TAGS = Kind(
    name="tag",
    table="patient_tags",
    path="patients/{patient_uuid}/tags",
    id_param="tag_uuid",
    schema="PatientTag",
    create_schema="AssignTagIn",
    title="tag",
    plural="tags",
    area="tags",
    doc="A tag that a patient carries.",
    parent="patient",
    verbs=("list", "get", "create", "archive"),
    versioned=False,
    moments=("created_at", "deleted_at"),
    bare_list=True,
    label=(),
    counted=TAG_COUNTS,
    fields=(
        Reference(name="tag_definition", to="tag_definition", doc="The tag.", required=True, patch=False),
        Borrowed(name="color", type=color(), doc="Colour of the tag's definition.", via="tag_definition"),
        Field(
            name="created_by",
            type=Integer(),
            doc="Number of the user who put it on.",
            create=False,
            patch=False,
        ),
    ),
    unique=(Unique(constraint="patient_tags_active", code="duplicate_tag", key="tag_definition_uuid"),),
)
