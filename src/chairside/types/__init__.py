"""The value types a field can have: how each is checked, stored and described."""

from chairside.types.blanks import or_blank, takes_blank
from chairside.types.checks import Invalid, Type, all_of, text_of
from chairside.types.numbers import Boolean, Integer, Number, Version, money
from chairside.types.ssn import Ssn, is_mask, mask_of
from chairside.types.texts import (
    Choice,
    Email,
    Pattern,
    Phone,
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
from chairside.types.wholes import Many, Names, Structure

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
    "Names",
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
    "Version",
    "all_of",
    "color",
    "icd10",
    "is_mask",
    "is_uuid",
    "mask_of",
    "money",
    "npi",
    "or_blank",
    "rx_cui",
    "snomed",
    "takes_blank",
    "text_of",
]
