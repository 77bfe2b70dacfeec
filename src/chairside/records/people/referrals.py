"""Who sent a patient: referral attributions, and the catalogs of sources and partners."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chairside.changes import Change, wrong
from chairside.errors import Problem
from chairside.fields import Field, Reference
from chairside.records.catalogs import NPI, PHONE, catalog
from chairside.resource import Kind, Unique
from chairside.types import Choice, Email, Text, Timestamp

ROLES = ("assist", "primary", "secondary")
SOURCES = ("provider_uuid", "referral_partner_uuid", "referral_source_uuid", "referring_patient_uuid")

REFERRAL_SOURCES = catalog(
    "referral_source",
    "referral-sources",
    "ReferralSource",
    "referral sources",
    "A way in which people hear of the practice.",
    Field(name="description", type=Text(max=1000), doc="What it stands for."),
)
REFERRAL_PARTNERS = catalog(
    "referral_partner",
    "referral-partners",
    "ReferralPartner",
    "referral partners",
    "Somebody outside the practice who sends patients.",
    Field(name="practice_name", type=Text(max=200), doc="Practice of the partner."),
    Field(name="specialty", type=Text(max=120), doc="Such as endodontics."),
    PHONE,
    Field(name="email", type=Email(), doc="E-mail address."),
    NPI,
)


def check_create(values: dict[str, Any], _now: datetime) -> Iterable[Problem]:
    given = [key for key in SOURCES if values.get(key)]
    if len(given) != 1:
        place = given[1] if given else SOURCES[0]
        yield Problem((place,), f"give exactly one of: {', '.join(SOURCES)}", "contradiction" if given else "missing")


def settle(change: Change) -> None:
    new = change.after
    if new["referring_patient_id"] == new["patient_id"]:
        raise wrong("contradiction", "referring_patient_uuid", "a patient cannot refer themselves")
    if change.before is None:
        new["attributed_at"] = change.now


ATTRIBUTIONS = Kind(
    name="referral_attribution",
    table="patient_referral_attributions",
    path="patients/{patient_uuid}/referral-attributions",
    id_param="attribution_uuid",
    schema="ReferralAttribution",
    title="referral attribution",
    plural="referral attributions",
    area="people",
    doc="Whom the practice owes a patient to; one active primary attribution for each patient.",
    parent="patient",
    archive_by="query",
    label=(),
    fields=(
        Field(
            name="attribution_role",
            type=Choice(ROLES, name="AttributionRole"),
            doc="How much it counts.",
            default="primary",
        ),
        Reference(name="provider", to="provider", doc="A provider of the practice.", patch=False),
        Reference(name="referral_partner", to="referral_partner", doc="A partner outside.", patch=False),
        Reference(name="referral_source", to="referral_source", doc="A way of hearing of it.", patch=False),
        Reference(name="referring_patient", to="patient", doc="Another patient.", patch=False),
        Field(name="source_note", type=Text(max=1000), doc="Note."),
        Field(name="attributed_at", type=Timestamp(), doc="Since when.", required=True, create=False, patch=False),
    ),
    unique=(Unique(constraint="patient_referral_attributions_primary", code="primary_exists", key="attribution_role"),),
    check_create=check_create,
    settle=settle,
)
