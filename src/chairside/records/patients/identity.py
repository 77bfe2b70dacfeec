"""Judges whether an import's row and a patient who share a signal are one person."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import Enum

from chairside.changes import Record
from chairside.records.patients.names import exchanged, first_names_agree, suffixes_differ, surname_match

# Numbers that are given to one person; e-mail addresses and telephones are shared by families.
OWN_NUMBERS = frozenset({"chart_number", "ssn"})
# Years between a parent and a child of the same name.
GENERATION = 15


class Verdict(Enum):
    """The relation of two records: one person, two people, or undecided."""

    SAME = "one person"
    TWIN = "two people born on one day"
    OTHER = "two people"
    UNSURE = "one person or two"


def judge(one: Record, other: Record, signals: Collection[str]) -> Verdict:
    """Judges two records that match by `signals`; the table of all cases is in docs/decisions/0014."""
    own = not OWN_NUMBERS.isdisjoint(signals)
    first = first_names_agree(one, other)
    born, other_born = one["date_of_birth"], other["date_of_birth"]
    if born is None or other_born is None:
        return Verdict.SAME if own or first else Verdict.UNSURE
    if born != other_born:
        return _born_apart(one, other, first, own=own)
    if own or first:
        return Verdict.SAME
    return Verdict.UNSURE if first is None else Verdict.TWIN


def _born_apart(one: Record, other: Record, first: bool | None, *, own: bool) -> Verdict:
    """Another birth date is a correction only where nothing of the name speaks against it."""
    if first is False or suffixes_differ(one, other):
        return Verdict.OTHER
    if not exchanged(one, other) and surname_match(one["last_name"], other["last_name"]) is None:
        return Verdict.OTHER
    if own:
        return Verdict.SAME
    namesake = _years_apart(one["date_of_birth"], other["date_of_birth"]) >= GENERATION
    return Verdict.UNSURE if first is None or namesake else Verdict.SAME


def _years_apart(one: date, other: date) -> float:
    return abs((one - other).days) / 365.25
