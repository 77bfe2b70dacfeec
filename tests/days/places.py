"""Steps that the tests of the practice's day share: orgs and locations in zones whose days always differ."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tests.chart.charting import Chart
from tests.house import Client, House, Org
from tests.patients.acts import register

# 25 hours apart: whenever it is, the day in one is another than the day in the other.
EAST, WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"
ZONES = (EAST, WEST)


def today(zone: str) -> date:
    """The day in a zone now."""
    return datetime.now(ZoneInfo(zone)).date()


def today_in(zone: str, delay: timedelta) -> date:
    """The day in a zone after this delay."""
    return (datetime.now(ZoneInfo(zone)) + delay).date()


def other(zone: str) -> str:
    return WEST if zone == EAST else EAST


def shifted(zone: str, days: int) -> str:
    return (today(zone) + timedelta(days=days)).isoformat()


def location(desk: Client, zone: str | None) -> str:
    """The id of a new location in this zone, or in that of the org."""
    return str(desk.made("/locations", {"name": f"Place {uuid4().hex}", "timezone": zone})["id"])


def chart_at(desk: Client, place: str | None, **fields: Any) -> Chart:
    """The empty chart of a new patient of a location, or of none."""
    return Chart(desk, register(desk, **({"location_uuid": place} if place else {}), **fields))


def org_in(house: House, zone: str) -> Org:
    return house.org(f"Dental {uuid4().hex[:8]}", zone)
