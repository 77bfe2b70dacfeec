"""Derived values follow their sources: birth date, sex, the tobacco entry, the last day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.chart.charting import DAY, Chart, Json, definition, named, today
from tests.house import Client
from tests.patients.acts import change, register

PULSE: Json = {"pulse": 140}


def add(chart: Chart, **fields: Any) -> Json:
    return chart.add("vital-signs", **({"date_taken": DAY} | fields))


def shown(chart: Chart) -> list[Json]:
    """The newest reading as every answer shows it: read, listed and in the summary."""
    [listed] = chart.listed("vital-signs")
    return [chart.desk.read(chart.path("vital-signs", listed["id"])), listed, chart.summary()["latest_vitals"]]


def percentiles(chart: Chart) -> set[int | None]:
    return {reading["bmi_percentile"] for reading in shown(chart)}


def test_a_corrected_birth_date_corrects_percentile_and_flags_of_old_readings(desk: Client) -> None:
    """A child of 7 who was typed in as one of 12, and a grown-up who was typed in as a baby."""
    chart = Chart(desk, register(desk, date_of_birth="2014-03-02", gender="male"))
    add(chart, bmi="16.6", bp_systolic=126, bp_diastolic=70)
    [old] = percentiles(chart)
    change(desk, chart.patient(), date_of_birth="2019-03-02")
    [new] = percentiles(chart)
    assert isinstance(old, int)
    assert isinstance(new, int)
    assert new > old
    change(desk, chart.patient(), date_of_birth="1980-03-02")
    assert percentiles(chart) == {None}
    baby = Chart(desk, register(desk, date_of_birth="2025-10-02"))
    add(baby, **PULSE)
    assert [r["abnormal_flags"] for r in shown(baby)] == [[]] * 3
    change(desk, baby.patient(), date_of_birth="1980-10-02")
    assert [[f["severity"] for f in r["abnormal_flags"]] for r in shown(baby)] == [["critical"]] * 3


@pytest.mark.parametrize(("first", "second"), [("male", "female"), ("unknown", "female"), (None, "male")])
def test_a_corrected_sex_corrects_the_percentile_of_old_readings(desk: Client, first: str | None, second: str) -> None:
    """As if it had been known when the reading was recorded."""
    chart, other = (
        Chart(desk, register(desk, date_of_birth="2012-03-02", gender=gender)) for gender in (first, second)
    )
    add(chart, bmi="19.0")
    add(other, bmi="19.0")
    before = percentiles(chart)
    change(desk, chart.patient(), gender=second)
    assert percentiles(chart) == percentiles(other) != before


def test_a_percentile_that_was_sent_stays(desk: Client) -> None:
    """The value was measured by another chart; null brings back the computed one."""
    chart = Chart(desk, register(desk, date_of_birth="2014-03-02", gender="male"))
    made = add(chart, bmi="16.6", bmi_percentile=99)
    change(desk, chart.patient(), date_of_birth="2019-03-02")
    assert percentiles(chart) == {99}
    chart.change("vital-signs", made, bmi_percentile=None)
    [computed] = percentiles(chart)
    assert computed not in (None, 99)


def test_a_form_that_sends_back_what_it_was_shown_supplies_nothing(desk: Client) -> None:
    """Percentile and BMI follow the weight that the same form corrects, and later the birth date."""
    chart = Chart(desk, register(desk, date_of_birth="2014-03-02", gender="male"))
    made = add(chart, height_inches="58", weight_lbs="80")
    form = {k: made[k] for k in ("bmi", "bmi_percentile", "height_inches")}
    heavier = chart.change("vital-signs", made, **form, weight_lbs="120")
    assert float(heavier["bmi"]) > float(made["bmi"])
    assert heavier["bmi_percentile"] > made["bmi_percentile"]
    change(desk, chart.patient(), date_of_birth="1980-03-02")
    assert percentiles(chart) == {None}


def tobacco(chart: Chart) -> str | None:
    code: str | None = chart.patient()["smoking_snomed"]
    return code


def test_smoking_snomed_is_the_code_of_the_active_tobacco_entry(chart: Chart) -> None:
    """Through create, change, clearing, archive and a new entry; other categories do not touch it."""
    assert tobacco(chart) is None
    chart.add("social-history", category="alcohol", value="Never", snomed_code="105542008")
    assert tobacco(chart) is None
    entry = chart.add("social-history", category="tobacco", value="Smokes", snomed_code="77176002")
    assert tobacco(chart) == "77176002"
    entry = chart.change("social-history", entry, snomed_code="8517006")
    assert tobacco(chart) == "8517006"
    entry = chart.change("social-history", entry, value="Used to smoke")
    assert tobacco(chart) == "8517006"
    entry = chart.change("social-history", entry, snomed_code=None)
    assert tobacco(chart) is None
    entry = chart.change("social-history", entry, snomed_code="266919005")
    chart.archive("social-history", entry)
    assert tobacco(chart) is None
    chart.add("social-history", category="tobacco", value="Never", snomed_code="266919005")
    assert tobacco(chart) == "266919005"
    assert {tuple(e["changed"]) for e in chart.events("patient.updated")} == {("smoking_snomed",)}


# Last day of a medication, in days from today, and whether it is still current.
LAST_DAYS = [(-400, False), (-1, False), (0, True), (1, True), (None, True)]


def day(distance: int | None) -> str | None:
    return None if distance is None else str(today() + timedelta(days=distance))


@pytest.mark.parametrize(("last", "current"), LAST_DAYS)
def test_a_medication_is_current_through_its_last_day(
    desk: Client, chart: Chart, last: int | None, current: bool
) -> None:
    """In the status, the lists, the summary and the warnings of an allergy recorded later."""
    made = chart.add("medications", med_descript="Amoxicillin", date_start="2020-01-01", date_stop=day(last))
    assert made["status"] == ("active" if current else "completed")
    assert chart.ids("medications", is_active=True) == ([made["id"]] if current else [])
    assert chart.ids("medications", is_active=False) == ([] if current else [made["id"]])
    summary = chart.summary()
    assert [m["id"] for m in summary["current_medications"]] == ([made["id"]] if current else [])
    assert [m["id"] for m in summary["past_medications"]] == ([] if current else [made["id"]])
    allergy = chart.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", "Penicillin"))
    assert bool(allergy["interaction_warnings"]) == current


@pytest.mark.parametrize(("last", "current"), LAST_DAYS)
def test_a_medication_that_is_past_warns_of_nothing(
    desk: Client, chart: Chart, last: int | None, current: bool
) -> None:
    """Entered as history it is no danger now."""
    chart.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", "Penicillin"))
    made = chart.add("medications", med_descript="Amoxicillin", date_start="2020-01-01", date_stop=day(last))
    assert bool(made["interaction_warnings"]) == current


def test_what_is_over_can_be_brought_back(chart: Chart) -> None:
    """Active again it loses the day that is over, and takes one that is not; a past day sent with it ends it."""
    made = chart.add("medications", med_descript="Zinc", date_stop=day(-1))
    assert made["status"] == "completed"
    back = chart.change("medications", made, status="active")
    assert (back["status"], back["date_stop"]) == ("active", None)
    ended = chart.change("medications", back, date_stop=day(-1))
    assert (ended["status"], ended["date_stop"]) == ("completed", day(-1))
    longer = chart.change("medications", ended, status="active", date_stop=day(1))
    assert (longer["status"], longer["date_stop"]) == ("active", day(1))


def test_a_problem_stays_active_until_somebody_resolves_it(desk: Client, chart: Chart) -> None:
    """A day alone takes no danger off the list."""
    cough = definition(desk, "disease-definitions", "Cough")
    made = chart.add("diseases", disease_definition_uuid=cough, date_stop=day(-1))
    assert made["problem_status"] == "active"
    assert [d["id"] for d in chart.summary()["active_problems"]] == [made["id"]]
