"""BMI-for-age percentiles against the rows CDC published."""

import csv
from pathlib import Path
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chairside.knowledge.growth import bmi_percentile

POINTS = list(csv.DictReader(Path(__file__).with_name("cdc_bmi_for_age_points.csv").read_text().splitlines()))
sexes = st.sampled_from(["male", "female"])
months = st.floats(24, 240.5)
masses = st.floats(5, 120)


@pytest.mark.parametrize("percentile", [5, 50, 85, 95])
@pytest.mark.parametrize("point", POINTS, ids=[f"{p['sex']} {p['month']}" for p in POINTS])
def test_the_published_rows_come_back_to_a_tenth(point: dict[str, str], percentile: int) -> None:
    """CDC bmiagerev: P5, P50, P85 and P95 of both sexes at 24 ages."""
    bmi = float(point[f"p{percentile}"])
    computed = bmi_percentile(bmi, sex=point["sex"], age_months=float(point["month"]))
    assert computed is not None
    assert abs(computed - percentile) < 0.1


def test_the_points_are_24_ages_of_both_sexes() -> None:
    """The test table is as large as it claims."""
    assert len({(p["sex"], p["month"]) for p in POINTS}) == len(POINTS) == 48


@pytest.mark.parametrize(("sex", "bmi", "age_months"), [("male", 30.0, 120.5), ("female", 40.0, 180.5)])
def test_above_the_95th_percentile_the_extension_of_2022_applies(sex: str, bmi: float, age_months: float) -> None:
    """90 + 10 Phi((BMI - P95) / sigma), sigma quadratic in years, by hand for one boy and one girl."""
    years = age_months / 12
    sigma = {
        "male": 0.3728 + 0.5196 * years - 0.0091 * years**2,
        "female": 0.8334 + 0.3712 * years - 0.0011 * years**2,
    }[sex]
    p95 = next(float(p["p95"]) for p in POINTS if p["sex"] == sex and float(p["month"]) == age_months)
    expected = 90 + 10 * NormalDist().cdf((bmi - p95) / sigma)
    assert bmi_percentile(bmi, sex=sex, age_months=age_months) == pytest.approx(expected, abs=1e-9)
    assert expected > 99


@given(sexes, months, masses, masses)
def test_more_mass_is_never_a_lower_percentile(sex: str, age: float, one: float, other: float) -> None:
    """Monotone in the BMI, across the seam at P95 too."""
    lighter, heavier = sorted((one, other))
    low = bmi_percentile(lighter, sex=sex, age_months=age)
    high = bmi_percentile(heavier, sex=sex, age_months=age)
    assert low is not None
    assert high is not None
    assert low <= high


@given(st.sampled_from(POINTS))
def test_the_extension_meets_the_curve_at_the_95th_percentile(point: dict[str, str]) -> None:
    """No jump where one method takes over from the other."""
    p95, age = float(point["p95"]), float(point["month"])
    for bmi in (p95 - 1e-6, p95 + 1e-6):
        assert bmi_percentile(bmi, sex=point["sex"], age_months=age) == pytest.approx(95, abs=1e-3)


@given(st.floats(), sexes | st.text(max_size=8), st.floats())
def test_an_answer_lies_between_0_and_100_or_is_none(bmi: float, sex: str, age: float) -> None:
    """Whatever is asked, infinities and not-a-number included, nothing raises."""
    answer = bmi_percentile(bmi, sex=sex, age_months=age)
    assert answer is None or 0 <= answer <= 100


@pytest.mark.parametrize("bmi", [0.0, -1.0, float("inf"), float("-inf"), float("nan")])
def test_there_is_no_percentile_for_an_impossible_bmi(bmi: float) -> None:
    """A BMI is a number above zero."""
    assert bmi_percentile(bmi, sex="female", age_months=100) is None


def test_the_smallest_bmi_is_at_the_bottom_of_the_chart() -> None:
    """Its power overflows a float; the answer is zero, not an error."""
    assert bmi_percentile(1e-300, sex="male", age_months=100) == 0


@given(masses, sexes, st.floats())
def test_there_is_no_percentile_outside_the_ages_of_the_chart(bmi: float, sex: str, age: float) -> None:
    """Under 24 months WHO charts apply; over 240.5 there is none."""
    assert (bmi_percentile(bmi, sex=sex, age_months=age) is None) == (not 24 <= age <= 240.5)


@pytest.mark.parametrize("sex", ["", "unknown", "other", "Male", "M"])
def test_there_is_no_percentile_without_a_known_sex(sex: str) -> None:
    """The chart has two sexes, written as the contract writes them."""
    assert bmi_percentile(18.0, sex=sex, age_months=100) is None


def test_a_row_covers_its_whole_month() -> None:
    """Row 48.5 serves 48.0 to 48.99 months; 24 and 240 have rows of their own."""
    at = {age: bmi_percentile(16.0, sex="male", age_months=age) for age in (47.99, 48.0, 48.5, 48.99, 49.0)}
    assert at[48.0] == at[48.5] == at[48.99]
    assert len({at[47.99], at[48.5], at[49.0]}) == 3
    for age in (24.0, 240.0):
        own = bmi_percentile(16.0, sex="male", age_months=age)
        assert own != bmi_percentile(16.0, sex="male", age_months=age + 0.01)
