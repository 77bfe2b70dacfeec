"""Patients: the record everything else hangs on."""

from __future__ import annotations

from functools import partial

from chairside.changes import Change, Desk
from chairside.fields import Body, Entry
from chairside.records.chart.summary import SUMMARY
from chairside.records.patients import actions, bulk, duplicates, keys, rules, shapes
from chairside.records.patients.family import FAMILY
from chairside.records.patients.fields import FIELDS, STATUSES
from chairside.records.patients.lists import FILTERS, SORTS, WALK_QUERY
from chairside.records.people.relationships import DEPENDENTS, GUARDIANS
from chairside.resource import Action, Beside, Counted, Kind, Unique
from chairside.types import Choice, Date, Integer, Many, Text


async def consult(desk: Desk, change: Change) -> None:
    await duplicates.note_duplicates(desk, change)  # first, because its locks come before those of rows
    await rules.keep_nkda_true(desk, change)
    await rules.keep_guarantor_whole(desk, change)


ROW = Body(
    schema="BulkRowIn",
    entries={
        f.key: Entry(key=f.key, type=f.type, doc=f.doc, required=f.required, nullable=f.clearable)
        for f in FIELDS
        if f.create
    }
    | {"billing_account": shapes.BILLING_ACCOUNT, "row_key": shapes.ROW_KEY},
    whole=rules.check_create,
)
ACTIONS = (
    SUMMARY,
    FAMILY,
    GUARDIANS,
    DEPENDENTS,
    Action(
        name="cursor",
        operation_id="walk_patients",
        method="GET",
        path="/cursor",
        allow="read",
        summary="Walk through patients",
        doc=(
            "One page after the other by cursor. A whole walk yields every patient that nobody touched meanwhile"
            " exactly once, at the same speed however deep. Sort by updated_at, with status=all, to keep a copy in"
            " step; an empty page gives back the cursor that it was asked with."
        ),
        answer="cursor:PatientOut",
        run=actions.walk,
        query=WALK_QUERY,
        errors=("not_found", "invalid_cursor", "feed_reset"),
    ),
    Action(
        name="search",
        operation_id="search_patients",
        method="GET",
        path="/search",
        allow="read",
        summary="Find patients while typing",
        doc=(
            "Every word must begin a word of the first, last or preferred name, or the chart number; four digits or"
            " more alone also find telephones. Best first. Where they are fewer than the limit, those follow whom a"
            " nickname leads to, such as Robert for Bob, marked by_nickname."
        ),
        answer="items:FoundPatientOut",
        run=actions.search,
        query=(
            Entry(key="q", type=Text(max=200), doc="What was typed so far.", default=""),
            Entry(key="limit", type=Integer(min=1, max=100), doc="At most this many.", default=20),
        ),
    ),
    Action(
        name="count_by_location",
        operation_id="count_patients_by_location",
        method="GET",
        path="/counts/by-location",
        allow="read",
        summary="Count patients by location",
        doc="Patients per active location by first visit and status, and how many have no active location.",
        answer="LocationCountsOut",
        run=actions.count_by_location,
        query=(
            Entry(key="date_from", filters=True, type=Date(), doc="First visit on this day or later.", recordable=True),
            Entry(key="date_to", filters=True, type=Date(), doc="First visit before this day.", recordable=True),
            Entry(
                key="status_set",
                type=Many(Choice(STATUSES, name="PatientStatus"), min=1, max=5),
                doc="Statuses to count, repeated or separated by commas.",
                filters=True,
                default=["active"],
            ),
        ),
    ),
    Action(
        name="check_duplicates",
        operation_id="check_patient_duplicates",
        method="POST",
        path="/check-duplicates",
        allow="read",
        summary="Find possible duplicates",
        doc="Patients who may be the same person: by last name with birth date, e-mail, telephone or SSN.",
        answer="items:DuplicateOut",
        run=duplicates.check_duplicates,
        errors=("too_many_guesses",),
        body=shapes.CHECK_DUPLICATES,
    ),
    Action(
        name="bulk",
        operation_id="import_patients",
        method="POST",
        path="/bulk",
        allow="write",
        summary="Import many patients",
        doc=(
            "Up to 5,000 rows in one transaction. Every row is judged alone and answered in order; with atomic, one bad"
            " row keeps all from being written."
        ),
        answer="BulkImportOut",
        run=partial(bulk.import_patients, body=ROW),
        writes=True,
        body=shapes.BULK,
        large=True,
        errors=("too_many_guesses",),
    ),
    Action(
        name="restore",
        method="POST",
        path="/{patient_uuid}/restore",
        allow="write",
        summary="Restore an archived patient",
        doc="Brings an archived patient back as inactive.",
        answer="PatientOut",
        run=actions.restore,
        writes=True,
        errors=("not_found", "not_archived", "guarantor_archived"),
    ),
    Action(
        name="transition_status",
        operation_id="transition_patient_status",
        method="POST",
        path="/{patient_uuid}/transition-status",
        allow="write",
        summary="Move a patient to another status",
        doc="Prospective to active, active to inactive or deceased, inactive to active; nothing else.",
        answer="PatientOut",
        run=actions.transition,
        writes=True,
        body=shapes.TRANSITION,
        errors=("not_found", "version_conflict", "invalid_transition"),
    ),
    Action(
        name="put_balances",
        operation_id="replace_patient_balances",
        method="PUT",
        path="/{patient_uuid}/balances",
        allow="write",
        area="balances",
        summary="Take over balances",
        doc="Replaces the balances of a patient with those of the practice's billing system.",
        answer="PatientOut",
        run=actions.put_balances,
        writes=True,
        body=shapes.BALANCES,
        errors=("not_found", "version_conflict"),
    ),
)
PATIENTS = Kind(
    name="patient",
    table="patients",
    path="patients",
    id_param="patient_uuid",
    schema="Patient",
    title="patient",
    plural="patients",
    area="demographics",
    doc="A person whom the practice treats, or who pays for somebody it treats.",
    fields=FIELDS,
    label=("first_name", "last_name"),
    order=("last_name_key", "id"),
    sorts=SORTS,
    filters=FILTERS,
    counted=Counted(table="patient_counts", columns=("status", "location_id", "primary_provider_id")),
    unique=(Unique(constraint="patients_chart_number", code="duplicate_chart_number", key="chart_number"),),
    extra_create=(shapes.BILLING_ACCOUNT,),
    check_create=rules.check_create,
    settle=rules.settle,
    consult=consult,
    keys=keys.keys,
    search_words=keys.search_words,
    derivation=keys.DERIVATION,
    bookkept=True,
    beside=(Beside(of="self", column="revision"),),
    archiving=actions.guard_archive,
    more_events=("active", "inactive", "deceased", "restored"),
    actions=ACTIONS,
    create_errors=("duplicate_chart_number", "not_deceased", "too_many_guesses"),
    patch_errors=(
        "active_allergies",
        "contact_of_deceased",
        "duplicate_chart_number",
        "guarantor_of_dependents",
        "not_deceased",
    ),
    archive_errors=("guarantor_of_active_dependents",),
)
