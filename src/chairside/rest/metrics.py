"""Numbers for Prometheus: counts and durations by route, never anything of a patient."""

from __future__ import annotations

import asyncio
import os
from collections import Counter as Counts
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REFUSED = "(refused)"  # in place of a route, which nobody looked for
SETTLE_SECONDS = 0.25

_turned_away: Counts[tuple[int, str, str | None]] = Counts()
_children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request; routes are patterns, so their number is bounded."""
    key = (method, route, status)
    held = _children.get(key)
    if held is None:
        requests, seconds_of = _instruments()
        held = _children[key] = (requests.labels(method, route, str(status)), seconds_of.labels(method, route))
    held[0].inc()
    held[1].observe(seconds)


def refused(status: int, reason: str, method: str | None = None) -> None:
    """Count one request that was turned away for overload; with its method where nothing else will count it.

    Thousands a second may come, so they are added up and written a few times a second.
    """
    if not _turned_away:
        asyncio.get_running_loop().call_later(SETTLE_SECONDS, _settle)
    _turned_away[status, reason, method] += 1


def _settle() -> None:
    for (status, reason, method), number in _turned_away.items():
        _refusals().labels(str(status), reason).inc(number)
        if method is not None:
            _instruments()[0].labels(method, REFUSED, str(status)).inc(number)
    _turned_away.clear()


@cache
def _refusals() -> Counter:
    from prometheus_client import Counter  # noqa: PLC0415 - as below

    return Counter("chairside_refused", "Requests refused because of overload.", ["status", "reason"])


@cache
def _instruments() -> tuple[Counter, Histogram]:
    # The library decides when it is imported whether processes share their numbers, and workers are forked from a
    # process that has imported this module before it knew where they will be kept.
    from prometheus_client import Counter, Histogram  # noqa: PLC0415

    requests = Counter("chairside_requests", "Requests answered.", ["method", "route", "status"])
    return requests, Histogram("chairside_request_seconds", "Time to answer.", ["method", "route"], buckets=BUCKETS)


def exposition() -> bytes:
    """The numbers of all workers together in the text form that Prometheus reads."""
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess  # noqa: PLC0415 - as above

    _settle()
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
        return generate_latest(registry)
    return generate_latest()
