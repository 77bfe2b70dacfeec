"""The time zone of an org that names none: one of its own country, for every country there is a telephone code of."""

from __future__ import annotations

from importlib.resources import files

import phonenumbers
import pytest

from chairside.days import zone_names
from chairside.knowledge.data_files import csv_rows
from chairside.knowledge.regions import time_zone_of

ROWS = csv_rows("data/region_time_zones.csv")
# Regions of telephone numbers without a country code of their own, and whose zone they have.
NEIGHBOURS = {"AC": "SH", "TA": "SH", "XK": "RS"}


def countries() -> dict[str, set[str]]:
    """The zones of each country, from the time zone database itself."""
    found: dict[str, set[str]] = {}
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            found.setdefault(country, set()).add(zone)
    return found


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("US", "America/New_York"), ("CA", "America/Toronto"), ("GB", "Europe/London"), ("IN", "Asia/Kolkata"),
        ("NZ", "Pacific/Auckland"), ("AU", "Australia/Sydney"), ("BR", "America/Sao_Paulo"), ("DE", "Europe/Berlin"),
        ("MX", "America/Mexico_City"), ("RU", "Europe/Moscow"), ("CH", "Europe/Zurich"), ("ZZ", None), ("us", None),
    ],
)  # fmt: skip
def test_a_region_has_the_zone_that_most_of_its_people_live_in(region: str, zone: str | None) -> None:
    """An unknown one has none, rather than UTC."""
    assert time_zone_of(region) == zone


def test_every_zone_of_the_table_is_of_its_country() -> None:
    """A slip of a line would put a practice into another country."""
    zones = countries()
    wrong = [r for r in ROWS if r["timezone"] not in zones[NEIGHBOURS.get(r["region"], r["region"])]]
    assert not wrong
    assert {r["timezone"] for r in ROWS} <= zone_names()


def test_every_region_of_telephone_numbers_and_every_country_has_one() -> None:
    """Each once; `org create --region` takes them."""
    regions = [r["region"] for r in ROWS]
    assert len(regions) == len(set(regions))
    assert set(regions) == set(phonenumbers.SUPPORTED_REGIONS) | set(countries())
