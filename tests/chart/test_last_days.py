"""Medications end by themselves when their last day is over, without a job that runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.chart.charting import Chart, Json, named, today
from tests.database import connected
from tests.house import Client, House, Org

ENDED = "UPDATE {} SET date_stop = current_date - $3::int WHERE org_id = $1 AND id = $2"


async def sleep_through(house: House, clinic: Org, table: str, record: Json, days: int) -> None:
    """The record as if it had been made so many days earlier."""
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(ENDED.format(table), clinic.id, record["id"], days)


@pytest.mark.parametrize(("days", "current"), [(0, True), (1, False)])
async def test_a_medication_ends_when_its_last_day_is_over(
    house: House, clinic: Org, desk: Client, chart: Chart, days: int, current: bool
) -> None:
    """The row says active; every answer says completed, and no warning speaks of it."""
    made = chart.add("medications", med_descript="Amoxicillin", date_stop=str(today() + timedelta(days=1)))
    await sleep_through(house, clinic, "patient_medications", made, days)
    assert [m["status"] for m in chart.listed("medications")] == ["active" if current else "completed"]
    assert chart.ids("medications", is_active=True) == ([made["id"]] if current else [])
    assert len(chart.summary()["current_medications"]) == current
    allergy = chart.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", "Penicillin"))
    assert bool(allergy["interaction_warnings"]) == current
    assert chart.change("medications", made, patient_note="Seen")["status"] == ("active" if current else "completed")
