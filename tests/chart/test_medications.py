"""Medications: what names one, its days, its status, and how the list is narrowed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.chart.charting import Chart, Json, named, today
from tests.house import Client, problems


@pytest.fixture(scope="module")
def warfarin(desk: Client) -> str:
    return named(desk, "medication-definitions", "Warfarin")


def test_a_medication_needs_a_definition_or_words(chart: Chart, warfarin: str) -> None:
    """Either, or both; neither is 422, on create and when the last of them would be cleared."""
    for nothing in ({}, {"med_descript": None}, {"med_descript": "   "}, {"medication_definition_uuid": None}):
        assert chart.post("medications", **nothing).status_code == 422, nothing
    both = chart.add("medications", medication_definition_uuid=warfarin, med_descript="Coumadin")
    words = chart.change("medications", both, medication_definition_uuid=None)
    assert (words["medication_definition"], words["med_descript"]) == (None, "Coumadin")
    assert chart.patch("medications", words, med_descript=None).status_code == 422
    back = chart.change("medications", words, medication_definition_uuid=warfarin, med_descript=None)
    assert back["medication_definition"] == {"id": warfarin, "name": "Warfarin"}


def test_a_medication_is_active_at_first(chart: Chart) -> None:
    """A new one cannot be given another status."""
    made = chart.add("medications", med_descript="Zinc", date_start="2026-01-05")
    assert (made["status"], made["date_stop"], made["is_cpoe"]) == ("active", None, False)
    answer = chart.post("medications", med_descript="Zinc", status="completed")
    assert (answer.status_code, problems(answer)) == (422, {("body", "status"): "unknown_field"})


@pytest.mark.parametrize("status", ["completed", "discontinued", "on_hold"])
def test_moving_away_from_active_sets_the_last_day(chart: Chart, status: str) -> None:
    """Today, if there was none."""
    made = chart.add("medications", med_descript="Zinc", date_start="2026-01-05")
    before = today()
    ended = chart.change("medications", made, status=status)
    assert before.isoformat() <= ended["date_stop"] <= today().isoformat()
    assert ended["status"] == status


def test_a_last_day_that_is_known_stays(chart: Chart) -> None:
    """From before, or sent with the status."""
    told = chart.add("medications", med_descript="Zinc", date_start="2026-01-05", date_stop="2026-01-20")
    assert chart.change("medications", told, status="completed")["date_stop"] == "2026-01-20"
    other = chart.add("medications", med_descript="Zinc", date_start="2026-01-05")
    ended = chart.change(
        "medications", other, status="discontinued", date_stop="2026-02-01", discontinuation_reason="Rash"
    )
    assert (ended["date_stop"], ended["discontinuation_reason"]) == ("2026-02-01", "Rash")


def test_a_medication_ended_before_its_first_day_is_no_contradiction(chart: Chart) -> None:
    """Prescribed for next week and called off today: the last day is not before the first."""
    start = (today() + timedelta(days=7)).isoformat()
    made = chart.add("medications", med_descript="Zinc", date_start=start)
    ended = chart.change("medications", made, status="discontinued")
    assert ended["date_stop"] >= start


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ({"date_start": "2026-01-05", "date_stop": "2026-01-04"}, None),
        ({"date_start": "2026-01-05"}, {"date_stop": "2026-01-04"}),
        ({"date_stop": "2026-01-05"}, {"date_start": "2026-01-06"}),
        ({"date_start": "2026-01-05"}, {"status": "completed", "date_stop": "2025-12-31"}),
    ],
)
def test_a_last_day_before_the_first_is_refused(chart: Chart, first: Json, later: Json | None) -> None:
    """However the two come together; the same day is right."""
    if later is None:
        answer = chart.post("medications", med_descript="Zinc", **first)
    else:
        answer = chart.patch("medications", chart.add("medications", med_descript="Zinc", **first), **later)
    assert (answer.status_code, problems(answer)) == (422, {("body", "date_stop"): "out_of_range"})
    chart.add("medications", med_descript="Zinc", date_start="2026-01-05", date_stop="2026-01-05")


def test_only_active_ones_or_only_the_others_are_listed(chart: Chart) -> None:
    """is_active means status active; on hold is not."""
    made = [chart.add("medications", med_descript=f"Zinc {n}") for n in range(3)]
    chart.change("medications", made[1], status="on_hold")
    chart.change("medications", made[2], status="completed")
    assert chart.ids("medications", is_active="true") == [made[0]["id"]]
    assert set(chart.ids("medications", is_active="false")) == {made[1]["id"], made[2]["id"]}
    assert len(chart.ids("medications")) == 3


@pytest.mark.parametrize("code", ["x", "12 3", "123456789", "-1", "1.5"])
def test_a_code_that_rxnorm_cannot_have_is_refused(chart: Chart, code: str) -> None:
    """A number of up to eight digits, as text."""
    answer = chart.post("medications", med_descript="Zinc", rx_cui=code)
    assert (answer.status_code, problems(answer)) == (422, {("body", "rx_cui"): "invalid_code"})


def test_a_medication_back_on_the_list_has_no_last_day(chart: Chart) -> None:
    """Taken up again: the day it was stopped no longer holds, unless the caller names one."""
    made = chart.add("medications", med_descript="Zinc", date_start="2026-01-05")
    held = chart.change("medications", made, status="on_hold")
    assert chart.change("medications", held, status="active")["date_stop"] is None
