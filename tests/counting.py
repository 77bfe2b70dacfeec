"""The statements that one reading operation sends, counted on the connection itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from asyncpg.connection import LoggedQuery

from chairside.changes import Asked, Reply
from chairside.changes import Desk as DeskOfRules
from chairside.engine.answers import Shapes
from chairside.engine.context import Caller, Context
from chairside.engine.desk import Desk
from chairside.engine.vault import Vault
from chairside.records import ALL
from chairside.store.tables import tables
from chairside.store.transactions import transaction
from tests.database import connected
from tests.house import House

Run = Callable[[DeskOfRules, Asked], Awaitable[Reply]]


async def statements_of(run: Run, house: House, org_id: str, patient: str, **query: object) -> tuple[list[str], object]:
    """What it sends for this patient, in order, and what it answers."""
    now = datetime.now(UTC)
    caller = Caller(org_id=org_id, user_id=org_id, token_id=org_id, name="Test", number=1, role="admin")
    context = Context(
        caller=caller, request_id="test", method="GET", route="", path="", status=200, now=now, patient_id=patient
    )
    sent: list[str] = []

    def note(query: LoggedQuery) -> None:
        sent.append(query.query)

    async with connected(house.data_dir) as connection, transaction(connection, org_id, writes=False):
        desk = Desk(context, connection, tables(ALL), Shapes(ALL), Vault(Path("/nowhere")))  # no key is needed
        asked = Asked(path={"patient_uuid": patient}, query=query, body={}, now=now)
        with connection.query_logger(note):
            reply = await run(desk, asked)
    return sent, reply.data
