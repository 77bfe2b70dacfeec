"""The raw figures of a long run, as they are kept in JSON."""

from __future__ import annotations

import msgspec

from bench.machine import Machine
from bench.volley import Score


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One operation at one number of connections: the server's score, and pgbench's runs per second beside it."""

    connections: int
    server: Score
    limit: float
    limit_connections: int

    @property
    def ratio(self) -> float:
        return self.server.rate / self.limit


class Row(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    group: str
    goal: float | None
    cells: list[Cell]


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """A read in orgs of several sizes, at the same number of connections; `size` names the data directory."""

    name: str
    group: str
    sizes: dict[str, Score]


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Answers per second with and without something, in turns."""

    what: str
    name: str
    with_it: list[float]
    without: list[float]


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Of each worker, in MiB: proportional and resident, so many seconds after the first look."""

    seconds: float
    pss: list[float]
    rss: list[float]


class Figures(msgspec.Struct, kw_only=True):
    """`seconds` is the length of each measurement, `starts` those till a server was ready, by size."""

    machine: Machine
    command: str
    took: float = 0.0
    workers: int
    seconds: int
    patients: int
    growth_connections: int
    cost_connections: int
    made: dict[str, dict[str, float]] = {}
    rows: list[Row] = []
    grown: list[Grown] = []
    prices: list[Price] = []
    memory: list[Memory] = []
    starts: dict[str, list[float]] = {}
    imported_rows: int = 0
    imported_rate: float = 0.0
