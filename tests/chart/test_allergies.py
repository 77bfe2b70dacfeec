"""Allergies: what recording one does to the patient, one active record of each, and no "no known allergies" beside."""

from __future__ import annotations

import httpx
import pytest

from tests.chart.charting import Chart, Json, definition, named
from tests.house import Client, problems
from tests.patients.acts import at_once, bulk, register


@pytest.fixture(scope="module")
def penicillin(desk: Client) -> str:
    return named(desk, "allergy-definitions", "Penicillin")


@pytest.fixture(scope="module")
def latex(desk: Client) -> str:
    return named(desk, "allergy-definitions", "Latex")


@pytest.mark.parametrize("before", ["not_reviewed", "nkda"])
def test_recording_an_allergy_marks_the_patient_as_reviewed(desk: Client, latex: str, before: str) -> None:
    """With an event that names the field, and the version as it was."""
    chart = Chart(desk, register(desk, allergy_review_status=before))
    chart.add("allergies", allergy_definition_uuid=latex)
    patient = chart.patient()
    assert (patient["allergy_review_status"], patient["version"]) == ("reviewed", 1)
    [event] = chart.events("patient.updated")
    assert (event["record_id"], event["version"], event["changed"]) == (chart.id, 1, ["allergy_review_status"])


def test_a_second_allergy_changes_the_patient_no_more(chart: Chart, latex: str, penicillin: str) -> None:
    """Reviewed is reviewed."""
    chart.add("allergies", allergy_definition_uuid=latex)
    chart.add("allergies", allergy_definition_uuid=penicillin)
    assert len(chart.events("patient.updated")) == 1


def test_an_allergy_refused_leaves_the_patient_as_they_were(chart: Chart) -> None:
    """One transaction for both."""
    nothing = "01890000-0000-7000-8000-000000000000"
    answer = chart.post("allergies", allergy_definition_uuid=nothing)
    assert (answer.status_code, problems(answer)) == (404, {("body", "allergy_definition_uuid"): "not_found"})
    assert chart.patient()["version"] == 1


def test_nkda_is_refused_while_an_active_allergy_exists(desk: Client, chart: Chart, latex: str) -> None:
    """422 at the field; once the allergy is inactive or archived it can be set."""
    allergy = chart.add("allergies", allergy_definition_uuid=latex)

    def set_nkda() -> httpx.Response:
        body = {"base_version": chart.patient()["version"], "allergy_review_status": "nkda"}
        return desk.patch(chart.path(), json=body)

    refused = set_nkda()
    assert (refused.status_code, problems(refused)) == (422, {("body", "allergy_review_status"): "active_allergies"})
    allergy = chart.change("allergies", allergy, status_is_active=False)
    assert set_nkda().status_code == 200
    active = chart.change("allergies", allergy, status_is_active=True)
    assert chart.patient()["allergy_review_status"] == "reviewed"
    assert set_nkda().status_code == 422
    chart.archive("allergies", active)
    assert set_nkda().status_code == 200


def test_an_import_cannot_set_nkda_beside_an_active_allergy(desk: Client, latex: str) -> None:
    """The way round through a bulk update is closed too."""
    number = f"NKDA-{latex[-8:]}"
    chart = Chart(desk, register(desk, chart_number=number))
    chart.add("allergies", allergy_definition_uuid=latex)
    row = {"first_name": "Ana", "last_name": "Lind", "chart_number": number, "allergy_review_status": "nkda"}
    [result] = bulk(desk, [row], on_duplicate="update")["results"]
    assert chart.patient()["allergy_review_status"] == "reviewed"
    assert result["status"] == "failed"


def test_nkda_and_an_active_allergy_never_stand_together(desk: Client, latex: str) -> None:
    """Thirty races of both, half of them with an allergy that is made active again."""
    for turn in range(30):
        chart = Chart(desk, register(desk))
        old: Json | None = None
        if turn % 2:
            old = chart.add("allergies", allergy_definition_uuid=latex, status_is_active=False)
        version = chart.patient()["version"]

        def race(number: int, chart: Chart = chart, old: Json | None = old, version: int = version) -> int:
            if number == 0:
                body = {"base_version": version, "allergy_review_status": "nkda"}
                return desk.patch(chart.path(), json=body).status_code
            if old:
                return chart.patch("allergies", old, status_is_active=True).status_code
            return chart.post("allergies", allergy_definition_uuid=latex).status_code

        nkda, allergy = at_once(2, race)
        assert allergy in {200, 201}
        assert nkda in {200, 409, 422}
        assert chart.listed("allergies", is_active="true")
        assert chart.patient()["allergy_review_status"] == "reviewed"


def test_a_second_active_record_of_a_definition_is_refused(chart: Chart, latex: str) -> None:
    """409 duplicate_allergy on create, and on a PATCH that would make a second one."""
    first = chart.add("allergies", allergy_definition_uuid=latex)
    again = chart.post("allergies", allergy_definition_uuid=latex)
    assert (again.status_code, problems(again)) == (409, {("body", "allergy_definition_uuid"): "duplicate_allergy"})
    off = chart.add("allergies", allergy_definition_uuid=latex, status_is_active=False)
    revived = chart.patch("allergies", off, status_is_active=True)
    assert (revived.status_code, set(problems(revived).values())) == (409, {"duplicate_allergy"})
    chart.change("allergies", first, status_is_active=False)
    assert chart.change("allergies", off, status_is_active=True)["status_is_active"] is True


def test_archiving_frees_the_definition(chart: Chart, latex: str) -> None:
    """What is archived is no second record."""
    chart.archive("allergies", chart.add("allergies", allergy_definition_uuid=latex))
    assert chart.add("allergies", allergy_definition_uuid=latex)["status_is_active"] is True


def test_two_clients_racing_to_add_one_allergy_make_one(desk: Client, latex: str) -> None:
    """One 201, one 409, in each of fifteen races."""
    for _ in range(15):
        chart = Chart(desk, register(desk))

        def one(_: int, chart: Chart = chart) -> int:
            return chart.post("allergies", allergy_definition_uuid=latex).status_code

        answers = at_once(2, one)
        assert sorted(answers) == [201, 409]
        assert len(chart.listed("allergies")) == 1


def test_allergies_are_listed_by_whether_they_are_active(chart: Chart, latex: str, penicillin: str) -> None:
    """Both without a filter."""
    on = chart.add("allergies", allergy_definition_uuid=latex)["id"]
    off = chart.add("allergies", allergy_definition_uuid=penicillin, status_is_active=False)["id"]
    assert chart.ids("allergies") == [on, off]
    assert chart.ids("allergies", is_active="true") == [on]
    assert chart.ids("allergies", is_active="false") == [off]


def test_severity_is_free_text_of_at_most_64_characters(chart: Chart, latex: str) -> None:
    """What the checker does not understand is kept as it was written."""
    words = "rash on both arms after gloves, twice; no trouble with breathing"
    assert len(words) == 64
    allergy = chart.add("allergies", allergy_definition_uuid=latex, severity=words)
    assert allergy["severity"] == words
    long = chart.patch("allergies", allergy, severity=words + "!")
    assert (long.status_code, problems(long)) == (422, {("body", "severity"): "too_long"})


def test_a_reaction_to_come_is_refused(chart: Chart, latex: str) -> None:
    """A date of a reaction lies in the past."""
    answer = chart.post("allergies", allergy_definition_uuid=latex, date_adverse_reaction="2199-01-01")
    assert (answer.status_code, problems(answer)) == (422, {("body", "date_adverse_reaction"): "out_of_range"})


def test_an_archived_definition_keeps_serving_and_takes_no_new_allergies(desk: Client, chart: Chart) -> None:
    """Its name still shows; a new reference to it is 404, by create and by PATCH."""
    gone = definition(desk, "allergy-definitions", "Gone")
    allergy = chart.add("allergies", allergy_definition_uuid=gone)
    assert desk.post(f"/allergy-definitions/{gone}/archive", json={"base_version": 1}).status_code == 200
    assert chart.listed("allergies")[0]["allergy_definition"] == allergy["allergy_definition"]
    assert chart.change("allergies", allergy, reaction="Hives")["allergy_definition"]["id"] == gone
    other = Chart(desk, register(desk))
    assert other.post("allergies", allergy_definition_uuid=gone).status_code == 404
    kept = other.add("allergies", allergy_definition_uuid=definition(desk, "allergy-definitions", "Kept"))
    assert other.patch("allergies", kept, allergy_definition_uuid=gone).status_code == 404
