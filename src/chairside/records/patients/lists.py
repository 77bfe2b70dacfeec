"""The filters, orders and the walk that patients are listed by."""

from __future__ import annotations

from chairside.fields import Entry
from chairside.records.patients.fields import STATUSES
from chairside.records.tags import TAG_COUNTS
from chairside.resource import Filter, Sort
from chairside.types import Choice, Date, Integer, Text, Uuid

FILTERS = (
    Filter(
        entry=Entry(key="status", type=Choice(STATUSES, name="PatientStatus"), doc="Only patients of this status."),
        column="status",
        how="state",
    ),
    Filter(
        entry=Entry(
            key="search",
            type=Text(max=200),
            doc="Words of names, e-mail, telephone, chart number, birth date.",
        ),
        how="words",
    ),
    Filter(
        entry=Entry(key="primary_provider_uuid", type=Uuid(), doc="Only patients of this provider."),
        column="primary_provider_id",
        refers_to="provider",
    ),
    Filter(
        entry=Entry(key="location_uuid", type=Uuid(), doc="Only patients of this location."),
        column="location_id",
        refers_to="location",
    ),
    Filter(
        entry=Entry(key="dob_from", type=Date(), doc="Born on this day or later."),
        column="date_of_birth",
        how="from",
    ),
    Filter(
        entry=Entry(key="dob_to", type=Date(), doc="Born on this day or before."),
        column="date_of_birth",
        how="to",
    ),
    Filter(
        entry=Entry(key="tag_definition_uuid", type=Uuid(), doc="Only patients who carry this tag."),
        how="tagged",
        refers_to="tag_definition",
        counted=TAG_COUNTS,
    ),
)
SORTS = (
    Sort(name="last_name", column="last_name_key"),
    Sort(name="first_name", column="first_name_key"),
    Sort(name="date_of_birth", column="date_of_birth", nullable=True),
    Sort(name="chart_number", column="chart_number_key", nullable=True),
    Sort(name="created_at", column="created_at"),
    Sort(name="status", column="status"),
    Sort(name="updated_at", column="updated_at", cursor_only=True),
)
WALK_STATUS = Entry(
    key="status",
    type=Choice((*STATUSES, "all")),
    doc="Only patients of this status; all for every patient, archived ones included.",
    filters=True,
)
WALK_QUERY = (
    Entry(key="first", type=Integer(min=1, max=200), doc="How many.", default=50),
    Entry(key="after", type=Text(max=2000), doc="end_cursor of the page before."),
    Entry(
        key="sort_by",
        type=Choice(tuple(s.name for s in SORTS)),
        doc="What to sort by; first_name, if absent.",
    ),
    Entry(key="sort_dir", type=Choice(("asc", "desc"), name="SortDirection"), doc="Direction.", default="asc"),
    *(WALK_STATUS if f.entry.key == "status" else f.entry for f in FILTERS),
)
