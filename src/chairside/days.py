"""Calendar days over the whole earth: which days it can be anywhere, and the names of time zones.

The day at one place follows the time zone data of PostgreSQL alone (store/days), for two sets of data would differ
whenever a country changes its clocks.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import available_timezones

# No zone has been further from UTC since 1900, the earliest year of any date here.
FURTHEST_BEHIND, FURTHEST_AHEAD = timedelta(hours=12), timedelta(hours=14)
# The machine's own zone, none at all, and names that PostgreSQL takes for a fixed offset without summer time.
_OF_NO_PLACE = frozenset({"localtime", "Factory", "CET", "EET", "MET", "WET"})


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The names of the IANA time zone database that mean a place."""
    return frozenset(available_timezones() - _OF_NO_PLACE)


def first_day(now: datetime) -> date:
    """The earliest day that it is anywhere at a moment."""
    return (now.astimezone(UTC) - FURTHEST_BEHIND).date()


def last_day(now: datetime) -> date:
    """The latest day that it is anywhere at a moment."""
    return (now.astimezone(UTC) + FURTHEST_AHEAD).date()
