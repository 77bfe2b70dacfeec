"""The problem list, and social history with one entry of each category."""

from __future__ import annotations

import pytest

from tests.chart.charting import Chart, Json, named, today
from tests.house import Client, problems
from tests.patients.acts import at_once, register

CATEGORIES = ("tobacco", "alcohol", "drug_use", "occupation", "exercise", "diet", "sexual_health", "other")


@pytest.fixture(scope="module")
def asthma(desk: Client) -> str:
    return named(desk, "disease-definitions", "Asthma")


def test_a_problem_is_active_and_a_problem_unless_said_otherwise(chart: Chart, asthma: str) -> None:
    """The two defaults."""
    made = chart.add("diseases", disease_definition_uuid=asthma)
    assert (made["problem_status"], made["function_status"], made["date_stop"]) == ("active", "problem", None)
    assert made["disease_definition"]["name"] == "Asthma"


def test_resolving_a_problem_sets_its_last_day_if_it_has_none(chart: Chart, asthma: str) -> None:
    """Today; a day that is known stays. Inactive is not resolved."""
    made = chart.add("diseases", disease_definition_uuid=asthma, date_start="2020-05-01")
    inactive = chart.change("diseases", made, problem_status="inactive")
    assert inactive["date_stop"] is None
    before = today()
    resolved = chart.change("diseases", inactive, problem_status="resolved")
    assert before.isoformat() <= resolved["date_stop"] <= today().isoformat()
    told = chart.add("diseases", disease_definition_uuid=asthma)
    ended = chart.change("diseases", told, problem_status="resolved", date_stop="2021-05-01")
    assert ended["date_stop"] == "2021-05-01"
    at_once_resolved = chart.add("diseases", disease_definition_uuid=asthma, problem_status="resolved")
    assert at_once_resolved["date_stop"] is not None


def test_a_problem_that_comes_back_has_no_last_day(chart: Chart, asthma: str) -> None:
    """Unless one is given with it; a change of something else leaves the day alone."""
    resolved = chart.add("diseases", disease_definition_uuid=asthma, problem_status="resolved", date_stop="2021-05-01")
    noted = chart.change("diseases", resolved, patient_note="As a child")
    assert noted["date_stop"] == "2021-05-01"
    back = chart.change("diseases", noted, problem_status="active")
    assert (back["problem_status"], back["date_stop"]) == ("active", None)
    again = chart.change("diseases", back, problem_status="inactive", date_stop="2030-01-01")
    given = chart.change("diseases", again, problem_status="active", date_stop="2031-01-01")
    assert given["date_stop"] == "2031-01-01"


@pytest.mark.parametrize("patched", [False, True])
def test_a_problem_does_not_end_before_it_starts(chart: Chart, asthma: str, patched: bool) -> None:
    """On create and on PATCH."""
    if patched:
        made = chart.add("diseases", disease_definition_uuid=asthma, date_start="2020-05-02")
        answer = chart.patch("diseases", made, date_stop="2020-05-01")
    else:
        answer = chart.post("diseases", disease_definition_uuid=asthma, date_start="2020-05-02", date_stop="2020-05-01")
    assert (answer.status_code, problems(answer)) == (422, {("body", "date_stop"): "out_of_range"})


def test_problems_are_listed_by_their_status(chart: Chart, asthma: str) -> None:
    """Exactly; all of them without a filter."""
    made = {
        status: chart.add("diseases", disease_definition_uuid=asthma, problem_status=status)["id"]
        for status in ("active", "resolved", "inactive")
    }
    for status, one in made.items():
        assert chart.ids("diseases", problem_status=status) == [one]
    assert set(chart.ids("diseases")) == set(made.values())


def test_there_is_one_active_entry_of_each_category(chart: Chart) -> None:
    """All eight once; a second is 409 until the first is archived."""
    made = {c: chart.add("social-history", category=c, value="Told") for c in CATEGORIES}
    assert [e["category"] for e in chart.listed("social-history")] == sorted(CATEGORIES)
    for category in CATEGORIES:
        again = chart.post("social-history", category=category, value="Told again")
        assert (again.status_code, problems(again)) == (409, {("body", "category"): "duplicate_category"})
    chart.archive("social-history", made["diet"])
    assert chart.add("social-history", category="diet", value="Vegan")["version"] == 1


def test_two_clients_racing_to_add_one_category_make_one(desk: Client) -> None:
    """One 201, one 409, in each of fifteen races."""
    for _ in range(15):
        chart = Chart(desk, register(desk))

        def one(number: int, chart: Chart = chart) -> int:
            return chart.post("social-history", category="diet", value=f"Told by {number}").status_code

        answers = at_once(2, one)
        assert sorted(answers) == [201, 409]
        assert len(chart.listed("social-history")) == 1


def test_an_entry_keeps_its_category_and_its_author(chart: Chart) -> None:
    """The value changes; the category cannot."""
    made: Json = chart.add("social-history", category="tobacco", value="10 a day", date_recorded="2026-01-05")
    moved = chart.patch("social-history", made, category="alcohol")
    assert (moved.status_code, problems(moved)) == (422, {("body", "category"): "unknown_field"})
    after = chart.change("social-history", made, value="Stopped")
    assert (after["value"], after["category"], after["created_by"]) == ("Stopped", "tobacco", made["created_by"])


def test_what_was_told_is_neither_empty_nor_of_tomorrow(chart: Chart) -> None:
    """A value of blanks, and a day to come."""
    answer = chart.post("social-history", category="diet", value="  ", date_recorded="2199-01-01")
    assert (answer.status_code, set(problems(answer))) == (422, {("body", "value"), ("body", "date_recorded")})
