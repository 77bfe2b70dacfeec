"""The medical summary: what belongs in it, and a fixed number of statements however long the chart."""

from __future__ import annotations

from chairside.records.chart.summary import summarize
from tests.chart.charting import DAY, LISTS, Chart, Json, as_reading, named, smallest
from tests.counting import statements_of
from tests.house import Client, House, Org
from tests.patients.acts import act, change, register

FIELDS = {
    "patient", "medical_urgent_note", "premedication_required", "allergy_review_status", "alerts", "allergies",
    "active_problems", "current_medications", "past_medications", "latest_vitals", "social_history",
}  # fmt: skip
MANY = FIELDS - {
    "patient", "medical_urgent_note", "premedication_required", "allergy_review_status", "latest_vitals",
}  # fmt: skip


def test_an_empty_chart_has_an_empty_summary(desk: Client) -> None:
    """Every field is there; nothing is recorded."""
    patient = register(
        desk, first_name="Ana", last_name="Lind", medical_urgent_note="Pacemaker", premedication_required=True
    )
    summary = Chart(desk, patient).summary()
    assert set(summary) == FIELDS
    assert {summary[name] == [] for name in MANY} == {True}
    assert summary["patient"] == {"id": patient["id"], "name": "Ana Lind"}
    assert (summary["medical_urgent_note"], summary["premedication_required"]) == ("Pacemaker", True)
    assert (summary["allergy_review_status"], summary["latest_vitals"]) == ("not_reviewed", None)


def test_each_record_stands_where_it_belongs(desk: Client, chart: Chart, plain_alert: str) -> None:
    """Active alerts, allergies and problems; medications by status; the newest reading; nothing archived."""
    alerts = [chart.add("alerts", alert_definition_uuid=plain_alert) for _ in range(3)]
    chart.change("alerts", alerts[1], status="disabled")
    chart.archive("alerts", alerts[2])
    allergies = [
        chart.add(
            "allergies", allergy_definition_uuid=named(desk, "allergy-definitions", name), status_is_active=active
        )
        for name, active in (("Latex", True), ("Nickel", False), ("Pollen", True))
    ]
    chart.archive("allergies", allergies[2])
    asthma = named(desk, "disease-definitions", "Asthma")
    statuses = ("active", "resolved", "inactive", "active")
    diseases = [chart.add("diseases", disease_definition_uuid=asthma, problem_status=s) for s in statuses]
    chart.archive("diseases", diseases[3])
    taken = [chart.add("medications", med_descript=f"Zinc {n}") for n in range(5)]
    for made, status in zip(taken[1:4], ("completed", "discontinued", "on_hold"), strict=True):
        chart.change("medications", made, status=status)
    chart.archive("medications", taken[4])
    readings = [chart.add("vital-signs", date_taken=day) for day in ("2026-01-01", "2026-01-03", "2026-01-02", DAY)]
    chart.archive("vital-signs", readings[3])
    entries = [chart.add("social-history", category=c, value="Told") for c in ("diet", "alcohol", "other")]
    chart.archive("social-history", entries[2])

    summary = chart.summary()
    shown = {name: {r["id"] for r in summary[name]} for name in MANY}
    assert shown == {
        "alerts": {alerts[0]["id"]},
        "allergies": {allergies[0]["id"]},
        "active_problems": {diseases[0]["id"]},
        "current_medications": {taken[0]["id"]},
        "past_medications": {t["id"] for t in taken[1:4]},
        "social_history": {entries[0]["id"], entries[1]["id"]},
    }
    assert summary["latest_vitals"]["id"] == readings[1]["id"]
    assert summary["allergy_review_status"] == "reviewed"


def test_its_parts_are_the_records_as_their_lists_show_them(desk: Client, chart: Chart) -> None:
    """Field for field, so that one client type serves both."""
    for kind in LISTS:
        chart.add(kind, **smallest(desk, kind))
    summary = chart.summary()
    assert summary["alerts"] == chart.listed("alerts")
    assert summary["allergies"] == chart.listed("allergies")
    assert summary["active_problems"] == chart.listed("diseases")
    assert summary["current_medications"] == chart.listed("medications")
    assert summary["social_history"] == chart.listed("social-history")
    assert as_reading(summary["latest_vitals"]) == chart.listed("vital-signs")[0]


def test_of_readings_of_one_day_the_latest_time_is_shown(chart: Chart) -> None:
    """By day, then by time."""
    for time in ("09:00", "16:30", None, "12:00"):
        chart.add("vital-signs", date_taken=DAY, time_taken=time)
    assert chart.summary()["latest_vitals"]["time_taken"] == "16:30:00"


def test_it_follows_the_patients_own_fields(desk: Client, chart: Chart) -> None:
    """Read now, not kept."""
    change(desk, chart.patient(), medical_urgent_note="On bisphosphonates", allergy_review_status="nkda")
    summary = chart.summary()
    assert (summary["medical_urgent_note"], summary["allergy_review_status"]) == ("On bisphosphonates", "nkda")


def test_an_archived_patient_has_none(desk: Client, chart: Chart) -> None:
    """404, like nobody's."""
    act(desk, {"id": chart.id}, "archive")
    assert desk.get(chart.path("medical-summary")).status_code == 404
    assert desk.get("/patients/01890000-0000-7000-8000-000000000000/medical-summary").status_code == 404


def test_reading_it_is_on_record(desk: Client, chart: Chart) -> None:
    """One audit record with the patient, of the kind of read it is."""
    chart.summary()
    rows = desk.read("/audit-events", patient=chart.id, first=10)["data"]
    assert [(r["action"], r["route"].rpartition("/")[2], r["status"]) for r in rows][:1] == [
        ("medical_summary", "medical-summary", 200)
    ]


async def test_it_takes_the_same_few_statements_for_any_chart(
    house: House, clinic: Org, desk: Client, plain_alert: str
) -> None:
    """None recorded, one of each, or dozens of each with a family: the same statements, fewer than ten."""
    empty, small, large = (Chart(desk, register(desk)) for _ in range(3))
    for kind in LISTS:
        small.add(kind, **smallest(desk, kind))
    relative = Chart(desk, register(desk, responsible_party_uuid=large.id))
    for number in range(25):
        large.add("alerts", alert_definition_uuid=plain_alert)
        relative.add("alerts", alert_definition_uuid=plain_alert, alert_scope="family")
        large.add("medications", med_descript=f"Zinc {number}")
        large.add("vital-signs", date_taken=DAY, pulse=60 + number)
        large.add("diseases", disease_definition_uuid=named(desk, "disease-definitions", "Asthma"))
    sent: list[tuple[list[str], Json]] = []
    for one in (empty, small, large):
        told, data = await statements_of(summarize, house, clinic.id, one.id)
        assert isinstance(data, dict)
        sent.append((told, data))
    statements = [s for s, _ in sent]
    assert statements[0] == statements[1] == statements[2]
    assert 1 <= len(statements[0]) < 10
    assert [len(data["alerts"]) for _, data in sent] == [0, 1, 50]
    assert len(sent[2][1]["current_medications"]) == 25
