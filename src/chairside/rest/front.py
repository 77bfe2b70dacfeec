"""The outermost layer: request ids, a place among those worked on, one log line and one measurement per request."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from chairside.errors import refuse
from chairside.rest import admission, metrics, reading
from chairside.rest.admission import Admission
from chairside.rest.ambiguous import REFUSAL, ambiguous
from chairside.rest.outbox import SMALL, Outbox, Peer
from chairside.rest.request_body import RequestBody

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
log = structlog.get_logger("chairside.request")
# Who watches the server is never refused, nor logged each time.
QUIET = frozenset({"/healthz", "/readyz"})
SECONDS_BETWEEN_WARNINGS = 10
UNKNOWN = 401
# How long a place is kept for whoever has not sent the whole body yet.
MOMENT = 0.05


@dataclass(slots=True)
class Seen:
    """What the layers within tell this one about a request; the route's pattern, never its path, for paths hold ids."""

    request_id: str
    route: str = "(none)"
    status: int = 0
    operation: bool = False  # whether an operation was reached, which records the request itself
    org_id: str | None = None  # of the caller, once the token was found good
    shared: bool = False  # whether the body is one that the server keeps in memory for all


def front(app: App, doors: Admission, outbox: Outbox) -> App:
    warn = _Warning()

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "http" and ambiguous(scope["headers"]):
            metrics.meter.refused(REFUSAL.status, REFUSAL.reason, _known(scope["method"]))
            await _refuse(REFUSAL, [], scope, receive, send)
        elif scope["type"] == "http":
            started = time.perf_counter()
            place = None if scope["path"] in QUIET else _Place(doors, scope["headers"])
            if place is not None and not place.enter() and (refusal := await place.wait()):
                warn.count(scope["method"], refusal)
                await _refuse(refusal, doors.shown(place.share), scope, receive, send)
            else:
                await _http(app, place, outbox, started, scope, receive, send)

    return handle


async def _refuse(
    refusal: admission.Refusal, shown: admission.Headers, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send a refusal. A flood needs thousands a second, so nothing is made for one that it can do without."""
    body = RequestBody(scope, receive)
    if body.left:
        await body.drain()
    headers = [*refusal.headers, *shown, *_always(_request_id(scope))]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else refusal.body})


def _length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _request_id(scope: Scope) -> str:
    return reading.request_id(scope["headers"]) or os.urandom(8).hex()


def _always(request_id: str) -> admission.Headers:
    return [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]


async def _http(
    app: App, place: _Place | None, outbox: Outbox, started: float, scope: Scope, receive: Receive, send: Send
) -> None:
    """One request that is worked on; `place` is its own, or None where none is needed."""
    seen = Seen(_request_id(scope))
    scope["chairside"] = seen
    method = scope["method"]
    if method == "HEAD":
        scope["method"] = "GET"  # the same answer; its body is left out below
    body = RequestBody(scope, receive if place is None else partial(place.lent, receive))

    sending = _Sending(seen, place, body, outbox, send, method, scope["client"])
    try:
        await app(scope, body.receive, sending)
    finally:
        if place is not None and place.held:
            place.end(seen)
        _report(method, seen, time.perf_counter() - started)


class _Sending:
    """Sends the answer to one request: adds the headers of every answer, and sends a large body through the outbox."""

    __slots__ = ("_body", "_method", "_outbox", "_peer", "_place", "_refusal", "_seen", "_send")

    def __init__(
        self, seen: Seen, place: _Place | None, body: RequestBody, outbox: Outbox, send: Send, method: str, peer: Peer
    ) -> None:
        self._seen, self._place, self._body, self._outbox = seen, place, body, outbox
        self._send, self._method, self._peer = send, method, peer
        self._refusal: admission.Refusal | None = None

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._method == "HEAD":
            await self._send({**message, "body": b""})
        elif self._refusal is not None:
            await self._send({**message, "body": self._refusal.body})
        elif self._place is not None and len(message["body"]) > SMALL:
            await self._outbox.send(
                self._send, self._place.share, self._peer, message["body"], shared=self._seen.shared
            )
        else:
            await self._send(message)

    async def _start(self, message: MutableMapping[str, Any]) -> None:
        seen, place = self._seen, self._place
        status, headers = message["status"], message["headers"]
        size = _length(headers)
        if place is not None and size > SMALL and self._method != "HEAD":
            must = self._method != "GET"  # what a write has done must be told
            if not await self._outbox.room(place.share, 0 if seen.shared else size, must=must):
                self._refusal = refusal = admission.REFUSALS[admission.SERVER_FULL][admission.OUTBOX_FULL]
                metrics.meter.refused(refusal.status, refusal.reason)
                status, headers = refusal.status, refusal.headers
        seen.status = status
        shown = place.end(seen) if place is not None else ()
        if self._body.left:
            await self._body.drain()
        headers = [*headers, *shown, *_always(seen.request_id)]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


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
                metrics.meter.refused(refusal.status, refusal.reason)
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


class _Warning:
    """Refusals are counted each, and logged a few times: writing a line for each would be work again."""

    def __init__(self) -> None:
        self._refused, self._next = 0, 0.0

    def count(self, method: str, refusal: admission.Refusal) -> None:
        metrics.meter.refused(refusal.status, refusal.reason, _known(method))
        self._refused += 1
        now = time.monotonic()
        if now >= self._next:
            log.warning("overload", refused=self._refused)
            self._refused, self._next = 0, now + SECONDS_BETWEEN_WARNINGS


def _known(method: str) -> str:
    return method if method in metrics.METHODS else "OTHER"


def _report(method: str, seen: Seen, seconds: float) -> None:
    known = _known(method)
    metrics.meter.observe(known, seen.route, seen.status, seconds)
    if seen.route not in QUIET:
        log.info(
            "request",
            request_id=seen.request_id,
            method=known,
            route=seen.route,
            status=seen.status,
            ms=round(seconds * 1000, 2),
        )
