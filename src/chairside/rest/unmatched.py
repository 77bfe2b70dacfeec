"""Records in the audit trail what known callers ask without reaching an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chairside.engine import audit
from chairside.engine.context import Context
from chairside.errors import Refused
from chairside.rest import errors, handlers, metrics, reading
from chairside.rest.origins import origin_of
from chairside.store.clock import clocks
from chairside.store.pool import AWAY

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from chairside.rest.front import App, Receive, Scope, Seen, Send
    from chairside.rest.handlers import Given, House

BELOW = "/api/"
# Action and kind of such a record. OPTIONS only asks what can be done at a path.
OPTIONS, UNMATCHED, KIND = "options", "unmatched", "path"


def recorded(app: App, house: House) -> App:
    """Returns the application with a record for OPTIONS, for unknown paths and for methods that a path does not have.

    As with operations, the record is durable before the answer leaves, and without it the answer is 503.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        instead: Given | None = None

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal instead
            if message["type"] == "http.response.start":
                if not scope["chairside"].operation:
                    instead = await _record(house, scope, message["status"])
                if instead is not None:
                    message = {**message, "status": instead.status, "headers": instead.headers}
            elif instead is not None:
                message = {**message, "body": instead.body}
            await send(message)

        below = scope["type"] == "http" and scope["path"].startswith(BELOW)
        await app(scope, receive, sending if below else send)

    return handle


async def _record(house: House, scope: Scope, status: int) -> Given | None:
    """Writes the record, if the caller is known; returns what must be answered instead where it cannot be written."""
    token = reading.bearer(scope["headers"])
    if not token:
        return None
    seen: Seen = scope["chairside"]
    try:
        caller = await house.doorkeeper.caller(token)
    except Refused:
        return None
    except AWAY:
        return handlers.unavailable()
    try:
        seen.org_id = caller.org_id
        method = scope["method"] if scope["method"] in metrics.METHODS else "OTHER"
        context = Context(
            caller=caller, request_id=seen.request_id, method=method, route=seen.route, path=scope["path"],
            status=status, now=clocks.now(caller.org_id),
            client_id=await house.work.clients.id_of(caller, origin_of(scope, house.trusted)),
        )  # fmt: skip
        action = OPTIONS if method == "OPTIONS" else UNMATCHED
        outcome = errors.outcome_of(status)
        record = audit.entry(house.work.vault.audit, context, action, KIND, status=status, outcome=outcome)
        await house.work.trail.write(record)
    except (*AWAY, Refused):
        return handlers.unavailable()
    return None
