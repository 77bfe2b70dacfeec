"""What is kept of a patient, field by field."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from chairside.fields import Field, Reference
from chairside.types import (
    Boolean,
    Choice,
    Date,
    Email,
    Integer,
    Many,
    Number,
    Phone,
    Ssn,
    Structure,
    Text,
    Timestamp,
)

STATUSES = ("active", "archived", "deceased", "inactive", "prospective")
CONTACT_WAYS = ("email", "mail", "none", "phone", "text")
PHONES = ("mobile_phone", "home_phone", "work_phone")
# A sum of buckets may be larger than any of them can be sent.
SUM = Number(Decimal("-9999999999.99"), Decimal("9999999999.99"))
BUCKETS = ("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90")


def _name(name: str, doc: str, *, required: bool = False) -> Field:
    return Field(name=name, type=Text(max=100, min=1, trim=True), doc=doc, required=required, portal="read")


def _text(name: str, most: int, doc: str, portal: Literal["write"] | None = None) -> Field:
    return Field(name=name, type=Text(max=most), doc=doc, portal=portal)


def _phone(name: str, doc: str) -> Field:
    return Field(name=name, type=Phone(), doc=doc, portal="write")


def _money(name: str, doc: str) -> Field:
    return Field(name=name, type=SUM, doc=doc, create=False, patch=False)


def _computed(name: str, type_: Text | Date | Boolean, doc: str, default: object = None) -> Field:
    return Field(name=name, type=type_, doc=doc, create=False, patch=False, default=default)


def _key(name: str, doc: str) -> Field:
    return Field(name=name, type=Text(), doc=doc, create=False, patch=False, hidden=True)


IDENTITY = (
    _name("first_name", "Legal first name.", required=True),
    _name("last_name", "Legal last name.", required=True),
    _name("middle_name", "Middle name or names."),
    _name("preferred_name", "What the patient likes to be called."),
    _text("salutation", 64, "How letters address the patient."),
    _text("title", 32, "Title, such as Dr."),
    Field(
        name="chart_number",
        type=Text(max=64, min=1, trim=True, compatible=True),
        doc="Unique in the org, archived patients included.",
    ),
    Field(name="date_of_birth", type=Date(past=True), doc="Not in the future, not before 1900.", portal="read"),
    Field(
        name="gender",
        type=Choice(("female", "male", "non_binary", "other", "prefer_not_to_say", "unknown")),
        doc="Administrative gender.",
        portal="read",
    ),
    Field(
        name="pronoun",
        type=Choice(("he_him", "not_specified", "other", "she_her", "they_them")),
        doc="Pronouns.",
        portal="write",
    ),
    Field(
        name="marital_status",
        type=Choice(("divorced", "domestic_partner", "married", "other", "separated", "single", "widowed")),
        doc="Marital status.",
    ),
    Field(
        name="social_security_number",
        type=Ssn(mask=True),
        doc="Stored encrypted; answered with its last four digits. That mask, sent back, changes nothing.",
        sealed="ssn",
    ),
    _text("medicaid_id", 64, "Medicaid number."),
)
CONTACT = (
    Field(name="email", type=Email(), doc="E-mail address.", portal="write"),
    _phone("mobile_phone", "Mobile telephone, as typed."),
    _phone("home_phone", "Home telephone, as typed."),
    _phone("work_phone", "Work telephone, as typed."),
    _text("address_line1", 200, "Street and number.", portal="write"),
    _text("address_line2", 200, "Apartment, suite.", portal="write"),
    _text("city", 100, "City.", portal="write"),
    _text("state", 100, "State or province.", portal="write"),
    _text("postal_code", 20, "ZIP or postal code.", portal="write"),
    _text("country", 100, "Country.", portal="write"),
    _text("address_note", 1000, "How to find or reach the address."),
    _text("preferred_language", 64, "Language the patient prefers.", portal="write"),
    Field(
        name="preferred_contact_method",
        type=Choice(CONTACT_WAYS, name="ContactMethod"),
        doc="How to reach the patient.",
        portal="write",
    ),
    Field(
        name="preferred_confirmation_method",
        type=Choice(CONTACT_WAYS, name="ContactMethod"),
        doc="How to confirm appointments.",
        portal="write",
    ),
    Field(name="receives_sms", type=Boolean(), doc="Has agreed to text messages.", default=False, portal="write"),
    Field(name="receives_email", type=Boolean(), doc="Has agreed to e-mail.", default=False, portal="write"),
    _text("emergency_contact_name", 200, "Whom to call in an emergency.", portal="write"),
    _phone("emergency_contact_phone", "Telephone of the emergency contact."),
)
CARE = (
    Field(
        name="status",
        type=Choice(STATUSES, name="PatientStatus"),
        doc="Where the patient stands with the practice; changed by transitions alone.",
        default="active",
        patch=False,
        portal="read",
    ),
    Field(
        name="allergy_review_status",
        type=Choice(("nkda", "not_reviewed", "reviewed"), name="AllergyReviewStatus"),
        doc="Whether allergies were asked for; nkda: no known drug allergies.",
        default="not_reviewed",
        clinical=True,
    ),
    Field(
        name="premedication_required",
        type=Boolean(),
        doc="Needs antibiotics before treatment.",
        default=False,
        clinical=True,
    ),
    Field(name="medical_summary", type=Text(max=4000), doc="Medical history in short.", clinical=True),
    Field(
        name="medical_urgent_note",
        type=Text(max=1000),
        doc="What everybody must see before treating.",
        clinical=True,
    ),
    Field(name="treatment_notes", type=Text(max=4000), doc="Notes on treatment.", clinical=True),
    _text("appointment_module_note", 1000, "Note for those who schedule."),
    Field(name="ask_to_arrive_early_mins", type=Integer(max=120), doc="Minutes to come before the appointment."),
    Field(name="consent_flags", type=Integer(), doc="Bits of the consents given."),
    Field(name="date_first_visit", type=Date(), doc="First visit."),
    Field(
        name="date_time_deceased",
        type=Timestamp(past=True),
        doc="When the patient died; a new patient with it is deceased, others have it by transition.",
    ),
    Field(
        name="smoking_snomed",
        type=Text(max=18),
        doc="SNOMED CT code of the active tobacco entry of the social history.",
        create=False,
        patch=False,
        clinical=True,
    ),
    Field(
        name="latest_vitals_date",
        type=Date(),
        doc="Day of the newest vital signs.",
        create=False,
        patch=False,
        clinical=True,
    ),
)
PRACTICE = (
    Reference(name="primary_provider", to="provider", doc="Provider who mainly treats the patient.", portal="read"),
    Reference(name="secondary_provider", to="provider", doc="Second provider, often the hygienist."),
    Reference(name="location", to="location", doc="Where the patient is usually seen.", portal="read"),
)
ACCOUNT = (
    Reference(
        name="responsible_party",
        to="patient",
        doc="The guarantor, who pays; the patient where nobody else does.",
    ),
    Reference(name="fee_schedule", to="fee_schedule", doc="Fees the patient is charged by."),
    Reference(name="billing_type", to="billing_type", doc="How the account is billed."),
    Reference(name="employer", to="employer", doc="Employer."),
    Field(name="billing_cycle_day", type=Integer(min=1, max=31), doc="Day of the month for statements."),
    _money("balance_0_30", "Owed for up to 30 days."),
    _money("balance_31_60", "Owed for 31 to 60 days."),
    _money("balance_61_90", "Owed for 61 to 90 days."),
    _money("balance_over_90", "Owed for longer than 90 days."),
    _money("balance_total", "Sum of the four buckets."),
    _money("insurance_estimate", "What insurance is expected to pay."),
    _money("estimated_balance", "Total less the insurance estimate."),
    _money("payment_plan_due", "Due now under a payment plan."),
    _computed("scheduling_restricted", Boolean(), "True while inactive or owing more than 500.00.", default=False),
    Field(
        name="balances_as_of",
        type=Timestamp(),
        doc="As of when the balances are.",
        create=False,
        patch=False,
        hidden=True,
    ),
)
POTENTIAL_DUPLICATES = Field(
    name="potential_duplicates",
    type=Many(item=Structure({"$ref": "#/components/schemas/DuplicateOut"}, check=lambda value, _now: value)),
    doc="On create: patients this may be the same person as. Null elsewhere.",
    create=False,
    patch=False,
    stored=False,
)
COMPARED = (
    _key("last_name_key", "Last name as it is sorted and compared."),
    _key("first_name_key", "First name as it is sorted and compared."),
    _key("chart_number_key", "Chart number as it is compared."),
    _key("email_key", "E-mail address as it is compared."),
    _key("mobile_phone_e164", "Mobile telephone in international form."),
    _key("home_phone_e164", "Home telephone in international form."),
    _key("work_phone_e164", "Work telephone in international form."),
)
FIELDS = (*IDENTITY, *CONTACT, *CARE, *PRACTICE, *ACCOUNT, POTENTIAL_DUPLICATES, *COMPARED)
