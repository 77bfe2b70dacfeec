"""A chart is reached through its own patient alone, and goes and comes back with the patient."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.chart.charting import LISTS, Chart, Json, definition, smallest
from tests.house import Client
from tests.patients.acts import act, register

ARCHIVED = {
    "alerts": ("patient-alert-definitions", "alert_definition_uuid"),
    "diseases": ("disease-definitions", "disease_definition_uuid"),
    "medications": ("medication-definitions", "medication_definition_uuid"),
}


def every(chart: Chart, kind: str, record: Json) -> list[httpx.Response]:
    """All that can be asked of a list and a record through this patient's path."""
    one = chart.path(kind, record["id"])
    answers = [chart.desk.patch(one, json={"base_version": 1}), chart.desk.post(f"{one}/archive")]
    if kind == "vital-signs":
        answers.append(chart.desk.get(one))
    if kind == "alerts":
        answers.append(chart.desk.post(f"{one}/disable", json={"base_version": 1}))
        answers.append(chart.desk.post(chart.path(kind, "bulk-dismiss"), json={"alert_uuids": [record["id"]]}))
    return answers


@pytest.mark.parametrize("kind", LISTS)
def test_an_archived_patients_chart_is_gone_and_comes_back(desk: Client, chart: Chart, kind: str) -> None:
    """Every path 404 while archived; as it was after a restore."""
    body = smallest(desk, kind)
    made = chart.add(kind, **body)
    act(desk, {"id": chart.id}, "archive")
    answers = [desk.get(chart.path(kind)), chart.post(kind, **body), *every(chart, kind, made)]
    assert {a.status_code for a in answers} == {404}
    act(desk, {"id": chart.id}, "restore")
    assert chart.listed(kind) == [made]


@pytest.mark.parametrize("kind", LISTS)
def test_another_patients_record_is_not_there_under_this_patient(desk: Client, chart: Chart, kind: str) -> None:
    """Each verb and move 404, and the record stands."""
    other = Chart(desk, register(desk))
    foreign = other.add(kind, **smallest(desk, kind))
    assert {a.status_code for a in every(chart, kind, foreign)} == {404}
    assert other.listed(kind) == [foreign]
    assert chart.listed(kind) == []


@pytest.mark.parametrize("kind", ARCHIVED)
def test_archived_definitions_keep_serving_and_take_nothing_new(desk: Client, chart: Chart, kind: str) -> None:
    """The name still shows; a new reference is 404 at its field."""
    catalog, key = ARCHIVED[kind]
    gone = definition(desk, catalog, "Gone")
    made = chart.add(kind, **{key: gone})
    assert desk.post(f"/{catalog}/{gone}/archive", json={"base_version": 1}).status_code == 200
    assert chart.listed(kind) == [made]
    answer = chart.post(kind, **{key: gone})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (404, ["body", key])
    assert chart.post(kind, **{key: str(uuid4())}).status_code == 404


@pytest.mark.parametrize("kind", LISTS)
def test_create_read_change_and_archive_leave_their_traces(desk: Client, kind: str) -> None:
    """One event and one audit record for each step, both with the record and the patient; names of fields alone."""
    chart = Chart(desk, register(desk))
    made = chart.add(kind, **smallest(desk, kind))
    chart.listed(kind)
    field = {"allergies": "reaction", "alerts": "note", "vital-signs": "note", "social-history": "note"}
    name = field.get(kind, "patient_note")
    chart.change(kind, made, **{name: "ZZTRACE"})
    chart.archive(kind, made)
    events = [e for e in chart.events() if not e["type"].startswith("patient.")]
    assert [e["type"].rpartition(".")[2] for e in events] == ["created", "updated", "archived"]
    assert [(e["record_id"], e["version"]) for e in events] == [(made["id"], n) for n in (1, 2, 3)]
    assert events[1]["changed"] == [name]
    trail = desk.get("/audit-events", params={"patient": chart.id, "first": 50})
    told = [r["action"] for r in reversed(trail.json()["data"]) if r["kind"] == events[0]["kind"]]
    assert told == ["create", "list", "update", "archive"]
    assert "ZZTRACE" not in trail.text + str(events)
