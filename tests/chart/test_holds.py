"""Holds: the newest value of each vital sign decides, until it is measured again in range or overridden."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from chairside.records.chart.readings import MEASURED
from chairside.store.sql import queries
from tests import hosting
from tests.chart.charting import DAY, Chart, Json, today
from tests.database import connected
from tests.house import Client, House, Org, problems
from tests.patients.acts import at_once, register
from tests.store.plans import buffers, explaining, filling, nodes, plan_of, still_database

HIGH: Json = {"bp_systolic": 196, "bp_diastolic": 118}
USUAL: Json = {"bp_systolic": 118, "bp_diastolic": 76}
Reading = tuple[str, str | None, Json]
# Readings as day, time and values in the order they are recorded; then the vital signs that hold a procedure.
CASES: dict[str, tuple[list[Reading], set[str]]] = {
    "a weight alone lifts nothing": (
        [(DAY, "09:00", HIGH | {"oxygen_saturation": 91}), (DAY, "09:05", {"weight_lbs": "180"})],
        {"bp_systolic", "oxygen_saturation"},
    ),
    "a usual pressure lifts the pressure alone": (
        [(DAY, "09:00", HIGH | {"oxygen_saturation": 91}), (DAY, "09:10", USUAL)],
        {"oxygen_saturation"},
    ),
    "each measured again": (
        [(DAY, "09:00", HIGH | {"oxygen_saturation": 91}), (DAY, "09:10", USUAL | {"oxygen_saturation": 98})],
        set(),
    ),
    "recorded late, taken early": ([(DAY, "09:00", HIGH), (DAY, "08:00", USUAL)], {"bp_systolic"}),
    "recorded early, taken late": ([(DAY, "09:00", USUAL), (DAY, "08:00", HIGH)], set()),
    "years ago": ([("2019-01-05", "09:00", {"oxygen_saturation": 88}), (DAY, "09:00", USUAL)], {"oxygen_saturation"}),
    "the day counts before the time": ([("2026-03-01", "23:59", USUAL), (DAY, "00:01", HIGH)], {"bp_systolic"}),
    "of two without a time the later recorded": ([(DAY, None, HIGH), (DAY, None, USUAL)], set()),
    "of two without a time the later recorded, again": ([(DAY, None, USUAL), (DAY, None, HIGH)], {"bp_systolic"}),
    "a diastolic pressure is not lifted by a systolic one": (
        [(DAY, "09:00", {"bp_systolic": 170, "bp_diastolic": 125}), (DAY, "09:10", {"bp_systolic": 130})],
        {"bp_diastolic"},
    ),
    "both pressures": ([(DAY, "09:00", {"bp_systolic": 200, "bp_diastolic": 125})], {"bp_systolic", "bp_diastolic"}),
    "the limit itself": ([(DAY, "09:00", {"bp_systolic": 180, "bp_diastolic": 120, "oxygen_saturation": 94})], set()),
    "nothing measured": ([(DAY, "09:00", {"note": "Refused"})], set()),
}


def record(chart: Chart, day: str | date, clock: str | None, values: Json) -> Json:
    return chart.add("vital-signs", date_taken=str(day), time_taken=clock, **values)


def latest(chart: Chart) -> Json:
    return dict(chart.summary()["latest_vitals"])


def holding(chart: Chart) -> set[str]:
    """The vital signs that hold a procedure, with no override in force."""
    shown = latest(chart)
    held = {h["vital"] for h in shown["holds"] if h["override"] is None}
    assert shown["is_procedure_blocking"] == bool(held)
    return held


def override(chart: Chart, reading: Json, reason: Any = "Emergency", by: Client | None = None) -> httpx.Response:
    return (by or chart.desk).post(chart.path("vital-signs", reading["id"], "override"), json={"reason": reason})


def overridden(chart: Chart, reading: Json) -> Json:
    answer = override(chart, reading)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(("readings", "held"), CASES.values(), ids=list(CASES))
def test_the_newest_reading_of_each_vital_sign_decides(chart: Chart, readings: list[Reading], held: set[str]) -> None:
    """Other values measured later, and the order of recording, change nothing."""
    for reading in readings:
        record(chart, *reading)
    assert holding(chart) == held


def test_the_summary_shows_the_newest_value_of_each_vital_sign_with_its_time(chart: Chart) -> None:
    """The merged reading has the newest values; by_vital says from which reading and when each of them is."""
    old = record(chart, "2026-02-01", None, {"height_inches": "70", "weight_lbs": "190", "pulse": 70})
    high = record(chart, DAY, "09:00", HIGH | {"oxygen_saturation": 91})
    weight = record(chart, DAY, "09:05", {"weight_lbs": "180", "note": "In shoes"})
    shown = latest(chart)
    assert (shown["id"], shown["note"], shown["time_taken"]) == (weight["id"], "In shoes", "09:05:00")
    assert (shown["bp_systolic"], shown["bp_diastolic"], shown["oxygen_saturation"]) == (196, 118, 91)
    assert (shown["weight_lbs"], shown["height_inches"], shown["pulse"]) == ("180.00", "70.00", 70)
    assert shown["bmi"] == old["bmi"]
    origin = {vital: value and value["reading_id"] for vital, value in shown["by_vital"].items()}
    assert origin == dict.fromkeys(MEASURED) | {
        "bp_systolic": high["id"], "bp_diastolic": high["id"], "oxygen_saturation": high["id"],
        "weight_lbs": weight["id"], "height_inches": old["id"], "bmi": old["id"], "pulse": old["id"],
    }  # fmt: skip
    assert {k: shown["by_vital"]["bp_systolic"][k] for k in ("value", "date_taken", "time_taken")} == {
        "value": 196, "date_taken": DAY, "time_taken": "09:00:00",
    }  # fmt: skip
    assert {f["vital"] for f in shown["abnormal_flags"]} == {"bp_systolic", "bp_diastolic", "oxygen_saturation"}


def test_each_value_has_an_age(chart: Chart) -> None:
    """In days of the practice's calendar, and in minutes where the time is known."""
    record(chart, today() - timedelta(days=400), None, {"pulse": 70})
    record(chart, today() - timedelta(days=2), "00:00", {"oxygen_saturation": 97})
    ages = {v: (x["age_days"], x["age_minutes"]) for v, x in latest(chart)["by_vital"].items() if x}
    assert ages["pulse"] == (400, None)
    days, minutes = ages["oxygen_saturation"]
    assert days == 2
    assert 2 * 1440 <= minutes < 3 * 1440


def test_blood_pressure_is_a_pair(chart: Chart) -> None:
    """The merged reading never puts the diastolic of one reading beside the systolic of another."""
    record(chart, DAY, "09:00", {"bp_systolic": 170, "bp_diastolic": 125})
    record(chart, DAY, "09:10", {"bp_systolic": 120})
    shown = latest(chart)
    assert (shown["bp_systolic"], shown["bp_diastolic"]) == (120, None)
    assert shown["by_vital"]["bp_diastolic"]["value"] == 125


def test_a_reading_without_a_time_counts_from_when_it_was_recorded(chart: Chart) -> None:
    """On its own day it is newer than what was measured earlier that day."""
    record(chart, today(), "00:00", USUAL)
    record(chart, today(), None, HIGH)
    assert holding(chart) == {"bp_systolic"}


def test_flags_are_by_the_age_at_each_reading(desk: Client) -> None:
    """A pulse of an infant is judged as an infant's, also when the patient has grown since."""
    chart = Chart(desk, register(desk, date_of_birth="2010-01-01"))
    record(chart, "2010-07-01", "09:00", {"pulse": 140})
    record(chart, "2026-01-01", "09:00", {"respiration_rate": 16})
    assert latest(chart)["abnormal_flags"] == []


def test_an_archived_reading_gives_way_to_the_one_before(chart: Chart) -> None:
    """A reading archived as a mistake neither holds nor lifts."""
    record(chart, DAY, "09:00", HIGH)
    usual = record(chart, DAY, "09:10", USUAL)
    assert holding(chart) == set()
    chart.archive("vital-signs", usual)
    assert holding(chart) == {"bp_systolic"}


def test_a_corrected_reading_counts_as_it_is_now(chart: Chart) -> None:
    """A typing mistake that is mended holds nothing any more."""
    high = record(chart, DAY, "09:00", HIGH)
    chart.change("vital-signs", high, bp_systolic=119, bp_diastolic=78)
    assert holding(chart) == set()


def test_an_override_lifts_the_hold_and_is_shown(chart: Chart, desk: Client) -> None:
    """With its reason, its clinician and its end; the value stays flagged."""
    reading = record(chart, DAY, "09:00", HIGH | {"oxygen_saturation": 91})
    made = overridden(chart, reading)
    assert made["overridden"] == [{"vital": "bp_systolic", "value": 196}, {"vital": "oxygen_saturation", "value": 91}]
    assert (made["reason"], made["vital_signs"]["id"], made["patient"]["id"]) == ("Emergency", reading["id"], chart.id)
    created = datetime.fromisoformat(made["created_at"])
    midnight = datetime.combine(created.date() + timedelta(days=1), time.min, tzinfo=UTC)
    assert datetime.fromisoformat(made["ends_at"]) == midnight
    shown = latest(chart)
    assert not shown["is_procedure_blocking"]
    assert [h["override"]["id"] for h in shown["holds"]] == [made["id"]] * 2
    in_force = shown["holds"][0]["override"]
    assert (in_force["reason"], in_force["created_by"], in_force["ends_at"]) == (
        "Emergency", made["created_by"], made["ends_at"],
    )  # fmt: skip
    assert made["created_by"]["name"]
    assert {f["vital"] for f in shown["abnormal_flags"]} >= {"bp_systolic", "oxygen_saturation"}


def test_a_newer_reading_in_the_blocking_range_needs_a_new_override(chart: Chart) -> None:
    """The old override covers the old reading alone."""
    first = record(chart, DAY, "09:00", HIGH)
    overridden(chart, first)
    second = record(chart, DAY, "09:10", HIGH)
    assert holding(chart) == {"bp_systolic"}
    assert problems(override(chart, first)) == {("path", "vitals_uuid"): "no_hold"}
    overridden(chart, second)
    assert holding(chart) == set()


def test_an_override_covers_the_values_it_was_given_for(chart: Chart) -> None:
    """A value that is corrected to another blocking one holds again; a corrected note does not."""
    reading = record(chart, DAY, "09:00", HIGH)
    overridden(chart, reading)
    noted = chart.change("vital-signs", reading, note="Seated")
    assert holding(chart) == set()
    chart.change("vital-signs", noted, bp_systolic=230)
    assert holding(chart) == {"bp_systolic"}


@pytest.mark.parametrize("case", ["usual", "measured again", "overridden", "archived", "another patient"])
def test_there_is_nothing_to_override_without_a_hold(chart: Chart, desk: Client, case: str) -> None:
    """422 no_hold, or 404 for a reading that is not there; nothing is recorded."""
    reading = record(chart, DAY, "09:00", USUAL if case == "usual" else HIGH)
    asked, expected = chart, (422, "no_hold")
    if case == "measured again":
        record(chart, DAY, "09:10", USUAL)
    elif case == "overridden":
        overridden(chart, reading)
    elif case == "archived":
        chart.archive("vital-signs", reading)
        expected = (404, "not_found")
    elif case == "another patient":
        asked, expected = Chart(desk, register(desk)), (404, "not_found")
    before = len(asked.listed("hold-overrides"))
    answer = override(asked, reading)
    assert (answer.status_code, problems(answer)) == (expected[0], {("path", "vitals_uuid"): expected[1]})
    assert len(asked.listed("hold-overrides")) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing"), ({"reason": None}, "null_not_allowed"), ({"reason": ""}, "too_short"),
        ({"reason": " \n\t"}, "too_short"), ({"reason": 1}, "wrong_type"), ({"reason": "x" * 1001}, "too_long"),
    ],
)  # fmt: skip
def test_an_override_needs_a_reason(chart: Chart, body: Json, code: str) -> None:
    """Absent, empty, blank or no text: 422, and the hold stands."""
    reading = record(chart, DAY, "09:00", HIGH)
    answer = chart.desk.post(chart.path("vital-signs", reading["id"], "override"), json=body)
    assert (answer.status_code, problems(answer)) == (422, {("body", "reason"): code})
    assert holding(chart) == {"bp_systolic"}


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("admin", 200), ("clinician", 200), ("front_desk", 403), ("billing", 403), ("read_only", 403),
        ("integration", 403),
    ],
)  # fmt: skip
def test_clinicians_alone_override(clinic: Org, chart: Chart, role: str, status: int) -> None:
    """Not even a program that writes charts."""
    reading = record(chart, DAY, "09:00", HIGH)
    assert override(chart, reading, by=clinic.desk(role)).status_code == status
    assert holding(chart) == (set() if status == 200 else {"bp_systolic"})


def test_an_override_is_audited_and_an_event(chart: Chart) -> None:
    """The event names the vital signs and never a value or the reason."""
    reading = record(chart, DAY, "09:00", HIGH)
    made = overridden(chart, reading)
    [event] = chart.events("hold_override.created")
    assert (event["record_id"], event["notes"]) == (made["id"], ["bp_systolic"])
    assert "Emergency" not in str(event)
    rows = chart.desk.read("/audit-events", patient=chart.id, action="override", first=10)["data"]
    assert [(r["outcome"], r["status"], r["method"]) for r in rows] == [("allowed", 200, "POST")]


def test_a_retried_override_is_made_once(chart: Chart) -> None:
    """By its Idempotency-Key, like every POST."""
    reading = record(chart, DAY, "09:00", HIGH)
    path, headers = chart.path("vital-signs", reading["id"], "override"), {"Idempotency-Key": f"hold-{chart.id}"}
    first, again = (chart.desk.post(path, json={"reason": "Emergency"}, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(chart.listed("hold-overrides")) == 1


def test_of_overrides_at_once_one_is_made(clinic: Org, chart: Chart) -> None:
    """Two clinicians press at the same moment: one override, and the other is told that there is no hold."""
    reading = record(chart, DAY, "09:00", HIGH)
    desks = [clinic.desk() for _ in range(4)]
    answers = at_once(4, lambda n: override(chart, reading, by=desks[n]))
    assert sorted(a.status_code for a in answers) == [200, 422, 422, 422]
    assert len(chart.listed("hold-overrides")) == 1


def test_overrides_can_be_read(chart: Chart, clinic: Org) -> None:
    """All of a patient, newest first, those of one reading, and each by its id."""
    first = record(chart, DAY, "09:00", HIGH)
    one = overridden(chart, first)
    two = overridden(chart, record(chart, DAY, "09:10", HIGH))
    reader = Chart(clinic.desk("read_only"), {"id": chart.id})
    assert reader.ids("hold-overrides") == [two["id"], one["id"]]
    assert reader.listed("hold-overrides", vitals_uuid=first["id"]) == [one]
    assert reader.desk.read(chart.path("hold-overrides", one["id"])) == one


async def test_an_override_ends_by_itself_at_the_end_of_the_day(house: House, clinic: Org, chart: Chart) -> None:
    """When the moment has passed the hold stands again; the override stays on record."""
    made = overridden(chart, record(chart, DAY, "09:00", HIGH))
    assert holding(chart) == set()
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(
            "UPDATE hold_overrides SET ends_at = now() WHERE org_id = $1 AND id = $2", clinic.id, made["id"]
        )
    assert holding(chart) == {"bp_systolic"}
    assert chart.ids("hold-overrides") == [made["id"]]


ZONES = ("Pacific/Honolulu", "America/Los_Angeles", "Europe/London", "Asia/Kolkata", "Pacific/Auckland")


@pytest.mark.parametrize("zone", ZONES)
def test_the_day_is_that_of_the_patients_location(house: House, zone: str) -> None:
    """An override ends at its midnight, ages count by its calendar, and its clock orders readings without a time."""
    owner = house.org(f"Holding {zone}", "UTC").desk()
    place = owner.made("/locations", {"name": "Far away", "timezone": zone})
    chart = Chart(owner, register(owner, location_uuid=place["id"]))
    here = datetime.now(ZoneInfo(zone))
    record(chart, here.date(), "00:00", USUAL)
    made = overridden(chart, record(chart, here.date(), None, HIGH))
    created = datetime.fromisoformat(made["created_at"]).astimezone(ZoneInfo(zone))
    midnight = datetime.combine(created.date() + timedelta(days=1), time.min, tzinfo=ZoneInfo(zone))
    assert datetime.fromisoformat(made["ends_at"]) == midnight
    record(chart, here.date() - timedelta(days=1), "00:00", {"oxygen_saturation": 97})
    ages = latest(chart)["by_vital"]["oxygen_saturation"]
    now = datetime.now(ZoneInfo(zone))
    taken = datetime.combine(here.date() - timedelta(days=1), time.min, tzinfo=ZoneInfo(zone))
    assert 0 <= (now.date() - here.date()).days + 1 - ages["age_days"] <= 1
    assert 0 <= (now.astimezone(UTC) - taken.astimezone(UTC)).total_seconds() // 60 - ages["age_minutes"] <= 5


def test_the_orgs_preset_decides_what_holds(house: House) -> None:
    """A preset chosen later holds by values that the override does not cover."""
    owner = house.org("Holding Dental").desk()
    chart = Chart(owner, register(owner))
    reading = record(chart, DAY, "09:00", {"bp_systolic": 170, "bp_diastolic": 90, "oxygen_saturation": 91})
    overridden(chart, reading)
    assert holding(chart) == set()
    body = {"base_version": owner.read("/org-settings")["version"], "blocking_preset": "conservative"}
    assert owner.patch("/org-settings", json=body).status_code == 200
    assert holding(chart) == {"bp_systolic"}


MANY = 3_650
READINGS = """INSERT INTO patient_vital_signs (org_id, id, patient_id, date_taken, time_taken, pulse, bp_systolic,
  bp_diastolic, weight_lbs, has_followup_plan, created_by, created_at, updated_at, version)
SELECT $1, gen_random_uuid(), $2, '2016-01-01'::date + n, '09:00', 70, CASE WHEN n = 0 THEN 196 END,
  CASE WHEN n = 0 THEN 118 END, 180, false, 1, now(), now(), 1 FROM generate_series(0, $3 - 1) AS n"""


ORG, PATIENT = "00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"


async def test_a_hold_is_found_below_ten_years_of_readings(house: House, clinic: Org, chart: Chart) -> None:
    """A patient was weighed each day for ten years; the blood pressure was taken on the first of them."""
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(READINGS, clinic.id, chart.id, MANY)
    assert holding(chart) == {"bp_systolic"}


@pytest.mark.skipif(bool(hosting.BIN), reason="plans are looked at on the embedded database")
async def test_ten_years_of_readings_are_not_looked_through(house: House) -> None:
    """The newest of each vital sign is found by its index, however many readings lie above it, or none at all."""
    async with still_database(house) as place:
        async with filling(place) as connection:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(READINGS, ORG, PATIENT, MANY)
            await connection.execute("VACUUM (ANALYZE) patient_vital_signs")
        async with explaining(place, ORG) as connection:
            statement = queries()["chart.newest_of_each_vital"]
            plan = await plan_of(connection, statement, [ORG, PATIENT, datetime.now(UTC)])
    looked_at = [
        n["Actual Rows"] + n.get("Rows Removed by Filter", 0)
        for n in nodes(plan)
        if n.get("Relation Name") == "patient_vital_signs"
    ]
    assert sum(looked_at) <= 3 * len(MEASURED)
    assert buffers(plan) <= 10 * len(MEASURED)
