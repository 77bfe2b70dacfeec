"""A reading is judged by the age of its day: birthdays, the first month, a birth on 29 February."""

from __future__ import annotations

import pytest

from tests.chart.charting import Chart
from tests.house import Client
from tests.patients.acts import register

# Born, day of the reading, whether CDC has a percentile: from the second birthday to 20 years and half a month.
PERCENTILES = [
    ("2021-03-01", "2023-02-28", False),
    ("2021-03-01", "2023-03-01", True),
    ("2022-11-24", "2024-11-24", True),
    ("2020-02-29", "2022-02-28", False),
    ("2020-02-29", "2022-03-01", True),
    ("2003-03-10", "2023-03-09", True),
    ("2003-03-10", "2023-03-10", True),
    ("2003-03-10", "2023-03-25", True),
    ("2003-03-10", "2023-03-26", False),
]
# A temperature of 97.0 F is usual before the 18th birthday, a pulse of 195 in the first month of life alone.
BANDS = [
    ("2008-03-10", "2026-03-09", {"temperature_f": 97}, set()),
    ("2008-03-10", "2026-03-10", {"temperature_f": 97}, {"temperature_f"}),
    ("2008-02-29", "2026-02-28", {"temperature_f": 97}, set()),
    ("2008-02-29", "2026-03-01", {"temperature_f": 97}, {"temperature_f"}),
    ("2026-01-31", "2026-01-31", {"pulse": 195}, set()),
    ("2026-01-31", "2026-02-28", {"pulse": 195}, set()),
    ("2026-01-31", "2026-03-01", {"pulse": 195}, {"pulse"}),
]


@pytest.mark.parametrize(("born", "day", "there"), PERCENTILES)
def test_a_percentile_begins_with_the_second_birthday_and_ends_after_the_twentieth(
    desk: Client, born: str, day: str, there: bool
) -> None:
    """On the very day, whatever leap years lie between."""
    for sex in ("male", "female"):
        chart = Chart(desk, register(desk, date_of_birth=born, gender=sex))
        made = chart.add("vital-signs", date_taken=day, bmi="18.0")
        assert (made["bmi_percentile"] is not None) == there


@pytest.mark.parametrize(("born", "day", "reading", "flagged"), BANDS)
def test_a_band_of_age_ends_with_a_birthday(
    desk: Client, born: str, day: str, reading: dict[str, int], flagged: set[str]
) -> None:
    """The day before it still counts to the younger band; who was born on 29 February is older on 1 March."""
    made = Chart(desk, register(desk, date_of_birth=born)).add("vital-signs", date_taken=day, **reading)
    assert {f["vital"] for f in made["abnormal_flags"]} == flagged
