"""Computes the CDC body-mass-index-for-age percentile for ages 2 to 20.

data/bmi_for_age.csv holds the L, M, S and P95 columns of the CDC 2000 growth chart table bmiagerev (United
States government work). Up to the 95th percentile the LMS method applies, above it CDC's extension of
December 2022 (National Center for Health Statistics, Vital Health Stat 2(197)).
"""

import math
from functools import cache
from statistics import NormalDist
from types import MappingProxyType
from typing import NamedTuple

from chairside.knowledge.data_files import csv_rows

YOUNGEST_MONTHS = 24.0
OLDEST_MONTHS = 240.5

_NORMAL = NormalDist()

# sigma = a + b age + c age^2, age in years: the half-normal spread above P95 in CDC's 2022 extension.
_SIGMA = MappingProxyType({"male": (0.3728, 0.5196, -0.0091), "female": (0.8334, 0.3712, -0.0011)})


def bmi_percentile(bmi: float, *, sex: str, age_months: float) -> float | None:
    """The percentile, 0 to 100, for a BMI in kg/m2, or None where CDC publishes none.

    None: outside 24 to 240.5 months (under two years WHO charts apply), a sex other than male or female, a
    BMI that is not a number above zero.
    """
    if sex not in _SIGMA or not YOUNGEST_MONTHS <= age_months <= OLDEST_MONTHS:
        return None
    if not (math.isfinite(bmi) and bmi > 0):
        return None
    row = _table()[sex, _row_month(age_months)]
    if bmi > row.p95:
        return 90 + 10 * _NORMAL.cdf((bmi - row.p95) / _sigma(sex, age_months / 12))
    return 100 * _NORMAL.cdf(_z_score(bmi, row))


def _row_month(age_months: float) -> float:
    """The table row of an age: row 48.5 covers 48.0 up to 49; 24 and 240 have rows of their own."""
    return age_months if age_months in (24.0, 240.0) else math.floor(age_months) + 0.5


def _z_score(bmi: float, row: "_Row") -> float:
    exponent = row.l * math.log(bmi / row.m)
    if exponent > _OVERFLOWS:
        return -math.inf
    return math.expm1(exponent) / (row.l * row.s)


# exp() of more raises. L is negative in the whole table: such a BMI is near zero, below every percentile.
_OVERFLOWS = 700.0


def _sigma(sex: str, years: float) -> float:
    constant, linear, quadratic = _SIGMA[sex]
    return constant + linear * years + quadratic * years * years


class _Row(NamedTuple):
    l: float  # noqa: E741 - L, M and S are the names of the method
    m: float
    s: float
    p95: float


@cache
def _table() -> MappingProxyType[tuple[str, float], _Row]:
    return MappingProxyType(
        {
            (row["sex"], float(row["month"])): _Row(*(float(row[key]) for key in ("l", "m", "s", "p95")))
            for row in csv_rows("data/bmi_for_age.csv")
        }
    )
