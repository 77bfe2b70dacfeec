"""Extracts what identifies a patient, in the form it is compared in; placeholders are left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from chairside.changes import Record
from chairside.knowledge.placeholders import is_placeholder_email, is_placeholder_phone, is_placeholder_ssn
from chairside.records.patients.fields import PHONES
from chairside.telephones import telephones


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """E-mail address as it is compared, telephones in international form, SSN as nine digits."""

    email: str | None
    phones: tuple[str, ...]
    ssn: str | None


def signals_of(patient: Record, ssn: str | None, region: str) -> Signals:
    """Returns the signals of a patient; the SSN stands apart, because records hold it masked."""
    email = patient["email_key"]
    return Signals(
        email=email if email and not is_placeholder_email(email) else None,
        phones=tuple(dict.fromkeys(n for phone in PHONES for n in _numbers(patient[phone], region))),
        ssn=ssn if ssn and not is_placeholder_ssn(ssn) else None,
    )


def phone_field(patient: Record, numbers: Collection[str], region: str) -> str:
    """Returns the first field of a patient that holds one of the numbers."""
    return next((p for p in PHONES if any(n in numbers for n in _numbers(patient[p], region))), PHONES[0])


def _numbers(typed: str | None, region: str) -> list[str]:
    """Every number of a field that may identify somebody."""
    if not typed:
        return []
    return [t.e164 for t in telephones(typed, region) if not is_placeholder_phone(t.e164, t.national)]
