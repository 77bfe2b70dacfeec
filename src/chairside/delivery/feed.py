"""The feed of an org's events: numbered without gaps when they are read, because only then does the order count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chairside.changes import Asked, Record, Reply
from chairside.engine import security
from chairside.engine.desk import Desk
from chairside.engine.operations import Operation
from chairside.errors import refuse
from chairside.fields import Entry
from chairside.resource import Kind
from chairside.types import Boolean, Integer, Many, Names

MOST_NUMBERED = 5000


def event_types(kinds: Iterable[Kind]) -> tuple[str, ...]:
    """Every type of event that can be in a feed."""
    of_records = (f"{kind.name}.{event}" for kind in kinds for event in kind.events)
    return tuple(sorted((*of_records, *security.TYPES)))


async def read_feed(desk: Desk, asked: Asked) -> Reply:
    """Events after a number. Numbers are given out under the lock of the org's head, to committed events alone, so
    none can appear later before one that was seen.

    Callers see the stored numbers and versions on top of what the org's epoch adds, so each epoch is without gaps, and
    nothing that was stored has to be numbered anew.
    """
    after, limit = asked.query["after"], asked.query["limit"]
    # Known before the events are read: one that gets its number meanwhile must not be passed over.
    base, last, waiting = await _number(desk)
    if asked.query["latest"]:
        return Reply(data={"items": [], "next_after": base + last, "has_more": waiting})
    if after and not base <= after <= base + last:
        raise refuse("feed_reset", "query", "after")
    types = sorted({name for names in asked.query.get("types") or () for name in names}) or None
    rows = await desk.ask("events.feed", max(0, after - base), limit + 1, types)
    await _refuse_truncated(desk, after, base, rows)
    items = [_shown(row, base, desk.version_base) for row in rows[:limit]]
    head = items[-1]["sequence"] if items else base + last
    return Reply(data={"items": items, "next_after": head, "has_more": len(rows) > limit or waiting})


async def _refuse_truncated(desk: Desk, after: int, base: int, rows: list[Record]) -> None:
    """Refuses when events after this number are no longer kept. Retention runs beside readers, so what counts is how
    far events were dropped when these rows were read, or later."""
    [head] = rows[:1] or await desk.ask("events.pending")
    if head["dropped"] > max(0, after - base):
        raise refuse("feed_truncated", "query", "after", kept_after=base + head["dropped"])


async def _number(desk: Desk) -> tuple[int, int, bool]:
    """The epoch's base, the last stored number, and whether events may still wait: a call numbers a bounded number."""
    [known] = await desk.ask("events.pending")
    if not known["pending"]:
        return int(known["base"]), int(known["last"]), False
    # Two statements: what waited for the lock must not number by a snapshot from before it had it.
    [head] = await desk.ask("events.hold_feed")
    numbered = await desk.fetch_status("events.number", head["last"], MOST_NUMBERED)
    await desk.fetch_status("events.move_head", numbered)
    return int(known["base"]), int(head["last"]) + numbered, numbered == MOST_NUMBERED


def _shown(row: Record, base: int, version_base: int) -> dict[str, Any]:
    row["sequence"] += base
    row["version"] += version_base
    actor = {"id": row.pop("actor_id"), "name": row.pop("actor_name"), "role": row.pop("actor_role")}
    changed, notes = row.pop("changed"), row.pop("notes")
    del row["dropped"]
    return {**row, "actor": actor, "changed": _words(changed), "notes": _words(notes)}


def _words(text: str) -> list[str]:
    return text.split(",") if text else []


def feed_of(kinds: Iterable[Kind]) -> Operation:
    """The operation that reads the feed of changes of these kinds."""
    known = event_types(kinds)
    return Operation(
        name="list_events",
        method="GET",
        path="events",
        subject="event",
        area="events",
        allow="read",
        action="list",
        summary="Read the feed of changes",
        doc=(
            "Every change of the org's records, in one order without gaps: ask again with after=next_after. Names of"
            " changed fields, never their values. Events are kept for 400 days, or as long as the org's policy says; an"
            " `after` from before is answered with 410 `feed_truncated`, and `kept_after` is where the feed begins."
            " After a restore of the server the numbers go on far above, and an `after` from before is answered with"
            " 410 `feed_reset`: read everything again from 0."
        ),
        answer="EventFeedOut",
        run=read_feed,
        errors=("feed_reset", "feed_truncated"),
        query=(
            Entry(key="after", type=Integer(max=2**53), doc="The last sequence already seen.", default=0),
            Entry(
                key="types",
                type=Many(Names(known), min=1, max=50),
                doc=f"Only events of these types, or of types like patient.*; one of: {', '.join(known)}.",
                filters=True,
            ),
            Entry(key="limit", type=Integer(min=1, max=1000), doc="At most this many.", default=100),
            Entry(
                key="latest",
                type=Boolean(),
                doc="No events, only the newest sequence as next_after: where to begin to follow.",
                default=False,
            ),
        ),
        writes=True,
    )
