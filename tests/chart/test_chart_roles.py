"""Who reads and writes the chart, and who keeps the clinical fields of a patient."""

from __future__ import annotations

import pytest

from chairside.access.roles import TABLE
from tests.chart.charting import LISTS, Chart, Json, smallest
from tests.house import Client, Org, problems
from tests.patients.acts import register

CLINICAL: Json = {
    "allergy_review_status": "nkda",
    "premedication_required": True,
    "medical_summary": "Hypertension, well controlled",
    "medical_urgent_note": "Pacemaker",
    "treatment_notes": "Prefers morning visits",
}
READS = {"admin", "clinician", "front_desk", "read_only", "integration"}
WRITES = {"admin", "clinician", "integration"}
ROLES = ("admin", "clinician", "front_desk", "billing", "read_only", "integration")


def may(kind: str, role: str) -> tuple[bool, bool]:
    """Whether the role reads and writes this list, as semantics.md says it."""
    return role in READS, role in (WRITES | {"front_desk"} if kind == "alerts" else WRITES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", LISTS)
def test_each_role_reads_and_writes_the_chart_as_the_practice_was_told(
    clinic: Org, desk: Client, chart: Chart, kind: str, role: str
) -> None:
    """List, create, change and archive; a refusal is 403 and changes nothing."""
    reads, writes = may(kind, role)
    own = Chart(clinic.desk(role), {"id": chart.id})
    body = smallest(desk, kind)
    made = chart.add(kind, **body)
    note = {"value": "New"} if kind == "social-history" else {"reaction": "New"} if kind == "allergies" else {}
    note = note or {"note": "New"} if kind in ("alerts", "vital-signs") else note or {"patient_note": "New"}
    answers = [
        own.desk.get(own.path(kind)).status_code,
        own.patch(kind, made, **note).status_code,
        own.desk.post(own.path(kind, made["id"], "archive")).status_code,
        own.post(kind, **body).status_code,
    ]
    assert answers == [200 if reads else 403, *([200, 200, 201] if writes else [403] * 3)]
    if not writes:
        assert chart.listed(kind) == [made]


@pytest.mark.parametrize("role", ROLES)
def test_the_summary_is_for_those_who_read_charts(clinic: Org, chart: Chart, role: str) -> None:
    """Billing has no business with it."""
    answer = clinic.desk(role).get(chart.path("medical-summary"))
    assert answer.status_code == (200 if role in READS else 403)


@pytest.mark.parametrize("role", ROLES)
def test_the_moves_of_alerts_are_for_those_who_write_alerts(
    clinic: Org, chart: Chart, plain_alert: str, role: str
) -> None:
    """The front desk too."""
    alerts = [chart.add("alerts", alert_definition_uuid=plain_alert)["id"] for _ in range(2)]
    desk = clinic.desk(role)
    disabled = desk.post(chart.path("alerts", alerts[0], "disable"), json={"base_version": 1})
    dismissed = desk.post(chart.path("alerts", "bulk-dismiss"), json={"alert_uuids": [alerts[1]]})
    wanted = 200 if role in WRITES | {"front_desk"} else 403
    assert (disabled.status_code, dismissed.status_code) == (wanted, wanted)


def test_the_table_of_roles_says_the_same() -> None:
    """The rows of the chart, cell by cell."""
    for area, kind in (("chart", "allergies"), ("alerts", "alerts")):
        for role in ROLES:
            reads, writes = may(kind, role)
            assert ("read" in TABLE[area][role], "write" in TABLE[area][role]) == (reads, writes), (area, role)
        assert TABLE[area]["portal"] == frozenset()
    assert [r for r in TABLE["org_settings"] if TABLE["org_settings"][r]] == ["admin"]


def test_a_clinician_keeps_the_clinical_fields_of_a_patient(clinic: Org, chart: Chart) -> None:
    """All of them at once; the whole record comes back, and an event and an audit record name the clinician."""
    answer = clinic.desk("clinician").patch(chart.path(), json={"base_version": 1} | CLINICAL)
    assert answer.status_code == 200, answer.text
    assert answer.json() == chart.patient()
    assert {k: answer.json()[k] for k in CLINICAL} == CLINICAL
    assert (answer.json()["version"], answer.headers["etag"]) == (2, '"2"')
    [event] = chart.events("patient.updated")
    assert (event["actor"]["role"], set(event["changed"])) == ("clinician", set(CLINICAL))
    audited = chart.desk.read("/audit-events", patient=chart.id, action="update")["data"]
    assert [(r["actor"]["role"], r["outcome"]) for r in audited] == [("clinician", "allowed")]


@pytest.mark.parametrize("field", ["first_name", "city", "email", "responsible_party_uuid", "social_security_number",
                                   "consent_flags", "chart_number", "status"])  # fmt: skip
def test_a_clinician_changes_nothing_else_of_a_patient(clinic: Org, chart: Chart, field: str) -> None:
    """403 at the field, 422 where nobody may change it here; the clinical field sent with it stays as it was."""
    before = chart.patient()
    body = {"base_version": 1, field: before.get(field), "medical_summary": "Changed"}
    answer = clinic.desk("clinician").patch(chart.path(), json=body)
    told = (422, "unknown_field") if field == "status" else (403, "field_forbidden")
    assert (answer.status_code, problems(answer)) == (told[0], {("body", field): told[1]})
    assert chart.patient() == before


def test_a_forbidden_field_counts_before_a_wrong_one(clinic: Org, chart: Chart) -> None:
    """Every problem is named; that the role may not decides the status, as it does for a whole operation."""
    body = {"base_version": 1, "city": "Springfield", "nonsense": 1, "medical_summary": 7}
    answer = clinic.desk("clinician").patch(chart.path(), json=body)
    assert answer.status_code == 403
    assert problems(answer) == {
        ("body", "city"): "field_forbidden",
        ("body", "nonsense"): "unknown_field",
        ("body", "medical_summary"): "wrong_type",
    }
    [audited] = chart.desk.read("/audit-events", patient=chart.id, action="update")["data"]
    assert (audited["status"], audited["outcome"]) == (403, "denied")


def test_the_rules_of_clinical_fields_hold_for_a_clinician(clinic: Org, desk: Client, chart: Chart) -> None:
    """No nkda beside an active allergy, no stale version, no unknown word."""
    clinician = clinic.desk("clinician")
    chart.add("allergies", **smallest(desk, "allergies"))
    assert desk.patch(chart.path(), json={"base_version": 1, "city": "Chicago"}).status_code == 200
    for sent, status, code in (
        ({"base_version": 2, "allergy_review_status": "nkda"}, 422, "active_allergies"),
        ({"base_version": 1, "medical_summary": "x"}, 409, "version_conflict"),
        ({"base_version": 2, "allergy_review_status": "none"}, 422, "invalid_choice"),
    ):
        answer = clinician.patch(chart.path(), json=sent)
        assert (answer.status_code, set(problems(answer).values())) == (status, {code}), sent


@pytest.mark.parametrize(("role", "status"), [("billing", 403), ("read_only", 403), ("front_desk", 200)])
def test_clinical_fields_open_no_door_for_others(clinic: Org, chart: Chart, role: str, status: int) -> None:
    """Who writes neither charts nor demographics stays out; who writes demographics has the whole body as before."""
    answer = clinic.desk(role).patch(chart.path(), json={"base_version": 1, "medical_urgent_note": "Pacemaker"})
    assert answer.status_code == status


def test_a_clinician_neither_makes_nor_archives_nor_moves_patients(clinic: Org, desk: Client) -> None:
    """The clinical fields are all that charts reach of the record."""
    clinician, patient = clinic.desk("clinician"), register(desk)
    place = f"/patients/{patient['id']}"
    assert clinician.post("/patients", json={"first_name": "A", "last_name": "B"}).status_code == 403
    assert clinician.post(f"{place}/archive").status_code == 403
    move = {"base_version": 1, "new_status": "inactive"}
    assert clinician.post(f"{place}/transition-status", json=move).status_code == 403
    assert clinician.get(place, params={"reveal": "ssn"}).status_code == 403
