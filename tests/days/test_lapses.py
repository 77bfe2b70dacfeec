"""An alert ends at its place's midnight, also in a night in which clocks change."""

from __future__ import annotations

from datetime import date

import pytest

from tests.chart.charting import definition
from tests.database import connected
from tests.days.places import chart_at, location
from tests.days.test_day_filters import DAYS, stamp
from tests.days.test_days import at
from tests.house import Client, House

SLEPT = "UPDATE patient_alerts SET disable_on = $2 WHERE id = $1 AND status = 'active'"


@pytest.fixture(scope="module")
def desk(house: House) -> Client:
    return house.org("Lapsing Dental", "Asia/Tokyo").desk()


@pytest.fixture(scope="module")
def alert(desk: Client) -> str:
    return definition(desk, "patient-alert-definitions", "Until")


@pytest.mark.parametrize(("zone", "day", "first", "last"), DAYS)
async def test_an_alert_reads_as_disabled_since_the_first_moment_of_its_day(
    house: House, desk: Client, alert: str, zone: str, day: str, first: str, last: str
) -> None:
    """In the list, the summary and the answer to another change, whatever clocks did in that night."""
    chart = chart_at(desk, location(desk, zone))
    made = chart.add("alerts", alert_definition_uuid=alert)
    async with connected(house.data_dir, "superuser") as connection:  # as if the server had slept since
        assert await connection.execute(SLEPT, made["id"], date.fromisoformat(day)) == "UPDATE 1"
    [shown] = chart.listed("alerts")
    assert (shown["status"], shown["date_disabled"]) == ("disabled", stamp(at(first)))
    assert chart.summary()["alerts"] == []
    noted = chart.change("alerts", made, note="Called")
    assert (noted["status"], noted["date_disabled"]) == ("disabled", stamp(at(first)))
