"""The judgement whether a row of an import and a patient are one person: the table of docs/decisions/0014."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chairside.changes import Record
from chairside.records.patients.identity import OWN_NUMBERS, Verdict, judge
from chairside.records.patients.names import surname_match

SAME, TWIN, OTHER, UNSURE = Verdict.SAME, Verdict.TWIN, Verdict.OTHER, Verdict.UNSURE
SHARED = ("email", "mobile_phone")
OLGA = {"first_name": "Olga", "last_name": "Marin", "date_of_birth": date(1980, 2, 2)}
A_DAY, ANOTHER = date(2015, 5, 5), date(2015, 6, 5)


def person(first: str, last: str = "Marin", born: date | None = A_DAY, **more: Any) -> Record:
    nothing: Record = {"preferred_name": None, "middle_name": None}
    return nothing | {"first_name": first, "last_name": last, "date_of_birth": born} | more


# Two people, with the verdict by a shared signal and by a number of one's own.
CASES: dict[str, tuple[Record, Record, Verdict, Verdict]] = {
    "the same": (person("Mia"), person("Mia"), SAME, SAME),
    "mother and child": (person("Olga", born=date(1980, 2, 2)), person("Kid"), OTHER, OTHER),
    "brothers": (person("Ben"), person("Tim", born=ANOTHER), OTHER, OTHER),
    "twins": (person("Mia"), person("Lea"), TWIN, SAME),
    "twins of similar names": (person("Jan"), person("Jana"), TWIN, SAME),
    "twins with two first names": (person("Mary Ann"), person("Mary Beth"), TWIN, SAME),
    "accents and case": (person("Zoë", "Núñez"), person("ZOE", "nunez"), SAME, SAME),
    "a corrected birth date": (person("Mia"), person("Mia", born=ANOTHER), SAME, SAME),
    "a married name": (person("Mia"), person("Mia", "Holm"), SAME, SAME),
    "a married name, another birth date": (person("Mia"), person("Mia", "Holm", ANOTHER), OTHER, OTHER),
    "a hyphenated married name, another birth date": (
        person("Mia"), person("Mia", "Marin-Holm", ANOTHER), SAME, SAME,
    ),
    "father and son of one name": (
        person("Ed", born=date(1960, 1, 1)), person("Ed", born=date(1990, 1, 1)), UNSURE, SAME,
    ),
    "a suffix on one, another birth date": (person("Ed"), person("Ed", "Marin Jr.", ANOTHER), OTHER, OTHER),
    "a suffix on one": (person("Ed"), person("Ed", "Marin, Jr"), SAME, SAME),
    "a suffix beside the first name": (person("Ed III"), person("Ed", "Marin III"), SAME, SAME),
    "Jr. and Sr., another birth date": (person("Ed", "Marin Sr"), person("Ed", "Marin Jr", ANOTHER), OTHER, OTHER),
    "exchanged names": (person("Mia", "Marin"), person("Marin", "Mia"), SAME, SAME),
    "exchanged names, another birth date": (person("Mia"), person("Marin", "Mia", ANOTHER), SAME, SAME),
    "the preferred name": (person("Margaret", preferred_name="Peggy"), person("Peggy"), SAME, SAME),
    "the preferred name, another birth date": (
        person("Margaret", preferred_name="Peggy"), person("Peggy", born=ANOTHER), SAME, SAME,
    ),
    "a nickname that nobody noted": (person("Robert"), person("Bob"), TWIN, SAME),
    "an initial": (person("Mia"), person("M."), UNSURE, SAME),
    "an initial, another birth date": (person("Mia"), person("M", born=ANOTHER), UNSURE, SAME),
    "another initial, another birth date": (person("Mia"), person("L", born=ANOTHER), OTHER, OTHER),
    "a name of one Chinese character": (person("明", "李"), person("华", "李"), TWIN, SAME),
    "one of two first names": (person("Mary"), person("Mary Ann"), UNSURE, SAME),
    "the middle name beside the first": (person("Mary", middle_name="Ann"), person("Mary Ann"), SAME, SAME),
    "hyphen or blank": (person("Jean-Luc"), person("Jean Luc"), SAME, SAME),
    "a newborn without a name": (person("Baby Girl"), person("Mia"), UNSURE, SAME),
    "a first name of signs": (person("-"), person("Mia"), UNSURE, SAME),
    "no birth date on one side": (person("Mia"), person("Mia", born=None), SAME, SAME),
    "no birth date on one side, another name": (person("Olga", born=None), person("Kid"), UNSURE, SAME),
    "no birth dates, another name": (person("Olga", born=None), person("Kid", born=None), UNSURE, SAME),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_two_records_are_judged_by_the_table(case: str) -> None:
    """By every signal, and whichever of the two is the row."""
    one, other, by_shared, by_own = CASES[case]
    for signal, verdict in (*((s, by_shared) for s in SHARED), *((s, by_own) for s in OWN_NUMBERS)):
        assert judge(one, other, {signal}) is verdict
        assert judge(other, one, {signal}) is verdict


def test_a_number_of_ones_own_counts_more_than_what_families_share() -> None:
    """Twins by telephone and SSN are one person whose first name changed; mother and child stay two."""
    for own, shared in product(OWN_NUMBERS, SHARED):
        assert judge(*CASES["twins"][:2], {own, shared}) is SAME
        assert judge(*CASES["mother and child"][:2], {own, shared}) is OTHER


FIRST_NAMES = ("Olga", "Kid", "Mia", "Lea", "Ben", "Zoë", "Đặng", "李明", "Ann-Kathrin", "O'Shea", "Md. Rahim")
LAST_NAMES = ("Marin", "Marin Jr.", "Holm", "Marin-Holm", "de la Cruz", "Åberg")
people = st.builds(
    person,
    st.sampled_from(FIRST_NAMES),
    st.sampled_from(LAST_NAMES),
    st.none() | st.dates(date(1900, 1, 1), date(2026, 1, 1)),
)
signals = st.sets(st.sampled_from((*SHARED, *sorted(OWN_NUMBERS))), min_size=1)


@given(people, people, signals)
def test_nobody_becomes_somebody_else(one: Record, other: Record, shared: set[str]) -> None:
    """Another first name and birth date are another person, another first name is one by what families share."""
    verdict = judge(one, other, shared)
    known = one["date_of_birth"] is not None and other["date_of_birth"] is not None
    if one["first_name"] != other["first_name"]:
        if known and one["date_of_birth"] != other["date_of_birth"]:
            assert verdict is OTHER
        elif not shared & OWN_NUMBERS:
            assert verdict is (TWIN if known else UNSURE)
    assert judge(other, one, shared) is verdict
    assert judge(one, dict(one), shared) is SAME


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("Smith", "SMITH", "last_name"),
        ("O'Brien", "O’Brien", "last_name"),
        ("Smith Jr.", "Smith", "suffix"),
        ("Smith, Sr", "Smith", "suffix"),
        ("Smith III", "Smith 3rd", "suffix"),
        ("Souza Júnior", "Souza", "suffix"),
        ("Garcia-Lopez", "Lopez", "part_of_last_name"),
        ("Garcia", "Garcia Lopez", "part_of_last_name"),
        ("Ortega y Gasset", "Gasset", "part_of_last_name"),
        ("Garcia Lopez Jr", "Lopez", "part_of_last_name"),
        ("Perez de la Cruz", "de la Cruz", "part_of_last_name"),
        ("Garcia-Lopez", "Lopez-Perez", None),
        ("de la Cruz", "Cruz", None),
        ("van Dyke", "Dyke", None),
        ("Smithson", "Smith", None),
        ("Junior", "Smith", None),
        ("Senior", "Senior", "last_name"),
    ],
)
def test_last_names_match_by_suffix_and_halves(one: str, other: str, how: str | None) -> None:
    """Either way round; a particle belongs to the name behind it."""
    assert surname_match(one, other) == how
    assert surname_match(other, one) == how
