"""The outermost layer: request ids, a place among those worked on, one log line and one measurement per request."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from chairside.errors import refuse
from chairside.rest import admission, metrics, reading
from chairside.rest.admission import Admission

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
log = structlog.get_logger("chairside.request")
# Who watches the server is never refused, nor logged each time.
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
REFUSED = "(refused)"
SECONDS_BETWEEN_WARNINGS = 10
UNKNOWN = 401
# How long a place is kept for whoever has not sent the whole body yet.
MOMENT = 0.05
# How much of a body that nobody wants is still read, and for how long.
MOST_DRAINED, DRAIN_SECONDS = 32 << 20, 5


@dataclass(slots=True)
class Seen:
    """What the layers within tell this one about a request; the route's pattern, never its path, for paths hold ids."""

    request_id: str
    route: str = "(none)"
    status: int = 0
    org_id: str | None = None  # of the caller, once the token was found good


def front(app: App, doors: Admission) -> App:
    warn = _Warning()

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await _http(app, doors, warn, scope, receive, send)

    return handle


async def _http(app: App, doors: Admission, warn: _Warning, scope: Scope, receive: Receive, send: Send) -> None:
    seen = Seen(reading.request_id(scope["headers"]) or os.urandom(16).hex())
    scope["chairside"] = seen
    method = scope["method"]
    if method == "HEAD":
        scope["method"] = "GET"  # the same answer; its body is left out below
    started = time.perf_counter()
    place = _Place(doors, warn, seen, scope["headers"]) if scope["path"] not in QUIET else None
    body = _Body(scope, receive if place is None else partial(place.lent, receive))

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            shown = place.end() if place is not None else ()
            if body.left:
                await body.drain()
            message["headers"] = [
                *message["headers"],
                *shown,
                (b"x-request-id", seen.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        elif method == "HEAD":
            message["body"] = b""
        await send(message)

    try:
        refusal = await place.begin() if place is not None else None
        if refusal is None:
            await app(scope, body.receive, sending)
        else:
            seen.route = REFUSED
            await _refuse(refusal, sending)
    finally:
        if place is not None and place.held:
            place.end()
        _report(method, seen, time.perf_counter() - started)


async def _refuse(refusal: admission.Refusal, send: Send) -> None:
    await send({"type": "http.response.start", "status": refusal.status, "headers": refusal.headers})
    await send({"type": "http.response.body", "body": refusal.body})


class _Place:
    """A request's place among those that are worked on."""

    __slots__ = ("_doors", "_key", "_lent", "_seen", "_share", "_warn", "held")

    def __init__(self, doors: Admission, warn: _Warning, seen: Seen, headers: list[tuple[bytes, bytes]]) -> None:
        self._doors, self._warn, self._seen = doors, warn, seen
        self._key = admission.key_of(headers)
        self._share = doors.share_of(self._key)
        self.held = self._lent = False

    async def begin(self) -> admission.Refusal | None:
        """Take a place, perhaps after a wait in line; or the answer that there is none."""
        refusal = None if self._doors.enter(self._share) else await self._doors.wait(self._share)
        self.held = refusal is None
        if refusal is not None:
            self._warn.count(refusal)
        return refusal

    async def lent(self, receive: Receive) -> MutableMapping[str, Any]:
        """Wait for more of the body. Who sends it slowly works on nothing, so others have the place meanwhile."""
        if not self.held:
            return await receive()
        timer = asyncio.get_running_loop().call_later(MOMENT, self._lend)
        try:
            message = await receive()
        finally:
            timer.cancel()
        if self._lent:
            self._lent = False
            refusal = await self.begin()
            if refusal is not None:
                raise refuse(refusal.code)
        return message

    def _lend(self) -> None:
        self.held, self._lent = False, True
        self._doors.leave(self._share)

    def end(self) -> admission.Headers:
        """Give the place back, as soon as the answer is known: its way to a slow reader is no work.

        Returns the headers that tell of the org's share, for a caller who is known.
        """
        seen, doors, share = self._seen, self._doors, self._share
        if not self.held:
            return doors.shown(share)
        self.held = False
        doors.leave(share)
        if seen.org_id is None and seen.status == UNKNOWN:
            doors.forget(self._key)
        elif seen.org_id is not None:
            share = doors.learn(self._key, seen.org_id)
        return doors.shown(share)


class _Warning:
    """Refusals are counted each, and logged a few times: writing a line for each would be work again."""

    def __init__(self) -> None:
        self._refused, self._next = 0, 0.0

    def count(self, refusal: admission.Refusal) -> None:
        metrics.refused(refusal.status, refusal.reason)
        self._refused += 1
        now = time.monotonic()
        if now >= self._next:
            log.warning("overload", refused=self._refused)
            self._refused, self._next = 0, now + SECONDS_BETWEEN_WARNINGS


class _Body:
    """The body of a request, and whether some of it is still to come."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self.left = any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self.left = message["type"] == "http.request" and bool(message.get("more_body"))
        return message

    async def drain(self) -> None:
        """Read to the end: a connection closed with bytes unread is reset, and the answer lost with it."""
        read = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self.left and read < MOST_DRAINED:
                    read += len((await self.receive()).get("body", b""))


def _report(method: str, seen: Seen, seconds: float) -> None:
    known = method if method in metrics.METHODS else "OTHER"
    metrics.observe(known, seen.route, seen.status, seconds)
    if seen.route not in QUIET and seen.route != REFUSED:
        log.info(
            "request",
            request_id=seen.request_id,
            method=known,
            route=seen.route,
            status=seen.status,
            ms=round(seconds * 1000, 2),
        )
