"""The outermost layer: request ids, one log line and one measurement per request, and nothing but HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

from chairside.rest import metrics, reading

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
log = structlog.get_logger("chairside.request")
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
# How much of a body that nobody wants is still read, and for how long.
MOST_DRAINED, DRAIN_SECONDS = 32 << 20, 5


@dataclass(slots=True)
class Seen:
    """What the layers within tell this one about a request; the route's pattern, never its path, for paths hold ids."""

    request_id: str
    route: str = "(none)"
    status: int = 0


def front(app: App) -> App:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await _http(app, scope, receive, send)

    return handle


async def _http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    seen = Seen(reading.request_id(scope["headers"]) or os.urandom(16).hex())
    scope["chairside"] = seen
    method = scope["method"]
    if method == "HEAD":
        scope["method"] = "GET"  # the same answer; its body is left out below
    started = time.perf_counter()
    body = _Body(scope, receive)

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            if body.left:
                await body.drain()
            seen.status = message["status"]
            message["headers"] = [
                *message["headers"],
                (b"x-request-id", seen.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        elif method == "HEAD":
            message["body"] = b""
        await send(message)

    try:
        await app(scope, body.receive, sending)
    finally:
        _report(method, seen, time.perf_counter() - started)


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
    if seen.route not in QUIET:
        log.info(
            "request",
            request_id=seen.request_id,
            method=known,
            route=seen.route,
            status=seen.status,
            ms=round(seconds * 1000, 2),
        )
