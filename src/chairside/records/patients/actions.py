"""The moves of a patient beyond the five verbs."""

from __future__ import annotations

from datetime import date
from typing import Any

from chairside.changes import Asked, Change, Desk, Record, Reply, wrong
from chairside.errors import refuse
from chairside.knowledge.given_names import nicknames_of
from chairside.records.patients.fields import BUCKETS
from chairside.records.patients.rules import TRANSITIONS
from chairside.records.patients.shapes import TYPED

AT = ("path", "patient_uuid")


async def guard_archive(desk: Desk, change: Change) -> None:
    """Nobody who is not archived may be left without guarantor; the row lock keeps joiners out meanwhile."""
    own = change.after["id"]
    await desk.ask("patients.lock", [own])
    others = [row["id"] for row in await desk.ask("patients.dependents", own) if row["deleted_at"] is None]
    if others:
        raise refuse("guarantor_of_active_dependents", *AT, dependents=others)
    change.after["status"] = "archived"


async def restore(desk: Desk, asked: Asked) -> Reply:
    before = await desk.load("patient", asked.path["patient_uuid"], at=AT, archived=True)
    if before["deleted_at"] is None:
        raise refuse("not_archived", *AT)
    guarantor = before["responsible_party_id"]
    if guarantor != before["id"]:
        [held] = await desk.ask("patients.lock", [guarantor])
        if held["deleted_at"] is not None:
            raise refuse("guarantor_archived", *AT, guarantor_id=guarantor)
    # A deceased patient who is restored was no deceased one: the rules take the time of death away.
    change = desk.change("patient", before, {"deleted_at": None, "status": "inactive"})
    return desk.reply("patient", await desk.save("patient", change, "restored"))


async def transition(desk: Desk, asked: Asked) -> Reply:
    before = await desk.load("patient", asked.path["patient_uuid"], at=AT)
    status = asked.body["new_status"]
    if status not in TRANSITIONS[before["status"]]:
        allowed = list(TRANSITIONS[before["status"]])
        raise wrong("invalid_transition", "new_status", current_status=before["status"], allowed=allowed)
    change = desk.change("patient", before, {"status": status})
    return desk.reply("patient", await desk.save("patient", change, status))


async def put_balances(desk: Desk, asked: Asked) -> Reply:
    # Locked, so that vital signs or an allergy recorded at the same time are neither lost nor refused.
    await desk.ask("patients.lock", [asked.path["patient_uuid"]])
    before = await desk.load("patient", asked.path["patient_uuid"], at=AT)
    sent = asked.body
    values: dict[str, Any] = {b: sent[b] for b in BUCKETS}
    values |= {name: sent.get(name) for name in ("insurance_estimate", "payment_plan_due")}
    values["balances_as_of"] = sent.get("as_of") or desk.now
    change = desk.change("patient", before, values)
    change.bookkeeping = True
    return desk.reply("patient", await desk.save("patient", change, "updated"))


async def search(desk: Desk, asked: Asked) -> Reply:
    rows, total = await desk.typeahead(asked.query["q"], asked.query["limit"], nicknames_of)
    return Reply(data={"items": [{f: row[f] for f in TYPED} for row in rows], "total": total})


async def walk(desk: Desk, asked: Asked) -> Reply:
    return Reply(data=await desk.walk("patient", asked))


async def count_by_location(desk: Desk, asked: Asked) -> Reply:
    query = asked.query
    first, last, statuses = query.get("date_from"), query.get("date_to"), sorted(set(query["status_set"]))
    if first is None and last is None:
        rows = await desk.ask("patients.counted_by_location", statuses)
    else:
        rows = await desk.ask("patients.count_by_location", statuses, first, last)
    items = [_location_count(row) for row in rows if row["id"] is not None]
    excluded = sum(row["count"] for row in rows if row["id"] is None)
    return Reply(data=_counts(items, excluded, statuses, first, last))


def _location_count(row: Record) -> dict[str, Any]:
    return {"location": {"id": row["id"], "name": row["name"]}, "count": row["count"]}


def _counts(
    items: list[dict[str, Any]], excluded: int, statuses: list[str], first: date | None, last: date | None
) -> dict[str, Any]:
    return {
        "items": items,
        "total": sum(i["count"] for i in items) + excluded,
        "excluded_count": excluded,
        "group_by": "location",
        "status_set": statuses,
        "date_from": first,
        "date_to": last,
    }
