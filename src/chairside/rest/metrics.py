"""Numbers for Prometheus: counts and durations by route, never anything of a patient."""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from chairside.engine import security
from chairside.rest.archive_status import ArchiveStatus

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BOUNDS = (*(str(float(bound)) for bound in BUCKETS), "+Inf")

REFUSED = "(refused)"  # in place of a route, which nobody looked for
DURATIONS = "chairside_request_seconds"
REQUESTS = "chairside_requests", "Requests answered.", ("method", "route", "status")
REFUSALS = "chairside_refused", "Requests refused because of overload.", ("status", "reason")
SECURITY = "chairside_security_events", "Security events written to the feeds of all orgs.", ("type",)


Labels = tuple[str, ...]


class Numbers(msgspec.Struct):
    """The counts of one worker since its start, each under its labels."""

    requests: dict[Labels, int] = {}
    refused: dict[Labels, int] = {}
    buckets: dict[Labels, list[int]] = {}
    seconds: dict[Labels, float] = {}
    security: dict[Labels, int] = {}

    def add(self, other: Numbers) -> None:
        """Add the counts of another worker."""
        counts_of_both = (
            (self.requests, other.requests),
            (self.refused, other.refused),
            (self.security, other.security),
        )
        for mine, theirs in counts_of_both:
            for labels, number in theirs.items():
                mine[labels] = mine.get(labels, 0) + number
        for route, counts in other.buckets.items():
            own = self.buckets.setdefault(route, [0] * len(BOUNDS))
            own[:] = [a + b for a, b in zip(own, counts, strict=True)]
            self.seconds[route] = self.seconds.get(route, 0.0) + other.seconds[route]


class Meter:
    """Counts the requests of one worker, and shares the counts with the other workers through a folder.

    Each worker writes a file of its own there, by ordinary writes. Shared memory that is backed by a file would end the
    worker by SIGBUS once the disk is full; so the numbers only become old.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._archive: Path | None = None
        self._numbers = Numbers()

    def share_in(self, folder: Path, archive: Path | None = None) -> None:
        """Share the numbers with the other workers from now on. The folder is there, and only for this server.

        `archive` is the file of the archiver's status.
        """
        self._folder, self._archive = folder, archive

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; routes are patterns, so their number is bounded."""
        numbers, where = self._numbers, (method, route)
        self._count(method, route, str(status))
        buckets = numbers.buckets.get(where)
        if buckets is None:
            buckets = numbers.buckets[where] = [0] * len(BOUNDS)
            numbers.seconds[where] = 0.0
        buckets[bisect_left(BUCKETS, seconds)] += 1
        numbers.seconds[where] += seconds

    def refused(self, status: int, reason: str, method: str | None = None) -> None:
        """Count one request that was turned away; with its method where nothing else will count it."""
        labels = (str(status), reason)
        self._numbers.refused[labels] = self._numbers.refused.get(labels, 0) + 1
        if method is not None:
            self._count(method, REFUSED, str(status))

    def _count(self, *labels: str) -> None:
        requests = self._numbers.requests
        requests[labels] = requests.get(labels, 0) + 1

    def share(self) -> None:
        """Write this worker's numbers for the others; meant to be called every second. A full disk is no fault."""
        self._numbers.security = {(event,): number for event, number in security.reported.items()}
        if self._folder is None:
            return
        file = self._folder / str(os.getpid())
        fresh = file.with_name(file.name + ".new")
        with contextlib.suppress(OSError):
            fresh.write_bytes(msgspec.msgpack.encode(self._numbers))
            fresh.replace(file)

    def exposition(self) -> bytes:
        """The numbers of all workers together, in the text form that Prometheus reads."""
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - only here, and 3 MB

        total = Numbers()
        for numbers in (self._numbers, *self._others()):
            total.add(numbers)
        registry = CollectorRegistry()
        registry.register(_Collected(total))
        registry.register(ArchiveStatus(self._archive))
        return generate_latest(registry)

    def _others(self) -> Iterator[Numbers]:
        """The numbers that other workers, also ended ones, have written last."""
        own = str(os.getpid())
        for file in self._folder.iterdir() if self._folder else ():
            if file.name.isdecimal() and file.name != own:
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    yield msgspec.msgpack.decode(file.read_bytes(), type=Numbers)


class _Collected:
    """Hands the numbers to the library as it asks for them."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily  # noqa: PLC0415 - as above

        numbers = self._numbers
        counted = ((REQUESTS, numbers.requests), (REFUSALS, numbers.refused), (SECURITY, numbers.security))
        for (name, doc, labels), counts in counted:
            counter = CounterMetricFamily(name, doc, labels=labels)
            for values, number in counts.items():
                counter.add_metric(values, number)
            yield counter
        histogram = HistogramMetricFamily(DURATIONS, "Time to answer.", labels=("method", "route"))
        for where, counts_ in numbers.buckets.items():
            histogram.add_metric(where, list(_cumulative(counts_)), numbers.seconds[where])
        yield histogram


# The numbers of this process.
meter = Meter()


def _cumulative(counts: Iterable[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, number in zip(BOUNDS, counts, strict=True):
        total += number
        yield bound, total
