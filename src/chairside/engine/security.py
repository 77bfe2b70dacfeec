"""Security events: what the feed, the audit trail and the metrics tell of a user who does something unusual."""

from __future__ import annotations

from collections import Counter

from chairside.engine import audit
from chairside.engine.audit_keys import AuditKeys
from chairside.engine.context import Context
from chairside.engine.shown import Shown
from chairside.store.clock import clocks
from chairside.store.lending import Connection
from chairside.store.sql import queries

KIND = "security"
GUESSING, UNUSUAL_VOLUME = "security.guessing", "security.unusual_volume"
TYPES = (GUESSING, UNUSUAL_VOLUME)
# Events of this worker since its start, for the metrics.
reported: Counter[str] = Counter()


async def report(  # noqa: PLR0913 - all that an event and its record are made of
    connection: Connection,
    context: Context,
    keys: AuditKeys,
    trail: audit.Trail,
    event: str,
    shown: Shown,
    *,
    status: int,
    outcome: str = "allowed",
) -> None:
    """Writes the event and an audit record of its own, whose action is named as the event is, in this transaction.

    The event names the user and holds no patient data; the record holds `shown`.
    """
    org_id, user_id = context.caller.org_id, context.caller.user_id
    record = audit.entry(keys, context, ACTIONS[event], KIND, status=status, outcome=outcome, shown=shown)
    told = (clocks.new_id(org_id), event, context.now, KIND, user_id, None, 0, "", "")
    await trail.name(record)
    actor = (user_id, context.caller.name, context.caller.role)
    await connection.execute(queries()["events.record"], *record.row, *actor, *([part] for part in told), *[None] * 3)
    reported[event] += 1


ACTIONS = {GUESSING: "guess", UNUSUAL_VOLUME: "unusual_volume"}
