"""Numbers for Prometheus: counts and durations by route, never anything of a patient."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_REQUESTS = Counter("chairside_requests", "Requests answered.", ["method", "route", "status"])
_SECONDS = Histogram("chairside_request_seconds", "Time to answer.", ["method", "route"], buckets=BUCKETS)
_children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request; routes are patterns, so their number is bounded."""
    key = (method, route, status)
    held = _children.get(key)
    if held is None:
        held = _children[key] = (_REQUESTS.labels(method, route, str(status)), _SECONDS.labels(method, route))
    held[0].inc()
    held[1].observe(seconds)


def exposition() -> bytes:
    """The numbers of all workers together in the text form that Prometheus reads."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
        return generate_latest(registry)
    return generate_latest()
