"""The day comes with statements that are sent anyway; a look-up of its own is for a birth of these days alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery

from chairside.changes import Asked, Reply
from chairside.engine.answers import Shapes
from chairside.engine.bodies import create_body, patch_body
from chairside.engine.context import Caller, Context
from chairside.engine.desk import Desk
from chairside.engine.vault import Vault
from chairside.engine.verbs import create, get, list_, patch
from chairside.fields import read_body
from chairside.records import ALL
from chairside.store.sql import queries
from chairside.store.tables import tables
from chairside.store.transactions import transaction
from tests.chart.charting import Chart, definition
from tests.database import connected
from tests.days.places import EAST, location, shifted
from tests.house import House, Org
from tests.patients.acts import register

KINDS = {kind.name: kind for kind in ALL}
Run = Callable[[Desk, Asked], Awaitable[Reply]]


class Undone(Exception):
    """Ends a transaction whose writes are not kept."""


async def sent(org: Org, run: Run, path: dict[str, str], body: dict[str, Any]) -> list[str]:
    """The statements that an operation sends; what it writes is not kept."""
    now = datetime.now(UTC)
    caller = Caller(org_id=org.id, user_id=org.id, token_id=org.id, name="Test", number=1, role="admin")
    context = Context(caller=caller, request_id="test", method="", route="", path="", status=200, now=now)
    told: list[LoggedQuery] = []
    query = {"page": 1, "page_size": 50}
    async with connected(org.house.data_dir) as connection:
        try:
            async with transaction(connection, org.id, writes=True):
                desk = Desk(context, connection, tables(ALL), Shapes(ALL), Vault(Path("/nowhere")))  # no key is needed
                with connection.query_logger(told.append):
                    await run(desk, Asked(path=path, query=query, body=body, now=now))
                raise Undone
        except Undone:
            return [query.query for query in told]


@pytest.fixture(scope="module")
def org(house: House) -> Org:
    return house.org("Counting Dental", EAST)


def made(kind: str, **values: Any) -> dict[str, Any]:
    return read_body(create_body(KINDS[kind]), values, datetime.now(UTC), "body")


async def test_everyday_requests_look_up_no_day_by_itself(org: Org) -> None:
    """Reading, listing, creating and changing what belongs to a patient, and a patient who was born long ago."""
    desk = org.desk()
    chart = Chart(desk, register(desk, location_uuid=location(desk, "Pacific/Honolulu")))
    alert = definition(desk, "patient-alert-definitions", "Until")
    held = chart.add("alerts", alert_definition_uuid=alert, disable_on=shifted("Pacific/Honolulu", 2))
    of_patient = {"patient_uuid": chart.id}
    today = shifted("Pacific/Honolulu", 0)
    change = read_body(patch_body(KINDS["alert"]), {"base_version": 1, "disable_on": today}, datetime.now(UTC), "body")
    everyday: list[tuple[Any, str, dict[str, str], dict[str, Any]]] = [
        (create, "vital_signs", of_patient, made("vital_signs", date_taken=today)),
        (create, "alert", of_patient, made("alert", alert_definition_uuid=alert, disable_on=today)),
        (patch, "alert", of_patient | {"alert_uuid": held["id"]}, change),
        (list_, "alert", of_patient, {}),
        (get, "patient", of_patient, {}),
        (create, "patient", {}, made("patient", first_name="Ana", last_name="Lind", date_of_birth="1990-05-01")),
    ]
    for verb, kind, path, body in everyday:
        statements = await sent(org, partial(verb, KINDS[kind]), path, body)
        assert statements
        assert (kind, [s for s in statements if s == queries()["days.today"]]) == (kind, [])


async def test_a_birth_of_these_days_is_looked_up_once(org: Org) -> None:
    """Of a patient of no location, where it is already tomorrow for others: no other statement tells the day."""
    born = made("patient", first_name="New", last_name="Born", date_of_birth=shifted(EAST, 0))
    statements = await sent(org, partial(create, KINDS["patient"]), {}, born)
    assert statements.count(queries()["days.today"]) == 1
