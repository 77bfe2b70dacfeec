"""Vital signs: what is impossible, what is computed, what stands out at which age, and the newest day."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chart.charting import DAY, Chart, Json, as_reading, today
from tests.house import Client, problems
from tests.patients.acts import at_once, change, register

POINTS = Path(__file__).parent.parent / "knowledge" / "cdc_bmi_for_age_points.csv"
LIMITS: list[tuple[str, Any, Any, Any, Any]] = [
    # field, last refused, first taken, last taken, first refused
    ("bp_systolic", 39, 40, 350, 351),
    ("bp_diastolic", 19, 20, 250, 251),
    ("pulse", 19, 20, 300, 301),
    ("oxygen_saturation", 39, 40, 100, 101),
    ("respiration_rate", 3, 4, 100, 101),
    ("temperature_f", "79.9", "80", "115", "115.1"),
    ("height_inches", "9.99", "10", "100", "100.01"),
    ("weight_lbs", "0.99", "1", "1500", "1500.01"),
]


def vitals(chart: Chart, **fields: Any) -> Json:
    return chart.add("vital-signs", **({"date_taken": DAY} | fields))


def flagged(reading: Json) -> dict[str, str]:
    return {f["vital"]: f["severity"] for f in reading["abnormal_flags"]}


@pytest.mark.parametrize(("field", "under", "least", "most", "over"), LIMITS, ids=[r[0] for r in LIMITS])
def test_what_no_body_can_have_is_refused(
    chart: Chart, field: str, under: Any, least: Any, most: Any, over: Any
) -> None:
    """Both ends of every range, on create and on PATCH."""
    for taken in (least, most):
        assert float(vitals(chart, **{field: taken})[field]) == float(taken)
    made = vitals(chart)
    for wrong in (under, over):
        for answer in (
            chart.post("vital-signs", date_taken=DAY, **{field: wrong}),
            chart.patch("vital-signs", made, **{field: wrong}),
        ):
            assert (answer.status_code, problems(answer)) == (422, {("body", field): "out_of_range"}), wrong


@pytest.mark.parametrize(("systolic", "diastolic"), [(76, 120), (100, 100), (40, 250)])
def test_the_diastolic_pressure_lies_below_the_systolic(chart: Chart, systolic: int, diastolic: int) -> None:
    """Swapped or equal is 422, also when a PATCH brings the two together."""
    answer = chart.post("vital-signs", date_taken=DAY, bp_systolic=systolic, bp_diastolic=diastolic)
    assert (answer.status_code, problems(answer)) == (422, {("body", "bp_diastolic"): "out_of_range"})
    half = vitals(chart, bp_systolic=systolic)
    assert chart.patch("vital-signs", half, bp_diastolic=diastolic).status_code == 422
    assert vitals(chart, bp_systolic=diastolic + 1, bp_diastolic=diastolic)["bp_diastolic"] == diastolic


def test_a_reading_is_of_today_or_before_and_not_from_before_birth(desk: Client) -> None:
    """Tomorrow, and the day before the patient was born."""
    chart = Chart(desk, register(desk, date_of_birth="2020-01-10"))
    later = (today() + timedelta(days=2)).isoformat()
    for day in (later, "2199-01-01", "2020-01-09"):
        answer = chart.post("vital-signs", date_taken=day, pulse=120)
        assert (answer.status_code, problems(answer)) == (422, {("body", "date_taken"): "out_of_range"}), day
    assert vitals(chart, date_taken=today().isoformat())["date_taken"]
    assert vitals(chart, date_taken="2020-01-10")["date_taken"] == "2020-01-10"


def test_the_body_mass_index_is_computed_from_height_and_weight(chart: Chart) -> None:
    """70 in and 180 lb are 25.8; with one of them there is none."""
    made = vitals(chart, height_inches="70", weight_lbs="180")
    assert made["bmi"] == "25.8"
    assert vitals(chart, height_inches="70")["bmi"] is None
    assert vitals(chart, height_inches="70", weight_lbs="180", bmi=None)["bmi"] == "25.8"
    assert vitals(chart, height_inches="70", weight_lbs="180", bmi="26.1")["bmi"] == "26.1"
    assert vitals(chart, bmi="31.4")["bmi"] == "31.4"


def test_the_body_mass_index_follows_height_and_weight(chart: Chart) -> None:
    """A corrected weight corrects it, a note does not touch it, without a weight it is gone."""
    made = vitals(chart, height_inches="70", weight_lbs="180")
    heavier = chart.change("vital-signs", made, weight_lbs="200")
    assert heavier["bmi"] == "28.7"
    noted = chart.change("vital-signs", heavier, note="In shoes")
    assert noted["bmi"] == "28.7"
    without = chart.change("vital-signs", noted, weight_lbs=None)
    assert without["bmi"] is None
    completed = chart.change("vital-signs", without, weight_lbs="180")
    assert completed["bmi"] == "25.8"
    assert chart.change("vital-signs", completed, bmi=None)["bmi"] is None


def test_an_index_that_was_sent_outlives_the_weight(chart: Chart) -> None:
    """Only what was computed goes with what it was computed from."""
    made = vitals(chart, height_inches="70", weight_lbs="180", bmi="26.1")
    assert chart.change("vital-signs", made, weight_lbs=None)["bmi"] == "26.1"


def cdc() -> list[tuple[str, float, int, float]]:
    rows = csv.DictReader(POINTS.read_text().splitlines())
    wanted = ("60.5", "120.5", "180.5")
    return [
        (r["sex"], float(r["month"]), p, float(r[f"p{p}"]))
        for r in rows
        if r["month"] in wanted
        for p in (5, 50, 85, 95)
    ]


@pytest.mark.parametrize(("sex", "month", "percentile", "bmi"), cdc())
def test_the_percentile_is_that_of_the_published_tables(
    desk: Client, sex: str, month: float, percentile: int, bmi: float
) -> None:
    """CDC's own rows; a body mass index of one decimal moves a percentile by up to two."""
    born = date.fromisoformat(DAY) - timedelta(days=round(month * 30.4375))
    chart = Chart(desk, register(desk, date_of_birth=born.isoformat(), gender=sex))
    assert abs(vitals(chart, bmi=f"{bmi:.1f}")["bmi_percentile"] - percentile) <= 2


def test_a_boy_of_ten_with_an_index_of_16_6_is_in_the_middle(desk: Client) -> None:
    """P50 is 16.646 at 120.5 months; 54 in and 69 lb are 16.6."""
    chart = Chart(desk, register(desk, date_of_birth="2016-02-15", gender="male"))
    made = vitals(chart, height_inches="54", weight_lbs="69")
    assert (made["bmi"], abs(made["bmi_percentile"] - 50) <= 1) == ("16.6", True)
    fuller = chart.change("vital-signs", made, weight_lbs="92")
    assert fuller["bmi_percentile"] >= 95
    assert chart.change("vital-signs", fuller, weight_lbs=None)["bmi_percentile"] is None


@pytest.mark.parametrize(
    ("born", "gender"),
    [("2016-02-15", None), ("2016-02-15", "other"), (None, "male"), ("1990-01-01", "male"), ("2024-06-01", "female")],
)
def test_there_is_no_percentile_without_age_or_sex_or_outside_2_to_20_years(
    desk: Client, born: str | None, gender: str | None
) -> None:
    """Nothing is guessed."""
    chart = Chart(desk, register(desk, date_of_birth=born, gender=gender))
    made = vitals(chart, height_inches="54", weight_lbs="69")
    assert (made["bmi"], made["bmi_percentile"]) == ("16.6", None)


READING = {"pulse": 130, "respiration_rate": 35, "bp_systolic": 88, "bp_diastolic": 50}
BANDS: list[tuple[str | None, dict[str, str]]] = [
    ("2025-10-02", {}),
    (
        "1986-03-02",
        {"pulse": "warning", "respiration_rate": "critical", "bp_systolic": "critical", "bp_diastolic": "warning"},
    ),
    (
        None,
        {"pulse": "warning", "respiration_rate": "critical", "bp_systolic": "critical", "bp_diastolic": "warning"},
    ),
]


@pytest.mark.parametrize(("born", "expected"), BANDS, ids=["baby", "adult", "age unknown"])
def test_the_same_reading_means_another_thing_at_another_age(
    desk: Client, born: str | None, expected: dict[str, str]
) -> None:
    """Usual for a baby, alarming for an adult; whose age is unknown is judged as an adult."""
    chart = Chart(desk, register(desk, date_of_birth=born))
    made = vitals(chart, **READING)
    assert flagged(made) == expected
    for flag in made["abnormal_flags"]:
        assert set(flag) == {"vital", "value", "severity", "message"}
        assert flag["value"] == READING[flag["vital"]]
        assert str(flag["value"]) in flag["message"]
    assert chart.desk.read(chart.path("vital-signs", made["id"])) == made
    assert chart.listed("vital-signs") == [made]
    assert as_reading(chart.summary()["latest_vitals"]) == made


def test_age_is_that_of_the_day_of_the_reading(desk: Client) -> None:
    """An old reading of a child stays one of a child; a corrected birth date corrects the judgement."""
    patient = register(desk, date_of_birth="2025-10-02")
    chart = Chart(desk, patient)
    vitals(chart, date_taken="2025-12-02", **READING)
    assert flagged(chart.listed("vital-signs")[0]) == {}
    change(desk, chart.patient(), date_of_birth="1986-03-02")
    assert flagged(chart.listed("vital-signs")[0]) == BANDS[1][1]


def test_the_event_keeps_what_was_flagged_when_it_was_recorded(desk: Client) -> None:
    """By name, never by value; a PATCH is judged anew in an event of its own."""
    chart = Chart(desk, register(desk, date_of_birth="1970-01-01"))
    made = vitals(chart, bp_systolic=192, bp_diastolic=95, pulse=72)
    better = chart.change("vital-signs", made, bp_systolic=118, bp_diastolic=76)
    assert better["abnormal_flags"] == []
    first, second = chart.events("vital_signs.created", "vital_signs.updated")
    assert first["notes"] == ["bp_systolic critical", "bp_diastolic warning", "procedure_blocking"]
    assert second["notes"] == []
    assert not any(str(n) in "".join(first["notes"]) for n in (192, 95, 72))


def test_readings_are_listed_newest_first(chart: Chart) -> None:
    """By day, then by time, those without a time after those with one, then the one recorded last."""
    order = [("2026-03-01", None), ("2026-03-02", "08:15"), ("2026-02-01", "23:00"), ("2026-03-02", "14:30"),
             ("2026-03-02", None), ("2026-03-02", "14:30")]  # fmt: skip
    made = [vitals(chart, date_taken=day, time_taken=time)["id"] for day, time in order]
    assert chart.ids("vital-signs") == [made[n] for n in (5, 3, 1, 4, 0, 2)]


def test_readings_are_narrowed_by_day_both_days_included(chart: Chart) -> None:
    """date_from and date_to, alone and together."""
    made = {day: vitals(chart, date_taken=day)["id"] for day in ("2026-01-01", "2026-01-02", "2026-01-03")}
    ids = list(made.values())
    assert chart.ids("vital-signs", date_from="2026-01-02") == [ids[2], ids[1]]
    assert chart.ids("vital-signs", date_to="2026-01-02") == [ids[1], ids[0]]
    assert chart.ids("vital-signs", date_from="2026-01-02", date_to="2026-01-02") == [ids[1]]
    assert chart.ids("vital-signs", date_from="2026-01-03", date_to="2026-01-02") == []


def test_the_patients_newest_day_follows_the_readings(chart: Chart) -> None:
    """After a create, a PATCH of the day and an archive; an older reading does not move it."""

    def newest() -> str | None:
        return chart.patient()["latest_vitals_date"]  # type: ignore[no-any-return]  # text or null

    assert newest() is None
    first = vitals(chart, date_taken="2026-01-10")
    assert newest() == "2026-01-10"
    old = vitals(chart, date_taken="2025-12-01")
    assert newest() == "2026-01-10"
    moved = chart.change("vital-signs", first, date_taken="2025-11-01")
    assert newest() == "2025-12-01"
    chart.archive("vital-signs", old)
    assert newest() == "2025-11-01"
    chart.archive("vital-signs", moved)
    assert newest() is None
    assert [e["changed"] for e in chart.events("patient.updated")] == [["latest_vitals_date"]] * 4


def test_readings_recorded_at_the_same_moment_are_all_taken(desk: Client) -> None:
    """Three at once in ten rounds: 201 each, and the newest day is the newest of them."""
    for _ in range(10):
        chart = Chart(desk, register(desk))

        def one(number: int, chart: Chart = chart) -> int:
            return chart.post("vital-signs", date_taken=f"2026-01-0{3 - number}").status_code

        answers = at_once(3, one)
        assert answers == [201, 201, 201]
        assert chart.patient()["latest_vitals_date"] == "2026-01-03"


def test_readings_archived_at_the_same_moment_leave_no_day_behind(desk: Client) -> None:
    """The only two, crosswise, in twenty rounds: no newest day is kept of a reading that is gone."""
    for _ in range(20):
        chart = Chart(desk, register(desk))
        made = [vitals(chart, date_taken=day) for day in ("2026-01-03", "2026-01-01")]

        def one(number: int, chart: Chart = chart, made: tuple[Json, ...] = tuple(made)) -> str:
            return str(chart.archive("vital-signs", made[number])["id"])

        assert len(at_once(2, one)) == 2
        assert chart.patient()["latest_vitals_date"] is None
