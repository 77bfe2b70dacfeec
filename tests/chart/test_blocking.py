"""What an org decides about readings that hold a procedure: three presets, at once and on every worker."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.charting import DAY, Chart, Json
from tests.house import Client, House, Org, problems
from tests.patients.acts import register

PRESETS = ("reference", "conservative", "perioperative")
# Reading, and whether it holds a procedure under each of the presets.
CASES: list[tuple[Json, tuple[bool, bool, bool]]] = [
    ({"bp_systolic": 159, "bp_diastolic": 99}, (False, False, False)),
    ({"bp_systolic": 160, "bp_diastolic": 80}, (False, True, False)),
    ({"bp_systolic": 150, "bp_diastolic": 100}, (False, True, False)),
    ({"bp_systolic": 179, "bp_diastolic": 109}, (False, True, False)),
    ({"bp_systolic": 180, "bp_diastolic": 80}, (False, True, True)),
    ({"bp_systolic": 150, "bp_diastolic": 110}, (False, True, True)),
    ({"bp_systolic": 180, "bp_diastolic": 120}, (False, True, True)),
    ({"bp_systolic": 181, "bp_diastolic": 80}, (True, True, True)),
    ({"bp_systolic": 160, "bp_diastolic": 121}, (True, True, True)),
    ({"oxygen_saturation": 94}, (False, False, False)),
    ({"oxygen_saturation": 93}, (True, True, True)),
    ({"pulse": 200}, (False, False, False)),
    ({}, (False, False, False)),
]


@pytest.fixture(scope="module")
def practice(house: House) -> Org:
    """An org whose settings these tests change."""
    return house.org("Preset Dental")


@pytest.fixture(scope="module")
def owner(practice: Org) -> Client:
    return practice.desk()


@pytest.fixture(scope="module")
def readings(owner: Client) -> Chart:
    """A grown patient with every reading of the table, the newest first in the list."""
    chart = Chart(owner, register(owner, date_of_birth="1970-01-01"))
    for reading, _ in CASES:
        chart.add("vital-signs", date_taken=DAY, **reading)
    return chart


def choose(owner: Client, preset: str) -> Json:
    body = {"base_version": owner.read("/org-settings")["version"], "blocking_preset": preset}
    answer = owner.patch("/org-settings", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def blocking(rows: list[Json]) -> list[bool]:
    return [r["is_procedure_blocking"] for r in reversed(rows)]


@pytest.mark.parametrize("preset", [*PRESETS, "reference"])
def test_a_preset_says_which_readings_hold_a_procedure_at_once_and_everywhere(
    practice: Org, owner: Client, readings: Chart, preset: str
) -> None:
    """Every answer after the change, through sixteen fresh connections to both workers; flags do not depend on it."""
    flags = [r["abnormal_flags"] for r in readings.listed("vital-signs")]
    choose(owner, preset)
    expected = [held[PRESETS.index(preset)] for _, held in CASES]
    for _ in range(16):
        with practice.desk() as fresh:
            rows = Chart(fresh, {"id": readings.id}).listed("vital-signs")
        assert blocking(rows) == expected
        assert [r["abnormal_flags"] for r in rows] == flags


def test_a_single_reading_and_the_summary_follow_the_preset_too(owner: Client) -> None:
    """The three ways to read a reading, and the answers to a create and a PATCH."""
    chart = Chart(owner, register(owner, date_of_birth="1970-01-01"))
    for preset, held in (("reference", False), ("conservative", True)):
        choose(owner, preset)
        made = chart.add("vital-signs", date_taken=DAY, bp_systolic=165, bp_diastolic=80)
        noted = chart.change("vital-signs", made, note="Seated")
        shown = owner.read(chart.path("vital-signs", made["id"]))
        latest = chart.summary()["latest_vitals"]
        assert [r["is_procedure_blocking"] for r in (made, noted, shown, latest)] == [held] * 4
    choose(owner, "reference")


def test_the_event_keeps_the_judgement_of_its_day(owner: Client) -> None:
    """Recorded as blocking under the conservative preset; the event says so after the org has changed its mind."""
    chart = Chart(owner, register(owner, date_of_birth="1970-01-01"))
    choose(owner, "conservative")
    made = chart.add("vital-signs", date_taken=DAY, bp_systolic=165, bp_diastolic=70)
    choose(owner, "reference")
    assert owner.read(chart.path("vital-signs", made["id"]))["is_procedure_blocking"] is False
    [event] = chart.events("vital_signs.created")
    assert event["notes"] == ["bp_systolic warning", "procedure_blocking"]


def test_a_new_org_decides_as_the_reference_does(clinic: Org, desk: Client) -> None:
    """One record, with the org's id."""
    settings = desk.read("/org-settings")
    assert (settings["id"], settings["blocking_preset"], settings["version"]) == (clinic.id, "reference", 1)


def test_settings_are_changed_by_version(owner: Client) -> None:
    """A stale or missing version is refused; the same again changes nothing; each change is an event."""
    choose(owner, "reference")
    before = owner.read("/org-settings")
    start = owner.read("/events", latest=True)["next_after"]
    stale = owner.patch(
        "/org-settings", json={"base_version": before["version"] + 1, "blocking_preset": "perioperative"}
    )
    assert (stale.status_code, stale.json()["detail"][0]["current_version"]) == (409, before["version"])
    missing = owner.patch("/org-settings", json={"blocking_preset": "perioperative"})
    assert (missing.status_code, problems(missing)) == (422, {("body", "base_version"): "missing"})
    assert choose(owner, "reference")["version"] == before["version"]
    after = choose(owner, "perioperative")
    assert (after["version"], owner.read("/org-settings")) == (before["version"] + 1, after)
    [event] = owner.read("/events", after=start)["items"]
    assert (event["type"], event["changed"], event["record_id"]) == (
        "org_settings.updated", ["blocking_preset"], before["id"],
    )  # fmt: skip
    choose(owner, "reference")


def test_settings_have_an_etag(owner: Client) -> None:
    """If-Match with another version: 412."""
    answer = owner.get("/org-settings")
    version = answer.json()["version"]
    assert answer.headers["etag"] == f'"{version}"'
    body: dict[str, Any] = {"base_version": version, "blocking_preset": "perioperative"}
    assert owner.patch("/org-settings", json=body, headers={"If-Match": f'"{version + 1}"'}).status_code == 412


@pytest.mark.parametrize("role", ["clinician", "front_desk", "billing", "read_only", "integration"])
def test_settings_are_for_administrators(clinic: Org, role: str) -> None:
    """403 to read and to change."""
    desk = clinic.desk(role)
    assert desk.get("/org-settings").status_code == 403
    assert desk.patch("/org-settings", json={"base_version": 1, "blocking_preset": "reference"}).status_code == 403


def test_settings_of_another_org_are_not_there(clinic: Org, owner: Client) -> None:
    """404, as for every record of another org."""
    answer = owner.get(f"{clinic.base}/org-settings")
    assert answer.status_code == 404
