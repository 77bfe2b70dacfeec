"""Days by time zone as the database counts them: at both ends of the day, and over changes of daylight saving."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chairside.days import first_day, last_day, zone_names
from chairside.store.days import day_of, has_come, start_of
from chairside.types import Date, Invalid
from tests.database import Connection, connected
from tests.house import House


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# A zone, the last second of a day there in UTC, and that day.
ENDS = [
    ("Pacific/Honolulu", "2025-03-02T09:59:59", "2025-03-01"),
    ("America/Los_Angeles", "2025-01-16T07:59:59", "2025-01-15"),
    ("America/Los_Angeles", "2025-07-16T06:59:59", "2025-07-15"),
    ("Europe/London", "2025-07-15T22:59:59", "2025-07-15"),
    ("Europe/London", "2025-01-15T23:59:59", "2025-01-15"),
    ("Asia/Kolkata", "2025-03-01T18:29:59", "2025-03-01"),
    ("Pacific/Auckland", "2025-01-15T10:59:59", "2025-01-15"),
    ("Pacific/Auckland", "2025-07-15T11:59:59", "2025-07-15"),
    # Clocks go forward in the night that begins the day, and back in the night that begins it.
    ("America/Los_Angeles", "2025-03-09T07:59:59", "2025-03-08"),
    ("America/Los_Angeles", "2025-03-10T06:59:59", "2025-03-09"),
    ("America/Los_Angeles", "2025-11-02T06:59:59", "2025-11-01"),
    ("America/Los_Angeles", "2025-11-03T07:59:59", "2025-11-02"),
    ("Europe/London", "2025-03-29T23:59:59", "2025-03-29"),
    ("Europe/London", "2025-03-30T22:59:59", "2025-03-30"),
    ("Europe/London", "2025-10-25T22:59:59", "2025-10-25"),
    ("Europe/London", "2025-10-26T23:59:59", "2025-10-26"),
    ("Pacific/Auckland", "2025-04-05T10:59:59", "2025-04-05"),
    ("Pacific/Auckland", "2025-04-06T11:59:59", "2025-04-06"),
    ("Pacific/Auckland", "2025-09-27T11:59:59", "2025-09-27"),
    ("Pacific/Auckland", "2025-09-28T10:59:59", "2025-09-28"),
    # The midnight that follows does not exist: clocks go from 24:00 to 01:00.
    ("America/Santiago", "2025-09-07T03:59:59", "2025-09-06"),
    ("Asia/Beirut", "2025-03-29T21:59:59", "2025-03-29"),
    # The midnight that follows happens twice: clocks go from 01:00 back to 00:00.
    ("America/Havana", "2025-11-02T03:59:59", "2025-11-01"),
    ("Atlantic/Azores", "2025-10-25T23:59:59", "2025-10-25"),
    # The last hour before midnight happens twice: clocks go from 24:00 back to 23:00.
    ("America/Santiago", "2025-04-06T03:59:59", "2025-04-05"),
    ("Asia/Beirut", "2025-10-25T21:59:59", "2025-10-25"),
    # A day that was left out, on the way over the date line.
    ("Pacific/Apia", "2011-12-30T09:59:59", "2011-12-29"),
]
COME = has_come("$3::date", "$2::text", "$1::timestamptz")


@pytest.mark.parametrize(("zone", "last_second", "day"), ENDS)
async def test_a_day_ends_where_the_practice_is(house: House, zone: str, last_second: str, day: str) -> None:
    """The last second is of the day; the next is the first moment of another, which has come then and not before."""
    ending, expected = at(last_second), date.fromisoformat(day)
    beginning = ending + timedelta(seconds=1)
    async with connected(house.data_dir) as connection:
        before, after = [await _day(connection, zone, moment) for moment in (ending, beginning)]
        assert before == expected < after
        assert await connection.fetchval(f"SELECT {start_of('$2::date', '$1::text')}", zone, after) == beginning
        assert await connection.fetchval(f"SELECT {COME}", ending, zone, expected) is True
        assert await connection.fetchval(f"SELECT {COME}", ending, zone, after) is False
        assert await connection.fetchval(f"SELECT {COME}", beginning, zone, after) is True


async def _day(connection: Connection, zone: str, moment: datetime) -> date:
    day: date = await connection.fetchval(f"SELECT {day_of('$1::timestamptz', '$2::text')}", moment, zone)
    return day


@pytest.mark.parametrize(("zone", "last_second", "day"), ENDS)
def test_a_date_that_must_have_come_is_refused_by_its_type_where_it_has_come_nowhere(
    zone: str, last_second: str, day: str
) -> None:
    """The type lets through what has come somewhere; the day at the place decides on that."""
    now, type_ = at(last_second), Date(past=True)
    for come in (date.fromisoformat(day), last_day(now)):
        assert type_.parse(come.isoformat(), now) == come
    with pytest.raises(Invalid, match="must not be in the future"):
        type_.parse((last_day(now) + timedelta(days=1)).isoformat(), now)


@given(zone=st.sampled_from(sorted(zone_names())), days=st.integers(0, 25_000), seconds=st.integers(0, 86_399))
def test_no_zone_is_outside_the_days_that_it_can_be_anywhere(zone: str, days: int, seconds: int) -> None:
    """A date up to the first of them has come everywhere, and one after the last nowhere."""
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days, seconds=seconds)
    assert first_day(now) <= now.astimezone(ZoneInfo(zone)).date() <= last_day(now)
    assert last_day(now) - first_day(now) <= timedelta(days=2)


# Past years, of which all releases of the time zone database say the same; Python's copy is another than PostgreSQL's.
PAST = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]


async def test_every_zone_counts_days_as_python_does(house: House) -> None:
    """On every day of a past year: its first moment, and the day just before it; special midnights among them."""
    days = "SELECT z, d, {} AS start, {} AS first, {} AS before FROM unnest($1::text[]) z, unnest($2::date[]) d"
    start = start_of("d", "z")
    statement = days.format(start, day_of(start, "z"), day_of(f"({start} - interval '1 microsecond')", "z"))
    async with connected(house.data_dir) as connection:
        known = {row["name"] for row in await connection.fetch("SELECT name FROM pg_timezone_names")}
        zones = sorted(known & zone_names())
        rows = await connection.fetch(statement, zones, PAST)
    assert len(zones) > 400
    assert len(rows) == len(zones) * len(PAST)
    wrong = [
        (r["z"], r["d"])
        for r in rows
        if (r["start"], r["first"]) != (_start(r["d"], r["z"]), r["d"]) or r["before"] >= r["d"]
    ]
    assert not wrong


def _start(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize("name", ["localtime", "Factory", "CET", "", "UTC+1", "america/chicago", "America/Nowhere"])
def test_a_name_that_means_no_place_is_no_time_zone(name: str) -> None:
    """A machine's own zone differs from machine to machine, and PostgreSQL gives CET no summer time."""
    assert name not in zone_names()
