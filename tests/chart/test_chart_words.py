"""Every field of the chart that takes one of a few words refuses any other and names those it takes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.chart.charting import Chart, Json, smallest
from tests.house import Client, problems

SCOPES = ("patient", "family")
ALERT_STATUSES = ("active", "disabled", "archived")
MEDICATION_STATUSES = ("active", "completed", "discontinued", "on_hold")
PROBLEM_STATUSES = ("active", "resolved", "inactive")
FUNCTIONS = ("problem", "cognitive_result", "cognitive_problem", "functional_result", "functional_problem")
CATEGORIES = ("tobacco", "alcohol", "drug_use", "occupation", "exercise", "diet", "sexual_health", "other")
# Method, where, field, and the words it takes.
WORDS: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("POST", "alerts", "alert_scope", SCOPES),
    ("PATCH", "alerts", "alert_scope", SCOPES),
    ("PATCH", "alerts", "status", ALERT_STATUSES),
    ("GET", "alerts", "status", ALERT_STATUSES),
    ("PATCH", "medications", "status", MEDICATION_STATUSES),
    ("POST", "diseases", "problem_status", PROBLEM_STATUSES),
    ("PATCH", "diseases", "problem_status", PROBLEM_STATUSES),
    ("GET", "diseases", "problem_status", PROBLEM_STATUSES),
    ("POST", "diseases", "function_status", FUNCTIONS),
    ("PATCH", "diseases", "function_status", FUNCTIONS),
    ("POST", "social-history", "category", CATEGORIES),
    ("POST", "/patient-alert-definitions", "default_scope", SCOPES),
    ("PATCH", "/patient-alert-definitions", "default_scope", SCOPES),
    ("PATCH", "/org-settings", "blocking_preset", ("reference", "conservative", "perioperative")),
    ("PATCH", "", "allergy_review_status", ("nkda", "not_reviewed", "reviewed")),
]
OWN = [row for row in WORDS if row[1] != "/org-settings"]
UNKNOWN = ("resolving", "", "ACTIVE", " active", "Patient")
OTHER_TYPES: tuple[Any, ...] = (7, True, ["active"], {})


def asked(chart: Chart, method: str, where: str, field: str, value: Any, made: Json) -> httpx.Response:
    """The request that puts a value into this field."""
    place = where if where.startswith("/") else chart.path(where) if where else chart.path()
    if method == "GET":
        return chart.desk.get(place, params={field: value})
    if method == "POST":
        return chart.desk.post(place, json=made | {field: value})
    one = f"{place}/{made['id']}" if "id" in made else place
    return chart.desk.patch(one, json={"base_version": 1, field: value})


def target(desk: Client, chart: Chart, method: str, where: str) -> Json:
    """A body to create with, or the record to change."""
    if where == "/patient-alert-definitions":
        name = {"name": f"Words {chart.id}"}
        return name if method == "POST" else desk.made(where, name)
    if where in ("", "/org-settings") or method == "GET":
        return {}
    body = smallest(desk, where)
    return body if method == "POST" else chart.add(where, **body)


@pytest.mark.parametrize(("method", "where", "field", "words"), WORDS, ids=[f"{m} {w} {f}" for m, w, f, _ in WORDS])
def test_an_unknown_word_is_refused_and_the_known_ones_are_named(
    desk: Client, chart: Chart, method: str, where: str, field: str, words: tuple[str, ...]
) -> None:
    """422 invalid_choice at the field, with every allowed word in the message; also in another case."""
    made = target(desk, chart, method, where)
    place = "query" if method == "GET" else "body"
    for unknown in UNKNOWN:
        if method == "GET" and not unknown:
            continue  # an empty filter is none
        answer = asked(chart, method, where, field, unknown, made)
        assert (answer.status_code, problems(answer)) == (422, {(place, field): "invalid_choice"}), unknown
        assert all(word in answer.json()["detail"][0]["msg"] for word in words)
    if method != "GET":
        for wrong in OTHER_TYPES:
            answer = asked(chart, method, where, field, wrong, made)
            assert (answer.status_code, problems(answer)) == (422, {(place, field): "wrong_type"}), wrong


@pytest.mark.parametrize(("method", "where", "field", "words"), OWN, ids=[f"{m} {w} {f}" for m, w, f, _ in OWN])
def test_every_known_word_is_taken(
    desk: Client, chart: Chart, method: str, where: str, field: str, words: tuple[str, ...]
) -> None:
    """On a record of its own for each; test_blocking.py does the same to the settings of an org of its own."""
    for word in words:
        own = Chart(desk, desk.made("/patients", {"first_name": "Ana", "last_name": "Lind"}))
        answer = asked(own, method, where, field, word, target(desk, own, method, where))
        assert answer.is_success, answer.text
        if method != "GET":
            assert answer.json()[field] == word


def test_booleans_of_filters_are_booleans(desk: Client, chart: Chart) -> None:
    """is_active and include_family take true and false."""
    for kind, name in (("allergies", "is_active"), ("medications", "is_active"), ("alerts", "include_family")):
        for word in ("yes", "2"):
            answer = desk.get(chart.path(kind), params={name: word})
            assert (answer.status_code, set(problems(answer))) == (422, {("query", name)})


def test_filters_of_other_lists_are_unknown_here(desk: Client, chart: Chart) -> None:
    """A filter that is passed over in silence would show too much."""
    for kind, name in (("allergies", "status"), ("alerts", "is_active"), ("social-history", "category")):
        answer = desk.get(chart.path(kind), params={name: "active"})
        assert (answer.status_code, problems(answer)) == (422, {("query", name): "unknown_parameter"})


def test_all_that_is_wrong_is_named_at_once(desk: Client, chart: Chart) -> None:
    """Words, numbers, dates and unknown fields of one body."""
    body = {
        "date_taken": "2026-13-01", "bp_systolic": 20, "pulse": "fast", "temperature_f": 20, "height_inches": 500,
        "spo2": 98, "provider_uuid": "me", "has_followup_plan": "no",
    }  # fmt: skip
    answer = desk.post(chart.path("vital-signs"), json=body)
    assert answer.status_code == 422
    assert set(problems(answer)) == {("body", key) for key in body}
    assert chart.listed("vital-signs") == []
