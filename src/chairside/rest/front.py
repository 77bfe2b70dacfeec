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
            started = time.perf_counter()
            place = None if scope["path"] in QUIET else _Place(doors, scope["headers"])
            if place is not None and not place.enter() and (refusal := await place.wait()):
                warn.count(scope["method"], refusal)
                await _refuse(refusal, doors.shown(place.share), scope, receive, send)
            else:
                await _http(app, place, started, scope, receive, send)

    return handle


async def _refuse(
    refusal: admission.Refusal, shown: admission.Headers, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send a refusal. A flood needs thousands a second, so nothing is made for one that it can do without."""
    body = _Body(scope, receive)
    if body.left:
        await body.drain()
    headers = [*refusal.headers, *shown, *_always(_request_id(scope))]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else refusal.body})


def _request_id(scope: Scope) -> str:
    return reading.request_id(scope["headers"]) or os.urandom(16).hex()


def _always(request_id: str) -> admission.Headers:
    return [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]


async def _http(app: App, place: _Place | None, started: float, scope: Scope, receive: Receive, send: Send) -> None:
    """One request that is worked on; `place` is its own, or None where none is needed."""
    seen = Seen(_request_id(scope))
    scope["chairside"] = seen
    method = scope["method"]
    if method == "HEAD":
        scope["method"] = "GET"  # the same answer; its body is left out below
    body = _Body(scope, receive if place is None else partial(place.lent, receive))

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            shown = place.end(seen) if place is not None else ()
            if body.left:
                await body.drain()
            message["headers"] = [*message["headers"], *shown, *_always(seen.request_id)]
        elif method == "HEAD":
            message["body"] = b""
        await send(message)

    try:
        await app(scope, body.receive, sending)
    finally:
        if place is not None and place.held:
            place.end(seen)
        _report(method, seen, time.perf_counter() - started)


class _Place:
    """A request's place among those that are worked on."""

    __slots__ = ("_doors", "_key", "_lent", "held", "share")

    def __init__(self, doors: Admission, headers: list[tuple[bytes, bytes]]) -> None:
        self._doors = doors
        self._key = admission.key_of(headers)
        self.share = doors.share_of(self._key)
        self.held = self._lent = False

    def enter(self) -> bool:
        """Take a place if there is one now."""
        self.held = self._doors.enter(self.share)
        return self.held

    async def wait(self) -> admission.Refusal | None:
        """Take a place after a wait in line; or the answer that there is none."""
        refusal = await self._doors.wait(self.share)
        self.held = refusal is None
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
            if not self.enter() and (refusal := await self.wait()):
                metrics.refused(refusal.status, refusal.reason)
                raise refuse(refusal.code)
        return message

    def _lend(self) -> None:
        self.held, self._lent = False, True
        self._doors.leave(self.share)

    def end(self, seen: Seen) -> admission.Headers:
        """Give the place back, as soon as the answer is known: its way to a slow reader is no work.

        Returns the headers that tell of the org's share, for a caller who is known.
        """
        doors, share = self._doors, self.share
        if not self.held:
            return doors.shown(share)
        self.held = False
        doors.leave(share)
        if seen.org_id is None and seen.status == UNKNOWN:
            doors.forget(self._key)
        elif seen.org_id is not None:
            share = doors.learn(self._key, seen.org_id)
        return doors.shown(share)


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


class _Warning:
    """Refusals are counted each, and logged a few times: writing a line for each would be work again."""

    def __init__(self) -> None:
        self._refused, self._next = 0, 0.0

    def count(self, method: str, refusal: admission.Refusal) -> None:
        metrics.refused(refusal.status, refusal.reason, _known(method))
        self._refused += 1
        now = time.monotonic()
        if now >= self._next:
            log.warning("overload", refused=self._refused)
            self._refused, self._next = 0, now + SECONDS_BETWEEN_WARNINGS


def _known(method: str) -> str:
    return method if method in metrics.METHODS else "OTHER"


def _report(method: str, seen: Seen, seconds: float) -> None:
    known = _known(method)
    metrics.observe(known, seen.route, seen.status, seconds)
    if seen.route not in QUIET:
        log.info(
            "request",
            request_id=seen.request_id,
            method=known,
            route=seen.route,
            status=seen.status,
            ms=round(seconds * 1000, 2),
        )
