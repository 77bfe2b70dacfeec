"""The catalogs of a practice: the lists that records name entries of."""

from __future__ import annotations

from typing import Any

from chairside.changes import Change
from chairside.fields import Entry, Field
from chairside.resource import Filter, Kind, Unique
from chairside.types import Boolean, Integer, Phone, Text, Timezone, icd10, npi, rx_cui, snomed

SEARCH = Filter(
    entry=Entry(key="search", type=Text(max=120), doc="Part of the name, in any case."),
    column="name_key",
    how="contains",
)
CATEGORY = Filter(entry=Entry(key="category", type=Text(max=64), doc="Only those of this category."), column="category")


def name_key(text: str) -> str:
    """A name as it is compared among the active ones: case-blind, accents told apart."""
    return " ".join(text.casefold().split())


def settle_name(change: Change) -> None:
    change.after["name_key"] = name_key(change.after["name"])


def catalog(name: str, path: str, schema: str, plural: str, doc: str, *fields: Field, **more: Any) -> Kind:
    """A kind whose records are named entries of a list: every verb, unique names, its own place in the list."""
    table = more.pop("table", name + "s")
    return Kind(
        name=name,
        table=table,
        path=path,
        id_param=more.pop("id_param", f"{name}_uuid"),
        schema=schema,
        title=name.replace("_", " "),
        plural=plural,
        area=more.pop("area", "setup"),
        doc=doc,
        fields=_named(*fields),
        verbs=("list", "get", "create", "patch", "archive", "restore"),
        archive_by="body",
        order=("item_order", "name_key", "id"),
        filters=more.pop("filters", (SEARCH,)),
        unique=(Unique(constraint=f"{table}_name", code="duplicate_name", key="name"),),
        settle=more.pop("settle", settle_name),
        **more,
    )


def _named(*more: Field) -> tuple[Field, ...]:
    """The fields of a catalog entry: its name and place in the list, around those it adds."""
    return (
        Field(
            name="name",
            type=Text(max=120, min=1, trim=True),
            doc="Unique, whatever its case, among the active ones of the org.",
            required=True,
        ),
        *more,
        Field(
            name="item_order",
            type=Integer(max=1_000_000),
            doc="Place in the list; ties go by name.",
            default=0,
        ),
        Field(
            name="name_key",
            type=Text(),
            doc="The name as it is compared.",
            hidden=True,
            create=False,
            patch=False,
        ),
    )


PHONE = Field(name="phone", type=Phone(), doc="Telephone, as people write it.")
ADDRESS = Field(name="address", type=Text(max=500), doc="Postal address, in lines as on an envelope.")
NPI = Field(name="npi", type=npi(), doc="National Provider Identifier, ten digits.")

PROVIDERS = catalog(
    "provider",
    "providers",
    "Provider",
    "providers",
    "Somebody who treats patients: dentist, hygienist, assistant.",
    Field(name="abbreviation", type=Text(max=16), doc="Short form for schedules, such as DrL."),
    NPI,
    Field(name="specialty", type=Text(max=120), doc="Such as orthodontics."),
)
LOCATIONS = catalog(
    "location",
    "locations",
    "Location",
    "locations",
    "A place where the group treats patients.",
    Field(name="is_active", type=Boolean(), doc="Whether patients are seen there now.", default=True),
    PHONE,
    ADDRESS,
    Field(name="timezone", type=Timezone(), doc="IANA time zone that days are counted in there; else the org's."),
)
FEE_SCHEDULES = catalog(
    "fee_schedule",
    "fee-schedules",
    "FeeSchedule",
    "fee schedules",
    "A list of fees that a patient is charged by.",
)
BILLING_TYPES = catalog(
    "billing_type", "billing-types", "BillingType", "billing types", "How a patient's account is billed."
)
EMPLOYERS = catalog(
    "employer",
    "employers",
    "Employer",
    "employers",
    "Whom a patient works for, as insurers ask.",
    PHONE,
    ADDRESS,
)

VERIFIED = Field(
    name="codes_verified", type=Boolean(), doc="Whether somebody checked the codes against their source.", default=False
)
ALLERGY_DEFINITIONS = catalog(
    "allergy_definition",
    "allergy-definitions",
    "AllergyDefinition",
    "allergy definitions",
    "Something that patients can be allergic to.",
    Field(name="allergen_class", type=Text(max=120), doc="Class in words, such as Penicillin antibiotic."),
    Field(name="rx_cui", type=rx_cui(), doc="RxNorm code of the ingredient."),
    Field(name="snomed_code", type=snomed(), doc="SNOMED CT code."),
    VERIFIED,
)
MEDICATION_DEFINITIONS = catalog(
    "medication_definition",
    "medication-definitions",
    "MedicationDefinition",
    "medication definitions",
    "A medication that can be recorded for patients.",
    Field(name="generic_name", type=Text(max=200), doc="Generic name."),
    Field(name="rx_cui", type=rx_cui(), doc="RxNorm code of the ingredient."),
    Field(name="drug_class", type=Text(max=120), doc="Class in words."),
    Field(name="default_dosage", type=Text(max=120), doc="Usual dosage."),
    Field(name="default_route", type=Text(max=64), doc="Usual route."),
    Field(name="default_frequency", type=Text(max=120), doc="Usual frequency."),
    VERIFIED,
)
DISEASE_DEFINITIONS = catalog(
    "disease_definition",
    "disease-definitions",
    "DiseaseDefinition",
    "disease definitions",
    "A disease or problem that can be recorded for patients.",
    Field(name="icd10_code", type=icd10(), doc="ICD-10-CM code."),
    Field(name="snomed_code", type=snomed(), doc="SNOMED CT code."),
    Field(name="category", type=Text(max=64), doc="Groups them in a list."),
    VERIFIED,
    filters=(SEARCH, CATEGORY),
)

__all__ = [
    "ALLERGY_DEFINITIONS",
    "BILLING_TYPES",
    "CATEGORY",
    "DISEASE_DEFINITIONS",
    "EMPLOYERS",
    "FEE_SCHEDULES",
    "LOCATIONS",
    "MEDICATION_DEFINITIONS",
    "PROVIDERS",
    "SEARCH",
    "catalog",
]
