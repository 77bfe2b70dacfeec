"""The outermost layer: request ids, one log line and one measurement per request, and nothing but HTTP."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog

from chairside.rest import metrics, reading

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
log = structlog.get_logger("chairside.request")
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


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
    seen = Seen(reading.request_id(scope["headers"]) or str(uuid4()))
    scope["chairside"] = seen
    method = scope["method"]
    if method == "HEAD":
        scope["method"] = "GET"  # the same answer; its body is left out below
    started = time.perf_counter()

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
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
        await app(scope, receive, sending)
    finally:
        _report(method, seen, time.perf_counter() - started)


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
