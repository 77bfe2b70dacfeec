"""The time zone that most people of a region live in, for orgs that name none.

From zone.tab of the IANA time zone database, release 2026f (public domain): the first zone listed for each country.
Where that list runs from east to west, the zone of the largest city instead: AU, BR, CA, RU, UA, US, UZ. Regions that
only telephone numbers have take the zone of their neighbour: AC, TA, XK.
"""

from functools import cache

from chairside.knowledge.data_files import csv_rows


@cache
def _table() -> dict[str, str]:
    return {row["region"]: row["timezone"] for row in csv_rows("data/region_time_zones.csv")}


def time_zone_of(region: str) -> str | None:
    """The IANA name of the zone for a country code of two letters, or None for one that is unknown."""
    return _table().get(region)
