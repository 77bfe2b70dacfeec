"""The value types a field can have: how each is checked, stored and described."""

from chairside.types.checks import Invalid, Type, all_of, text_of
from chairside.types.numbers import Boolean, Integer, Number, money
from chairside.types.texts import (
    Choice,
    Email,
    Pattern,
    Phone,
    Ssn,
    Text,
    Timezone,
    Uuid,
    color,
    icd10,
    is_uuid,
    npi,
    rx_cui,
    snomed,
)
from chairside.types.times import FUTURE, Date, Moment, TimeOfDay, Timestamp
from chairside.types.wholes import Many, Structure

__all__ = [
    "FUTURE",
    "Boolean",
    "Choice",
    "Date",
    "Email",
    "Integer",
    "Invalid",
    "Many",
    "Moment",
    "Number",
    "Pattern",
    "Phone",
    "Ssn",
    "Structure",
    "Text",
    "TimeOfDay",
    "Timestamp",
    "Timezone",
    "Type",
    "Uuid",
    "all_of",
    "color",
    "icd10",
    "is_uuid",
    "money",
    "npi",
    "rx_cui",
    "snomed",
    "text_of",
]
