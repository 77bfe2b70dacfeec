"""What a patient's own login sees of the chart: four lists in exact reduced shapes, and nothing else of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.chart.charting import DAY, LISTS, Chart, Json, definition, named
from tests.house import Client, Org, problems
from tests.patients.acts import register

SHAPES: dict[str, set[str]] = {
    "allergies": {
        "id", "allergy_definition", "reaction", "severity", "date_adverse_reaction", "status_is_active", "version",
    },
    "medications": {
        "id", "medication_definition", "med_descript", "dosage", "route", "frequency", "date_start", "date_stop",
        "status", "version",
    },
    "diseases": {"id", "disease_definition", "problem_status", "date_start", "date_stop", "version"},
    "vital-signs": {
        "id", "date_taken", "time_taken", "bp_systolic", "bp_diastolic", "pulse", "oxygen_saturation",
        "respiration_rate", "temperature_f", "height_inches", "weight_lbs", "bmi", "bmi_percentile", "version",
    },
}  # fmt: skip
HIDDEN = ("alerts", "social-history", "medical-summary")


class Login:
    """A patient with a full chart, notes in all of it, and a login of their own; and another patient."""

    def __init__(self, org: Org, plain_alert: str) -> None:
        admin = org.desk()
        patient, other = register(admin), register(admin)
        self.chart, self.other = Chart(admin, patient), Chart(admin, other)
        bodies = self._bodies(admin, plain_alert)
        self.made = {kind: self.chart.add(kind, **body) for kind, body in bodies.items()}
        self.foreign = {kind: self.other.add(kind, **body) for kind, body in bodies.items()}
        self.desk = org.desk("portal", "--patient", str(patient["id"]))

    @staticmethod
    def _bodies(admin: Client, plain_alert: str) -> dict[str, Json]:
        provider = admin.made("/providers", {"name": "Dr. ZZPROVIDER"})["id"]
        return {
            "alerts": {"alert_definition_uuid": plain_alert, "note": "ZZALERT", "alert_scope": "family"},
            "allergies": {
                "allergy_definition_uuid": named(admin, "allergy-definitions", "Penicillin"),
                "snomed_reaction": "247472004",
                "reaction": "Hives",
            },
            "medications": {
                "med_descript": "Amoxicillin",
                "patient_note": "ZZNOTE",
                "provider_uuid": provider,
                "rx_cui": "723",
            },
            "diseases": {
                "disease_definition_uuid": definition(admin, "disease-definitions", "Gout"),
                "patient_note": "ZZNOTE",
                "function_status": "cognitive_problem",
            },
            "vital-signs": {
                "date_taken": DAY,
                "bp_systolic": 190,
                "bp_diastolic": 100,
                "note": "ZZNOTE",
                "provider_uuid": provider,
                "weight_code": "ZZCODE",
            },
            "social-history": {"category": "tobacco", "value": "ZZTOBACCO"},
        }


@pytest.fixture(scope="module")
def login(clinic: Org, plain_alert: str) -> Login:
    return Login(clinic, plain_alert)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_patient_reads_their_own_list_in_the_reduced_shape(login: Login, kind: str) -> None:
    """Exactly these fields: no notes, providers, codes, flags or authors."""
    answer = login.desk.get(login.chart.path(kind))
    assert answer.status_code == 200
    [shown] = answer.json()["items"]
    assert set(shown) == SHAPES[kind]
    assert shown == {name: login.made[kind][name] for name in SHAPES[kind]}
    assert "ZZ" not in answer.text


def test_a_patient_reads_one_reading_of_their_own_in_the_same_shape(login: Login) -> None:
    """The one kind of the four that can be read alone."""
    answer = login.desk.get(login.chart.path("vital-signs", login.made["vital-signs"]["id"]))
    assert (answer.status_code, set(answer.json())) == (200, SHAPES["vital-signs"])
    assert "ZZ" not in answer.text


def test_filters_work_for_a_patient_as_for_anybody(login: Login) -> None:
    """And show nothing more."""
    assert login.desk.read(login.chart.path("allergies"), is_active="false")["items"] == []
    assert login.desk.read(login.chart.path("vital-signs"), date_from="2027-01-01")["total"] == 0


@pytest.mark.parametrize("kind", HIDDEN)
def test_the_rest_of_the_chart_is_not_there_for_a_patient(login: Login, kind: str) -> None:
    """404, never 403."""
    answer = login.desk.get(login.chart.path(kind))
    assert (answer.status_code, set(problems(answer).values())) == (404, {"not_found"})
    assert "ZZ" not in answer.text


@pytest.mark.parametrize("kind", [*LISTS, "medical-summary"])
def test_another_patients_chart_is_not_there(login: Login, kind: str) -> None:
    """Told exactly as for nobody's chart, and no record of it is reached through one's own path."""
    nobody = "01890000-0000-7000-8000-000000000000"
    told = [login.desk.get(f"/patients/{who}/{kind}") for who in (login.other.id, nobody)]
    assert [a.status_code for a in told] == [404, 404]
    assert json.dumps(told[0].json()) == json.dumps(told[1].json())
    if kind == "vital-signs":
        for own in (login.chart, login.other):
            foreign = login.foreign[kind]["id"]
            assert login.desk.get(own.path(kind, foreign)).status_code == 404


@pytest.mark.parametrize("kind", LISTS)
def test_a_patient_writes_nothing_to_the_chart(login: Login, kind: str) -> None:
    """Create, change, archive, and the moves of alerts: 404, and everything stays."""
    one = login.made[kind]
    tries: list[tuple[str, str, Any]] = [
        ("POST", login.chart.path(kind), {}),
        ("PATCH", login.chart.path(kind, one["id"]), {"base_version": 1, "note": "x"}),
        ("POST", login.chart.path(kind, one["id"], "archive"), None),
    ]
    if kind == "alerts":
        tries.append(("POST", login.chart.path(kind, one["id"], "disable"), {"base_version": 1}))
        tries.append(("POST", login.chart.path(kind, "bulk-dismiss"), {"alert_uuids": [one["id"]]}))
    before = login.chart.listed(kind)
    for method, path, body in tries:
        assert login.desk.request(method, path, json=body).status_code == 404, (method, path)
    assert login.chart.listed(kind) == before


@pytest.mark.parametrize("path", ["/org-settings", "/allergy-definitions", "/patient-alert-definitions"])
def test_settings_and_catalogs_are_not_there_for_a_patient(login: Login, path: str) -> None:
    """They are the practice's."""
    assert login.desk.get(path).status_code == 404
