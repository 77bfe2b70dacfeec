"""The figures of a run, and how a person reads them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.usage import Usage
from bench.volley import Score

IMPORT_GOAL, TYPED_GOAL = 3000, 30
WIDTH = 120
_PARTS = ("database", "client", "whole")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds of processor time for one operation."""

    workers: float
    database: float
    client: float

    @classmethod
    def of(cls, used: Usage, client: float, operations: int) -> Cost:
        each = 1e6 / operations
        return cls(workers=used.workers * each, database=used.database * each, client=client * each)

    @property
    def whole(self) -> float:
        return self.workers + self.database + self.client


class Compared(msgspec.Struct, kw_only=True):
    """An operation, a figure for each round: the server's score, pgbench's rate, and that of its first statement."""

    name: str
    goal: float | None
    server: list[Score] = []
    server_cost: list[Cost] = []
    limit: list[float] = []
    limit_cost: list[Cost] = []
    alone: list[float] = []

    def ratios(self, limits: Sequence[float]) -> list[float]:
        """Each round by itself, for its halves met the same weather."""
        return [score.rate / rate for score, rate in zip(self.server, limits, strict=True)]


class Typed(msgspec.Struct, kw_only=True):
    """Typeahead for one form of question."""

    name: str
    score: Score


class Figures(msgspec.Struct, kw_only=True):
    """Everything that a run found; rates of imports are rows per second."""

    machine: Machine
    patients: int
    workers: int
    clients: int
    typists: int
    seconds: int
    compared: list[Compared]
    typed: list[Typed]
    loaded_rate: float
    imported_rate: float
    imported_cost: Cost


def show(figures: Figures) -> None:
    console = Console(width=WIDTH, highlight=False)
    machine, patients = figures.machine, figures.patients
    console.print(
        f"\n{machine.at}  {machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB, load {machine.load}"
        f"\n{machine.system}, Python {machine.python}, {machine.postgres}"
        f"\n{patients:,} patients, {figures.workers} workers; server, database, pgbench and client share the cores\n"
    )
    console.print(_compared(figures.compared, figures.clients))
    console.print(_costs(figures.compared))
    console.print(_typed(figures.typed, figures.typists))
    met = figures.imported_rate >= IMPORT_GOAL
    console.print(
        f"Bulk import  {figures.imported_rate:,.0f} rows/s (goal {IMPORT_GOAL:,}: {_word(met)});"
        f" {figures.loaded_rate:,.0f} rows/s when the {patients:,} were loaded."
        f"\nProcessor time for a row: workers {figures.imported_cost.workers:,.0f},"
        f" database {figures.imported_cost.database:,.0f} microseconds\n"
    )


def _compared(compared: Sequence[Compared], clients: int) -> Table:
    table = _table(
        f"{clients} connections each; median of the rounds (least-most)",
        *("operation", "server /s", "p50 ms", "p99 ms", "pgbench /s", "ratio", "goal"),
    )
    for entry in compared:
        ratios = entry.ratios(entry.limit)
        table.add_row(
            entry.name,
            _spread([score.rate for score in entry.server], ",.0f"),
            f"{statistics.median(score.p50 for score in entry.server):.1f}",
            f"{statistics.median(score.p99 for score in entry.server):.1f}",
            _spread(entry.limit, ",.0f"),
            _spread(ratios, ".2f"),
            f">= {entry.goal:.2f}: {_word(statistics.median(ratios) >= entry.goal)}" if entry.goal else "",
        )
        if entry.alone:
            alone = (_spread(entry.alone, ",.0f"), _spread(entry.ratios(entry.alone), ".2f"))
            table.add_row("  first SELECT alone", "", "", "", *alone, "")
    return table


def _costs(compared: Sequence[Compared]) -> Table:
    """Both use all cores, so the ratio of costs is that of the rates on a machine with nothing else to do."""
    table = _table(
        "Processor time for each, in microseconds; medians",
        *(
            "operation",
            "workers",
            "database",
            "client",
            "sum",
            "pgbench: database",
            "client",
            "sum",
            "pgbench / server",
        ),
    )
    for entry in compared:
        row: list[str] = []
        for costs in (entry.server_cost, entry.limit_cost):
            row += [f"{statistics.median(cost.workers for cost in costs):,.0f}"] if costs is entry.server_cost else []
            row += [f"{statistics.median(getattr(cost, part) for cost in costs):,.0f}" for part in _PARTS]
        ratios = [limit.whole / cost.whole for cost, limit in zip(entry.server_cost, entry.limit_cost, strict=True)]
        table.add_row(entry.name, *row, _spread(ratios, ".2f"))
    return table


def _typed(typed: Sequence[Typed], typists: int) -> Table:
    table = _table(f"Typeahead, {typists} connections", "typed", "answers /s", "p50 ms", "p99 ms", "goal")
    for entry in typed:
        score = entry.score
        met = f"< {TYPED_GOAL} ms {_word(score.p99 < TYPED_GOAL)}"
        table.add_row(entry.name, f"{score.rate:,.0f}", f"{score.p50:.1f}", f"{score.p99:.1f}", met)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, collapse_padding=True)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    return table


def _spread(values: Sequence[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def _word(met: bool) -> str:
    return "met" if met else "missed"
