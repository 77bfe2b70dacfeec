"""Extracts what identifies a patient, in the form it is compared in; placeholders are left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from chairside.changes import Record
from chairside.knowledge.placeholders import is_placeholder_email, is_placeholder_phone, is_placeholder_ssn
from chairside.records.patients.fields import PHONES

_NUMBERS = tuple(f"{phone}_e164" for phone in PHONES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """E-mail address as it is compared, telephones in international form, SSN as nine digits."""

    email: str | None
    phones: tuple[str, ...]
    ssn: str | None


def signals_of(patient: Record, ssn: str | None) -> Signals:
    """Returns the signals of a patient; the SSN stands apart, because records hold it masked."""
    email = patient["email_key"]
    return Signals(
        email=email if email and not is_placeholder_email(email) else None,
        phones=usable_phones(patient[number] for number in _NUMBERS),
        ssn=ssn if ssn and not is_placeholder_ssn(ssn) else None,
    )


def usable_phones(numbers: Iterable[str | None]) -> tuple[str, ...]:
    """Returns the numbers that may identify somebody, each once; `numbers` are in international form."""
    return tuple(dict.fromkeys(n for n in numbers if n and not is_placeholder_phone(n, _national(n))))


def phone_field(patient: Record, numbers: Iterable[str]) -> str:
    """Returns the field of a stored patient that holds one of the numbers."""
    wanted = set(numbers)
    return next((phone for phone in PHONES if patient[f"{phone}_e164"] in wanted), PHONES[0])


@lru_cache(maxsize=4096)
def _national(e164: str) -> str:
    if e164.startswith("+1"):
        return e164[2:]
    return phonenumbers.national_significant_number(phonenumbers.parse(e164))
