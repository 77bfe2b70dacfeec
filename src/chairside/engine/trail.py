"""Reading the audit trail: who saw and did what, newest first."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from chairside.changes import Asked, Record, Reply
from chairside.engine.desk import Desk
from chairside.engine.operations import Operation
from chairside.errors import refuse
from chairside.fields import Entry
from chairside.store.days import STARTS
from chairside.store.lists import FOR_THESE_VALUES
from chairside.types import Choice, Date, Integer, Text, Uuid

Shown = dict[str, Any]
SAID = ("action", "kind", "record_id", "patient_id", "method", "route", "status", "outcome", "request_id")
# Ids in one answer, about 800 KB of them.
MOST_NAMED = 20_000
OUTCOMES = ("allowed", "denied", "invalid", "failed")


async def read_trail(desk: Desk, asked: Asked) -> Reply:
    query = asked.query
    at, record_id = _anchor(desk, query.get("after"))
    narrowed = [query.get(name) for name in ("actor", "action", "outcome")]
    patient = [query["patient"]] if query.get("patient") else []
    first, until = await _bounds(desk, query.get("date_from"), query.get("date_to"))
    await desk.connection.execute(FOR_THESE_VALUES)
    rows = await desk.ask(
        "audit.page_of_patient" if patient else "audit.page",
        *narrowed, first, until, at, record_id, query["first"] + 1, *patient,
    )  # fmt: skip
    whole = _bounded([_shown(row) for row in rows[: query["first"]]])
    more, rows = len(rows) > len(whole), rows[: len(whole)]
    info = {
        "has_next_page": more,
        "end_cursor": _cursor(desk, rows[-1]) if rows else query.get("after"),
        "has_previous_page": at is not None,
        "start_cursor": _cursor(desk, rows[0]) if rows else None,
    }
    return Reply(data={"data": whole, "page_info": info}, patient_id=query.get("patient"))


def _bounded(records: list[Shown]) -> list[Shown]:
    """The first records, one at least, as far as they name no more than MOST_NAMED patients: imports name thousands."""
    named = 0
    for place, record in enumerate(records):
        named += len(record["patient_ids"])
        if named > MOST_NAMED and place:
            return records[:place]
    return records


async def _bounds(desk: Desk, first: date | None, last: date | None) -> tuple[datetime | None, datetime | None]:
    """When the first day begins where the org is, and when the last one has ended."""
    if first is None and last is None:
        return None, None
    until = last + timedelta(days=1) if last and last < date.max else None
    [(starts, ends)] = await desk.fetch(STARTS, first, until)
    return starts, ends


def _cursor(desk: Desk, row: Record) -> str:
    return desk.vault.write_cursor(msgspec.json.encode([row["at"], row["id"]]), desk.org_id + "/audit")


def _anchor(desk: Desk, token: str | None) -> tuple[datetime | None, str | None]:
    if token is None:
        return None, None
    payload = desk.vault.read_cursor(token, desk.org_id + "/audit")
    if payload is None:
        raise refuse("invalid_cursor", "query", "after")
    at, record_id = msgspec.json.decode(payload)
    return datetime.fromisoformat(at), record_id


def _shown(row: Record) -> Shown:
    actor = {"id": row["actor_id"], "name": row["actor_name"], "role": row["actor_role"]}
    return {
        "id": row["id"],
        "at": row["at"],
        "actor": actor,
        **{name: row[name] for name in SAID},
        "token_id": row["token_id"],
        "source_address": row["address"],
        "user_agent": row["agent"],
        "query": msgspec.Raw(row["query"].encode()) if row["query"] else None,
        "count": row["shown"],
        "patient_ids": row["patients"][1:-1].split(",") if row["patients"] else [],
    }


AUDIT = Operation(
    name="list_audit_events",
    method="GET",
    path="audit-events",
    subject="audit_event",
    area="audit",
    allow="read",
    action="list",
    summary="Read the audit trail",
    doc="One record per request to the org's data, reads and refusals included: who, what, when, with what outcome.",
    answer="AuditPageOut",
    run=read_trail,
    query=(
        Entry(key="first", type=Integer(min=1, max=200), doc="How many.", default=50),
        Entry(key="after", type=Text(max=500), doc="end_cursor of the page before."),
        Entry(key="actor", filters=True, type=Uuid(), doc="Only what this user did."),
        Entry(key="patient", filters=True, type=Uuid(), doc="Only what concerned this patient."),
        Entry(key="action", filters=True, type=Text(max=64), doc="Only this action, such as read or create."),
        Entry(key="outcome", filters=True, type=Choice(OUTCOMES), doc="Only this outcome."),
        Entry(key="date_from", filters=True, type=Date(), doc="From this day on, where the org is.", recordable=True),
        Entry(key="date_to", filters=True, type=Date(), doc="Up to this day, where the org is.", recordable=True),
    ),
)
