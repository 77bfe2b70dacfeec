"""The day of a patient is that of their location, else of the org: in every check, default, filter and status."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.charting import Chart, definition
from tests.days.places import EAST, WEST, ZONES, chart_at, location, other, shifted, today
from tests.house import Client, House, Org, problems
from tests.patients.acts import bulk, register

FUTURE = "out_of_range"


@pytest.fixture(scope="module")
def orgs(house: House) -> dict[str, Org]:
    """An org in each of two zones whose days always differ."""
    return {zone: house.org(f"Dental {zone}", zone) for zone in ZONES}


@pytest.fixture(scope="module")
def desks(orgs: dict[str, Org]) -> dict[str, Client]:
    return {zone: org.desk() for zone, org in orgs.items()}


@pytest.fixture(scope="module")
def places(desks: dict[str, Client]) -> dict[tuple[str, str], str]:
    """In each org a location in the other zone, and one without a zone of its own."""
    return {(zone, "other"): location(desk, other(zone)) for zone, desk in desks.items()} | {
        (zone, "own"): location(desk, None) for zone, desk in desks.items()
    }


# The org's zone, the patient's location, and the zone whose day counts.
CASES = [
    (EAST, None, EAST),
    (WEST, None, WEST),
    (EAST, "own", EAST),
    (WEST, "own", WEST),
    (EAST, "other", WEST),
    (WEST, "other", EAST),
]
where = pytest.mark.parametrize(("of_org", "at", "zone"), CASES)


@pytest.fixture
def place(places: dict[tuple[str, str], str], of_org: str, at: str | None) -> str | None:
    return places[of_org, at] if at else None


@pytest.fixture
def chart(desks: dict[str, Client], of_org: str, place: str | None) -> Chart:
    return chart_at(desks[of_org], place)


def body(desk: Client, kind: str, day: str) -> dict[str, Any]:
    if kind == "vital-signs":
        return {"date_taken": day}
    if kind == "social-history":
        return {"category": "diet", "value": "Vegetarian", "date_recorded": day}
    allergy = definition(desk, "allergy-definitions", "Latex")
    return {"allergy_definition_uuid": allergy, "date_adverse_reaction": day}


DATED = {"vital-signs": "date_taken", "social-history": "date_recorded", "allergies": "date_adverse_reaction"}


@where
@pytest.mark.parametrize("kind", list(DATED))
def test_a_record_of_a_patient_may_be_of_their_day_and_not_of_the_next(chart: Chart, zone: str, kind: str) -> None:
    """Tomorrow is refused at its place, on create and by PATCH; nothing is written."""
    refused = chart.post(kind, **body(chart.desk, kind, shifted(zone, 1)))
    assert (refused.status_code, problems(refused)) == (422, {("body", DATED[kind]): FUTURE})
    assert chart.listed(kind) == []
    made = chart.add(kind, **body(chart.desk, kind, shifted(zone, 0)))
    again = chart.patch(kind, made, **{DATED[kind]: shifted(zone, 1)})
    assert (again.status_code, problems(again)) == (422, {("body", DATED[kind]): FUTURE})
    assert [r["version"] for r in chart.listed(kind)] == [1]
    if kind == "vital-signs":
        assert chart.patient()["latest_vitals_date"] == shifted(zone, 0)


@where
def test_a_patient_may_be_born_on_the_day_at_their_location(
    desks: dict[str, Client], place: str | None, of_org: str, zone: str
) -> None:
    """Checked by the location of the request, on create and by PATCH, also by one that names another location."""
    desk = desks[of_org]
    sent = {"first_name": "New", "last_name": "Born"} | ({"location_uuid": place} if place else {})
    refused = desk.post("/patients", json=sent | {"date_of_birth": shifted(zone, 1)})
    assert (refused.status_code, problems(refused)) == (422, {("body", "date_of_birth"): FUTURE})
    born = desk.made("/patients", sent | {"date_of_birth": shifted(zone, 0)})
    again = desk.patch(f"/patients/{born['id']}", json={"base_version": 1, "date_of_birth": shifted(zone, 1)})
    assert (again.status_code, problems(again)) == (422, {("body", "date_of_birth"): FUTURE})


def test_the_location_that_a_patch_names_tells_the_day(
    desks: dict[str, Client], places: dict[tuple[str, str], str]
) -> None:
    """Moved to the other side of the date line, a patient may be born on its day; moved back, not."""
    desk, far, near = desks[WEST], places[WEST, "other"], places[WEST, "own"]
    patient = register(desk)
    path, tomorrow = f"/patients/{patient['id']}", shifted(EAST, 0)
    assert desk.patch(path, json={"base_version": 1, "date_of_birth": tomorrow}).status_code == 422
    moved = desk.patch(path, json={"base_version": 1, "date_of_birth": tomorrow, "location_uuid": far})
    assert moved.status_code == 200, moved.text
    for back in (near, None):
        away = register(desk, location_uuid=far)
        body = {"base_version": 1, "date_of_birth": shifted(WEST, 1), "location_uuid": back}
        refused = desk.patch(f"/patients/{away['id']}", json=body)
        assert (refused.status_code, problems(refused)) == (422, {("body", "date_of_birth"): FUTURE})


@pytest.mark.parametrize("on_duplicate", ["create", "skip", "fail", "update"])
def test_rows_of_an_import_are_judged_by_the_location_they_name(
    desks: dict[str, Client], places: dict[tuple[str, str], str], on_duplicate: str
) -> None:
    """A row for each side of the date line, and one for the org: the day of the east has not come in the west."""
    desk, born = desks[WEST], shifted(EAST, 0)
    rows = [
        {"first_name": "New", "last_name": f"Born {place}", "date_of_birth": born, "location_uuid": place}
        for place in (places[WEST, "other"], places[WEST, "own"])
    ]
    rows += [
        {"first_name": "New", "last_name": "Born", "date_of_birth": born},
        {"first_name": "New", "last_name": "Born", "date_of_birth": shifted(WEST, 0)},
    ]
    results = bulk(desk, rows, on_duplicate=on_duplicate, mode="validate")["results"]
    assert [r["status"] for r in results] == ["validated", "failed", "failed", "validated"]
    at = [[(e["loc"], e["type"]) for e in r["errors"]] for r in results]
    assert at[1:3] == [[(["body", "rows", n, "date_of_birth"], FUTURE)] for n in (1, 2)]


def test_an_import_that_changes_a_patient_counts_by_where_they_are(
    desks: dict[str, Client], places: dict[tuple[str, str], str]
) -> None:
    """Their stored location tells the day, unless the row names another."""
    desk, born = desks[WEST], shifted(EAST, 0)
    charts = {name: register(desk, chart_number=f"D-{name}-{places[WEST, name]}", location_uuid=places[WEST, name])
              for name in ("own", "other")}  # fmt: skip
    row = {"first_name": "Ana", "last_name": "Lind", "date_of_birth": born}
    for name, move, status in (
        ("other", None, "updated"),
        ("own", None, "failed"),
        ("own", places[WEST, "other"], "updated"),
    ):
        sent = row | {"chart_number": charts[name]["chart_number"]} | ({"location_uuid": move} if move else {})
        [result] = bulk(desk, [sent], on_duplicate="update")["results"]
        assert (name, result["status"]) == (name, status)


@pytest.mark.parametrize("zone", ZONES)
def test_a_search_for_duplicates_takes_the_day_of_the_org(desks: dict[str, Client], zone: str) -> None:
    """Of today: fine; of tomorrow: refused."""
    for days, status in ((0, 200), (1, 422)):
        sent = {"last_name": "Born", "date_of_birth": shifted(zone, days)}
        assert desks[zone].post("/patients/check-duplicates", json=sent).status_code == status


@where
def test_what_ends_today_ends_on_the_day_of_the_patient(chart: Chart, zone: str) -> None:
    """The last day of a medication, and of a problem that is resolved, by PATCH or as it is recorded."""
    taken = chart.add("medications", med_descript="Ibuprofen 400 mg")
    assert chart.change("medications", taken, status="discontinued")["date_stop"] == shifted(zone, 0)
    disease = definition(chart.desk, "disease-definitions", "Gingivitis")
    resolved = chart.add("diseases", disease_definition_uuid=disease, problem_status="resolved")
    assert resolved["date_stop"] == shifted(zone, 0)
    active = chart.add("diseases", disease_definition_uuid=disease)
    assert chart.change("diseases", active, problem_status="resolved")["date_stop"] == shifted(zone, 0)


@where
def test_an_alert_ends_at_midnight_where_the_patient_is(chart: Chart, zone: str) -> None:
    """One until today has ended, one until tomorrow has not: as it is made, in lists, filters, totals and summary."""
    alert = definition(chart.desk, "patient-alert-definitions", "Until", default_scope="family")
    ended, open_ = (chart.add("alerts", alert_definition_uuid=alert, disable_on=shifted(zone, days)) for days in (0, 1))
    assert (ended["status"], open_["status"], open_["date_disabled"]) == ("disabled", "active", None)
    for family in ("false", "true"):
        for status, expected in (("disabled", [ended["id"]]), ("active", [open_["id"]])):
            page = chart.desk.read(chart.path("alerts"), status=status, include_family=family)
            assert ([a["id"] for a in page["items"]], page["total"]) == (expected, 1)
    assert [a["id"] for a in chart.summary()["alerts"]] == [open_["id"]]
    again = chart.desk.post(chart.path("alerts", ended["id"], "disable"), json={"base_version": 1})
    assert set(problems(again).values()) == {"not_active"}
    assert chart.change("alerts", open_, disable_on=shifted(zone, 0))["status"] == "disabled"


def test_an_alert_follows_its_patient_over_the_date_line(
    desks: dict[str, Client], places: dict[tuple[str, str], str]
) -> None:
    """Active in the west until a day that has come in the east: there it has ended, at that day's midnight."""
    desk, far = desks[WEST], places[WEST, "other"]
    chart = chart_at(desk, None)
    alert = definition(desk, "patient-alert-definitions", "Moving")
    made = chart.add("alerts", alert_definition_uuid=alert, disable_on=shifted(EAST, 0))
    assert made["status"] == "active"
    moved = desk.patch(chart.path(), json={"base_version": chart.patient()["version"], "location_uuid": far})
    assert moved.status_code == 200
    [shown] = chart.listed("alerts")
    assert (shown["status"], shown["date_disabled"]) == ("disabled", f"{shifted(EAST, -1)}T10:00:00Z")
    assert (chart.ids("alerts", status="active"), chart.summary()["alerts"]) == ([], [])


def test_days_are_those_of_the_orgs_new_zone_at_once(house: House) -> None:
    """A change of the settings counts for the next request to any worker; it is an event, and audited."""
    org = house.org("Moving Dental", WEST)
    desk = org.desk()
    chart = chart_at(desk, None)
    tomorrow = {"date_taken": shifted(WEST, 1)}
    for zone, status in ((EAST, 201), (WEST, 422)) * 4:
        version = desk.read("/org-settings")["version"]
        changed = desk.patch("/org-settings", json={"base_version": version, "timezone": zone})
        assert (changed.status_code, changed.json()["timezone"]) == (200, zone)
        with org.desk() as fresh:
            assert fresh.post(chart.path("vital-signs"), json=tomorrow).status_code == status
    events = desk.read("/events", types="org_settings.updated")["items"]
    assert [e["changed"] for e in events] == [["timezone"]] * 8
    audited = desk.read("/audit-events", action="update", first=50)["data"]
    assert len([r for r in audited if r["kind"] == "org_settings" and r["outcome"] == "allowed"]) == 8


@pytest.mark.parametrize("zone", ["Mars/Olympus", "localtime", "CET", "", "UTC+1", None, 1, "america/chicago"])
def test_what_is_no_time_zone_is_refused(desks: dict[str, Client], zone: object) -> None:
    """For the org and for a location, with the place named."""
    desk = desks[EAST]
    settings = desk.patch("/org-settings", json={"base_version": 1, "timezone": zone})
    assert (settings.status_code, list(problems(settings))) == (422, [("body", "timezone")])
    if zone:
        made = desk.post("/locations", json={"name": "Nowhere", "timezone": zone})
        assert (made.status_code, list(problems(made))) == (422, [("body", "timezone")])


def test_today_differs_on_the_two_sides_of_the_date_line() -> None:
    """The tests above rest on it."""
    assert today(EAST) > today(WEST)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("typed", ["{:%Y-%m-%d}", "{:%m/%d/%y}", "{:%m/%d/%Y}", "{:%Y%m%d}"])
def test_someone_born_today_is_found_by_birth_date(desks: dict[str, Client], zone: str, typed: str) -> None:
    """A year of two digits is this one, also where the day begins before UTC's."""
    born = today(zone)
    made = register(desks[zone], date_of_birth=born.isoformat())
    found = desks[zone].read("/patients", search=f"{made['last_name']} {typed.format(born)}")["items"]
    assert [patient["id"] for patient in found] == [made["id"]]
