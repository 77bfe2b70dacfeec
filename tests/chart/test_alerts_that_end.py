"""An alert whose day has come is disabled everywhere, though no job has run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.chart.charting import Chart, Json, today
from tests.database import connected
from tests.house import House, problems


async def slept(house: House, alert_id: str, days: int = 3) -> str:
    """Move an alert's day into the past behind the server's back, as if it had slept until now."""
    day = today() - timedelta(days=days)
    async with connected(house.data_dir, "superuser") as connection:
        done = await connection.execute("UPDATE patient_alerts SET disable_on = $2 WHERE id = $1", alert_id, day)
        assert done == "UPDATE 1"
        assert await connection.fetchval("SELECT status FROM patient_alerts WHERE id = $1", alert_id) == "active"
    return day.isoformat()


@pytest.fixture
async def ended(house: House, chart: Chart, plain_alert: str) -> Json:
    """An alert that the database holds as active, though its day has come."""
    future = (today() + timedelta(days=30)).isoformat()
    alert = chart.add("alerts", alert_definition_uuid=plain_alert, alert_scope="family", disable_on=future)
    assert alert["status"] == "active"
    return alert | {"disable_on": await slept(house, alert["id"])}


def test_it_reads_as_disabled_since_that_day(chart: Chart, ended: Json) -> None:
    """In the list, with the moment its day began, and without a change of its version."""
    [shown] = chart.listed("alerts")
    assert (shown["status"], shown["version"]) == ("disabled", 1)
    assert shown["date_disabled"] == f"{ended['disable_on']}T00:00:00Z"


def test_the_status_filter_and_the_total_know_it(chart: Chart, ended: Json) -> None:
    """It is found as disabled, not as active."""
    for status, count in (("active", 0), ("disabled", 1), ("archived", 0)):
        assert chart.desk.read(chart.path("alerts"), status=status)["total"] == count


def test_the_family_and_the_summary_know_it(chart: Chart, ended: Json) -> None:
    """A summary shows active alerts, so it is not there."""
    assert chart.summary()["alerts"] == []
    assert chart.ids("alerts", include_family="true", status="disabled") == [ended["id"]]
    assert chart.ids("alerts", include_family="true", status="active") == []


def test_it_cannot_be_disabled_again(chart: Chart, ended: Json) -> None:
    """It is no longer active: 422."""
    again = chart.desk.post(chart.path("alerts", ended["id"], "disable"), json={"base_version": 1})
    assert (again.status_code, set(problems(again).values())) == (422, {"not_active"})


def test_a_patch_of_something_else_leaves_it_ended(chart: Chart, ended: Json) -> None:
    """The note changes; status and moment are as they read before."""
    [before] = chart.listed("alerts")
    after = chart.change("alerts", ended, note="Called")
    assert (after["status"], after["date_disabled"]) == (before["status"], before["date_disabled"])
    assert [(e["type"], e["version"]) for e in chart.events("alert.updated")] == [("alert.updated", 2)]


def test_it_can_be_brought_back_by_hand(chart: Chart, ended: Json) -> None:
    """Active again: the day that ended it no longer counts, or the next read would end it again."""
    back = chart.change("alerts", ended, status="active")
    assert (back["status"], back["disable_on"], back["date_disabled"]) == ("active", None, None)
    assert chart.ids("alerts", status="active") == [ended["id"]]


def test_it_can_be_brought_back_until_another_day(chart: Chart, ended: Json) -> None:
    """With a day to come it is active until then."""
    future = (today() + timedelta(days=7)).isoformat()
    back = chart.change("alerts", ended, status="active", disable_on=future)
    assert (back["status"], back["disable_on"]) == ("active", future)
    assert chart.ids("alerts", status="active") == [ended["id"]]


def test_it_can_be_archived(chart: Chart, ended: Json) -> None:
    """Archived is archived, whatever the day."""
    assert chart.archive("alerts", ended)["status"] == "archived"
    assert chart.ids("alerts", status="archived") == [ended["id"]]
    assert chart.ids("alerts", status="disabled") == []


@pytest.mark.parametrize("days", [0, 1, 400])
def test_a_day_that_has_come_ends_an_alert_as_it_is_made(chart: Chart, plain_alert: str, days: int) -> None:
    """Today counts as come."""
    day = (today() - timedelta(days=days)).isoformat()
    made = chart.add("alerts", alert_definition_uuid=plain_alert, disable_on=day)
    assert made["status"] == "disabled"
    assert made["date_disabled"] is not None
    assert chart.listed("alerts")[0]["status"] == "disabled"


def test_a_day_patched_into_the_past_ends_the_alert(chart: Chart, plain_alert: str) -> None:
    """At once, and the answer says so."""
    alert = chart.add("alerts", alert_definition_uuid=plain_alert)
    after = chart.change("alerts", alert, disable_on=today().isoformat())
    assert after["status"] == "disabled"
    assert after["date_disabled"] is not None


def test_a_day_to_come_ends_nothing_yet(chart: Chart, plain_alert: str) -> None:
    """Tomorrow is not today; the day after tomorrow is not even tomorrow at midnight."""
    future = (today() + timedelta(days=2)).isoformat()
    alert = chart.add("alerts", alert_definition_uuid=plain_alert, disable_on=future)
    assert (alert["status"], alert["date_disabled"]) == ("active", None)
    assert chart.ids("alerts", status="active") == [alert["id"]]
