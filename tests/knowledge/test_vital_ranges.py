"""The table of vital-sign ranges, read line by line against its sources."""

import csv
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chairside.knowledge.data_files import csv_rows
from chairside.knowledge.vital_ranges import PRESETS, VITALS, Flag, Reading, bmi, flags, is_procedure_blocking

CASES = list(csv.DictReader(Path(__file__).with_name("vital_sign_cases.csv").read_text().splitlines()))
ROWS = csv_rows("data/vital_ranges.csv")
AGE_BANDS = csv_rows("data/age_bands.csv")
ages = st.none() | st.integers(0, 1400)


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=[
        f"{c['age_months'] or 'adult'} {c['vital']} {c['value']}: {c['severity'] or 'usual'} ({c['source']})"
        for c in CASES
    ],
)
def test_each_line_of_the_table_is_flagged_as_its_source_says(case: dict[str, str]) -> None:
    """vital_sign_cases.csv holds both sides of each boundary; an empty age is an unknown one."""
    age = int(case["age_months"]) if case["age_months"] else None
    found = flags({case["vital"]: Decimal(case["value"])}, age_months=age)
    assert [flag.severity for flag in found] == ([case["severity"]] if case["severity"] else [])


def test_both_sides_of_every_boundary_stand_in_the_cases() -> None:
    """A boundary that no case touches could move unseen."""
    touched = {(_band_at(c["age_months"]), c["vital"], Decimal(c["value"])) for c in CASES}
    for row in ROWS:
        if row["below"]:
            edge = Decimal(row["below"])
            last = edge - (Decimal("0.1") if row["vital"] == "temperature_f" else 1)
            assert {(row["age_band"], row["vital"], value) for value in (last, edge)} <= touched


@given(ages, st.sampled_from(VITALS), st.decimals(0, 400, places=2))
def test_every_value_at_every_age_lies_in_exactly_one_band(age: int | None, vital: str, value: Decimal) -> None:
    """No gap, no overlap: at most one flag, and the row that holds the value says which."""
    band = _band_at("" if age is None else str(age))
    holding = [
        row
        for row in ROWS
        if (row["age_band"], row["vital"]) == (band, vital)
        and (not row["at_least"] or value >= Decimal(row["at_least"]))
        and (not row["below"] or value < Decimal(row["below"]))
    ]
    assert len(holding) == 1
    severities = [flag.severity for flag in flags({vital: value}, age_months=age)]
    assert severities == [severity for severity in [holding[0]["severity"]] if severity]


def test_bands_follow_each_other_without_gap_and_every_age_has_every_vital() -> None:
    """Each row starts where the one before ends; the usual range is one row."""
    for age in AGE_BANDS:
        for vital in VITALS:
            rows = [row for row in ROWS if (row["age_band"], row["vital"]) == (age["age_band"], vital)]
            assert rows[0]["at_least"] == rows[-1]["below"] == ""
            assert all(before["below"] == after["at_least"] for before, after in pairwise(rows))
            assert [row["severity"] for row in rows].count("") == 1
            assert all(row["source"] and row["label"] for row in rows)
            assert {row["verified"] for row in rows} <= {"true", "false"}
    assert AGE_BANDS[0]["from_month"] == "0"
    assert all(before["below_month"] == after["from_month"] for before, after in pairwise(AGE_BANDS))


def test_severity_grows_with_the_distance_from_the_usual_range() -> None:
    """Walking away from the usual range never leads from critical back to warning."""
    rank = {"": 0, "warning": 1, "critical": 2}
    for age in AGE_BANDS:
        for vital in VITALS:
            key = (age["age_band"], vital)
            ranks = [rank[row["severity"]] for row in ROWS if (row["age_band"], row["vital"]) == key]
            usual = ranks.index(0)
            assert ranks[:usual] == sorted(ranks[:usual], reverse=True)
            assert ranks[usual:] == sorted(ranks[usual:])


def test_a_flag_carries_the_value_read_and_a_sentence() -> None:
    """The answer of the API: vital, value, severity, message."""
    reading: Reading = {
        "bp_systolic": 186,
        "bp_diastolic": 78,
        "temperature_f": Decimal("100.6"),
        "pulse": None,
    }
    assert flags(reading, age_months=500) == [
        Flag("bp_systolic", 186, "critical", "Systolic pressure 186 mmHg is severely high."),
        Flag("temperature_f", 100.6, "warning", "Temperature 100.6 F is a fever."),
    ]


def test_the_higher_category_of_pressure_shows_in_its_own_flag() -> None:
    """128/92 is stage 2 by the diastolic value alone."""
    reading = {"bp_systolic": 128, "bp_diastolic": 92}
    found = {flag.vital: flag.message for flag in flags(reading, age_months=None)}
    assert "elevated" in found["bp_systolic"]
    assert "stage 2" in found["bp_diastolic"]


def test_an_empty_or_unusable_reading_has_no_flags() -> None:
    """None, absence and not-a-number are no readings; unknown keys are no vitals."""
    assert flags({}, age_months=3) == []
    assert flags({"pulse": None, "bp_systolic": float("nan"), "weight_lbs": 9999}, age_months=3) == []


@pytest.mark.parametrize(
    ("preset", "systolic", "diastolic", "saturation", "blocks"),
    [
        ("reference", 180, 120, 94, False),
        ("reference", 181, 80, 98, True),
        ("reference", 120, 121, 98, True),
        ("reference", 120, 80, 93, True),
        ("conservative", 159, 99, 94, False),
        ("conservative", 160, 80, 98, True),
        ("conservative", 120, 100, 98, True),
        ("conservative", 120, 80, 93, True),
        ("perioperative", 179, 109, 94, False),
        ("perioperative", 180, 80, 98, True),
        ("perioperative", 120, 110, 98, True),
        ("perioperative", 120, 80, 93, True),
    ],
)
def test_a_preset_blocks_from_its_limit_on(
    preset: str, systolic: int, diastolic: int, saturation: int, blocks: bool
) -> None:
    """API reference 180/120 and 94 %; Yarows 2020 160/100; ACC/AHA 2017 180/110."""
    reading = {"bp_systolic": systolic, "bp_diastolic": diastolic, "oxygen_saturation": saturation}
    assert is_procedure_blocking(reading, preset=preset) is blocks


def test_the_presets_are_these_three_and_another_is_refused_by_name() -> None:
    """An org setting that names no preset must not block or clear anyone."""
    assert PRESETS == ("reference", "conservative", "perioperative")
    assert {row["vital"] for row in csv_rows("data/blocking_presets.csv")} <= set(VITALS)
    fast: Reading = {"pulse": 200, "bp_systolic": None}
    assert not any(is_procedure_blocking(fast, preset=preset) for preset in PRESETS)
    with pytest.raises(ValueError, match="reference, conservative, perioperative"):
        is_procedure_blocking({}, preset="lenient")


@pytest.mark.parametrize(
    ("height", "weight", "expected"),
    [(65, 150, "25.0"), (70, 200, "28.7"), (Decimal("48.5"), Decimal("60.2"), "18.0"), (60.0, 100.0, "19.5")],
)
def test_bmi_is_exact_to_one_decimal(
    height: int | float | Decimal, weight: int | float | Decimal, expected: str
) -> None:
    """kg/m2 from inches and pounds: 65 in and 150 lb are 24.96, shown as 25.0."""
    assert bmi(height, weight) == Decimal(expected)


@given(st.decimals(10, 100, places=1), st.decimals(1, 1500, places=1))
def test_bmi_agrees_with_the_familiar_formula(height: Decimal, weight: Decimal) -> None:
    """703 x lb / in^2 is the same conversion rounded to three figures."""
    familiar = 703 * weight / (height * height)
    assert abs(bmi(height, weight) - familiar) <= Decimal("0.05") + familiar / 5000


def test_bmi_needs_a_height() -> None:
    """Division by zero is the caller's mistake, said plainly."""
    for height in (0, -1):
        with pytest.raises(ValueError, match="height"):
            bmi(height, 150)


def _band_at(age_months: str) -> str:
    if not age_months:
        return AGE_BANDS[-1]["age_band"]
    return next(
        row["age_band"] for row in AGE_BANDS if not row["below_month"] or int(age_months) < int(row["below_month"])
    )
