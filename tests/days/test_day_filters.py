"""A plain date in a filter means that day at the place of each record; a time with its offset means that time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from tests.chart.charting import Chart
from tests.days.places import EAST, WEST, ZONES, chart_at, location, other, shifted
from tests.days.test_days import at
from tests.house import Client, House
from tests.people.deeds import ids

# A zone, a day there, and its first and last second in UTC.
DAYS = [
    ("Pacific/Honolulu", "2025-03-01", "2025-03-01T10:00:00", "2025-03-02T09:59:59"),
    ("America/Los_Angeles", "2025-01-15", "2025-01-15T08:00:00", "2025-01-16T07:59:59"),
    ("America/Los_Angeles", "2025-03-09", "2025-03-09T08:00:00", "2025-03-10T06:59:59"),
    ("America/Los_Angeles", "2025-11-02", "2025-11-02T07:00:00", "2025-11-03T07:59:59"),
    ("Europe/London", "2025-07-15", "2025-07-14T23:00:00", "2025-07-15T22:59:59"),
    ("Europe/London", "2025-03-30", "2025-03-30T00:00:00", "2025-03-30T22:59:59"),
    ("Europe/London", "2025-10-26", "2025-10-25T23:00:00", "2025-10-26T23:59:59"),
    ("Asia/Kolkata", "2025-03-01", "2025-02-28T18:30:00", "2025-03-01T18:29:59"),
    ("Pacific/Auckland", "2025-01-15", "2025-01-14T11:00:00", "2025-01-15T10:59:59"),
    ("Pacific/Auckland", "2025-04-06", "2025-04-05T11:00:00", "2025-04-06T11:59:59"),
    ("Pacific/Auckland", "2025-09-28", "2025-09-27T12:00:00", "2025-09-28T10:59:59"),
    ("America/Santiago", "2025-09-07", "2025-09-07T04:00:00", "2025-09-08T02:59:59"),
    ("America/Havana", "2025-11-02", "2025-11-02T04:00:00", "2025-11-03T04:59:59"),
    ("Asia/Beirut", "2025-10-25", "2025-10-24T21:00:00", "2025-10-25T21:59:59"),
]
SECOND = timedelta(seconds=1)


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def around(first: str, last: str) -> list[str]:
    """The last second before a day, its first and last, and the first after it."""
    return [stamp(moment) for moment in (at(first) - SECOND, at(first), at(last), at(last) + SECOND)]


@pytest.fixture(scope="module")
def desk(house: House) -> Client:
    """An administrator of an org whose own zone is none of the table's."""
    return house.org("Filtering Dental", "Asia/Tokyo").desk()


@pytest.fixture(scope="module")
def places(desk: Client) -> dict[str, str]:
    return {zone: location(desk, zone) for zone in {zone for zone, *_ in DAYS}}


def days_of(desk: Client, path: str, day: str, **query: str) -> tuple[list[str], ...]:
    """The ids from a day on, up to it, and of it alone; each total is right."""
    found = []
    for bounds in ({"date_from": day}, {"date_to": day}, {"date_from": day, "date_to": day}):
        page = desk.read(path, **bounds, **query)
        assert page["total"] == len(page["items"])
        found.append(ids(page["items"]))
    return tuple(found)


@pytest.mark.parametrize(("zone", "day", "first", "last"), DAYS)
def test_the_log_of_communications_by_the_patients_day(
    desk: Client, places: dict[str, str], zone: str, day: str, first: str, last: str
) -> None:
    """Entries of the last second before, both ends, and the first second after; newest first."""
    chart = chart_at(desk, places[zone])
    path = chart.path("communication-logs")
    made = [desk.made(path, {"communication_datetime": moment})["id"] for moment in around(first, last)]
    newest = made[::-1]
    assert days_of(desk, path, day) == (newest[:3], newest[1:], newest[1:3])
    assert desk.read(path, date_from=f"{first}Z", date_to=f"{last}Z")["total"] == 2
    assert desk.read(path, date_to="9999-12-31")["total"] == 4


@pytest.mark.parametrize(("zone", "day", "first", "last"), DAYS)
@pytest.mark.parametrize("named", ["by the patient", "by the appointment"])
def test_appointments_by_the_day_at_their_location(
    desk: Client, places: dict[str, str], zone: str, day: str, first: str, last: str, named: str
) -> None:
    """Where the appointment is, else where the patient is treated; lists across patients do not mix the days."""
    elsewhere = location(desk, None)
    patient = chart_at(desk, places[zone] if named == "by the patient" else elsewhere).id
    where = {} if named == "by the patient" else {"location_uuid": places[zone]}
    made = [
        desk.made("/appointments", {"patient_uuid": patient, "starts_at": moment, **where})["id"]
        for moment in around(first, last)
    ]
    newest = made[::-1]
    assert days_of(desk, "/appointments", day, patient_uuid=patient) == (newest[:3], newest[1:], newest[1:3])


def test_one_day_is_another_time_at_each_location(house: House) -> None:
    """A list across patients holds, of each location, what is of the day there; one without a zone has the org's."""
    desk = house.org("Two Coasts Dental", "America/New_York").desk()
    evening = "2025-06-16T02:30:00Z"  # 22:30 in New York, 19:30 in Los Angeles, both on the 15th; in Honolulu 16:30
    night = "2025-06-16T05:30:00Z"  # 01:30 on the 16th in New York, 22:30 on the 15th in Los Angeles
    made = {}
    for zone in (None, "America/New_York", "America/Los_Angeles", "Pacific/Honolulu"):
        place = location(desk, zone)
        for moment in (evening, night):
            body = {"patient_uuid": chart_at(desk, place).id, "starts_at": moment}
            made[desk.made("/appointments", body)["id"]] = (zone, moment)
    found = desk.read("/appointments", date_from="2025-06-15", date_to="2025-06-15")
    expected = {(zone, moment) for zone, moment in made.values() if moment == evening or zone not in (None, "America/New_York")}  # fmt: skip  # noqa: E501
    assert ({made[one] for one in ids(found["items"])}, found["total"]) == (expected, len(expected))


@pytest.mark.parametrize("zone", ZONES)
def test_the_trail_by_the_day_of_the_org(house: House, zone: str) -> None:
    """A read of just now was done today, where the org is: not yesterday, not tomorrow."""
    org = house.org(f"Audited {zone}", zone)
    desk = org.desk()
    desk.read("/billing-types")

    def found(**query: str) -> bool:
        return bool(desk.read("/audit-events", action="list", **query)["data"])

    today, before, after = (shifted(zone, days) for days in (0, -1, 1))
    assert found(date_from=today, date_to=today)
    assert found(date_from=before, date_to="9999-12-31")
    assert not found(date_to=before)
    assert not found(date_from=after)
    assert shifted(other(zone), 0) != today


def test_dates_of_the_chart_are_compared_as_they_are(desk: Client) -> None:
    """A day that somebody wrote down is that day, wherever the patient is."""
    for zone in (EAST, WEST):
        chart: Chart = chart_at(desk, location(desk, zone))
        made = chart.add("vital-signs", date_taken="2025-06-15")
        assert chart.ids("vital-signs", date_from="2025-06-15", date_to="2025-06-15") == [made["id"]]
        assert chart.listed("vital-signs", date_to=str(date(2025, 6, 14))) == []
