"""The page that tells what a long run found: goals first, then raw tables and the plots."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.long import plots
from bench.long.figures import Cell, Figures, Grown, Price
from bench.orgs.plans import MIXED

TYPED_P99, GROWN, DEEP, AUDIT, SECURITY = 25.0, 1.5, 1.2, 0.15, 0.10
IMPORT, WORKER_MIB, START = 8000, 140, 2.0
JUDGED = 32
Lines = Iterator[str]


def write(figures: Figures, page: Path) -> None:
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    drawn = plots.draw(figures, folder)
    page.write_text("\n".join(_page(figures, [f"{folder.name}/{name}" for name in drawn])) + "\n")


def _page(figures: Figures, drawn: Sequence[str]) -> Lines:
    machine = figures.machine
    yield "# Performance"
    yield ""
    yield "Written by the command below; nothing here is edited by hand. Only ratios are goals: server, database,"
    yield "pgbench and client share the processors, so absolute figures tell of this machine alone."
    yield ""
    yield "```sh"
    yield figures.command
    yield "```"
    yield ""
    yield f"- {machine.at}, {figures.took / 60:.0f} minutes beside making the orgs"
    yield f"- {machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB; load {machine.load} before the run"
    yield f"- {machine.system}, Python {machine.python}, {machine.postgres}"
    yield f"- {figures.workers} workers; authentication, row-level security, audit and events on"
    yield ""
    yield from _goals(figures)
    yield from _compared(figures)
    yield from _grown(figures)
    yield from _prices(figures.prices, figures.cost_connections)
    yield from _others(figures)
    yield "## How it is measured"
    yield ""
    yield _HOW.strip()
    yield ""
    if drawn:
        yield "## Curves"
        yield ""
        for name in drawn:
            yield f"![{Path(name).stem.replace('-', ' ')}]({name})"
            yield ""


_HOW = """
- The orgs are generated (`bench/orgs`): some hundred patients by the product, the others put through its rules and
  copied.
- pgbench runs the statements that the engine says for the same requests, prepared, each with the parameters of up to
  48 requests in turn, as the server's role, in the same database with the same settings. A read's audit record is not
  among them: the server writes it over a connection of its own, for many reads at once.
- Where there are more connections than PostgreSQL lets in beside the server's, pgbench has as many as it lets in.
- Growth is measured warm, on kept data directories, at one number of connections: each read of all sizes in turns,
  three times, of which the one with the middle p50 counts; typeahead, whose p99 is a goal, four times as long. With a
  thousand orgs each request is of another org.
- What the trail costs is measured on a server of the bench's own in which the waiting for the record is replaced
  (`bench/unaudited`); the product has no such switch. The cost of naming patients in audit records is measured alike
  (`bench/unnamed`). What row-level security costs is measured by taking it off and
  putting it on again in the bench's copy of the database. Both in turns.
- A worker's memory is its proportional set size: what it shares with the other worker counts half. It is first read
  three seconds after the import, for a worker takes one to give back what an import has used.
- What profiles showed and what each change gave stands in `docs/profiles.md`.
"""


def _goals(figures: Figures) -> Lines:
    yield "## Goals"
    yield ""
    yield from _table(("goal", "found", ""), _judged(figures))


def _judged(figures: Figures) -> Iterator[Sequence[str]]:
    for row in figures.rows:
        cell = next((c for c in row.cells if c.connections == JUDGED), row.cells[-1])
        if row.goal is not None:
            found = f"{cell.ratio:.2f} at {cell.connections} connections"
            yield f"{row.name} >= {row.goal:.2f} of pgbench", found, _word(cell.ratio >= row.goal)
    for price, most in ((p, AUDIT if "audit" in p.what else SECURITY) for p in figures.prices):
        cost = _cost(price)
        yield f"{price.what} costs <= {most:.0%} ({price.name})", f"{cost:.0%}", _word(cost <= most)
    slow = {g.name: ratio for g in figures.grown if (ratio := _growth(g)) is not None}
    if slow:
        name, worst = max(slow.items(), key=lambda item: item[1])
        late = sum(ratio > GROWN for ratio in slow.values())
        found = f"worst {worst:.2f} ({name}); {len(slow) - late} of {len(slow)} reads"
        yield f"p50 at 1,000,000 patients <= {GROWN} times that at 10,000", found, _word(not late)
    yield from _judged_pages(figures)
    typed = [g for g in figures.grown if g.group == "typeahead" and "1000000" in g.sizes]
    if typed:
        worst = max(g.sizes["1000000"].p99 for g in typed)
        yield f"typeahead p99 at 1,000,000 <= {TYPED_P99:.0f} ms", f"{worst:.1f} ms", _word(worst <= TYPED_P99)
    if figures.imported_rate:
        rate = figures.imported_rate
        yield f"bulk import >= {IMPORT:,} rows/s", f"{rate:,.0f} rows/s", _word(rate >= IMPORT)
    if figures.memory:
        most = max(size for seen in figures.memory for size in seen.pss)
        yield f"worker's memory <= {WORKER_MIB} MiB", f"at most {most:.0f} MiB", _word(most <= WORKER_MIB)
    if figures.starts:
        slowest = max(statistics.median(times) for times in figures.starts.values())
        yield f"start <= {START:.0f} s", f"at most {slowest:.1f} s", _word(slowest <= START)


def _judged_pages(figures: Figures) -> Iterator[Sequence[str]]:
    pages = {g.name: g.sizes for g in figures.grown if g.group == "pages" and "1000000" in g.sizes}
    if len(pages) == 2:
        ratio = pages["deep cursor page"]["1000000"].p50 / pages["first cursor page"]["1000000"].p50
        yield f"cursor page 10,000 pages deep <= {DEEP} times the first", f"{ratio:.2f}", _word(ratio <= DEEP)


def _growth(grown: Grown) -> float | None:
    small, large = grown.sizes.get("10000"), grown.sizes.get("1000000")
    return large.p50 / small.p50 if small and large else None


def _cost(price: Price) -> float:
    """The median of the turns, each of whose halves met the same weather."""
    return 1 - statistics.median(on / off for on, off in zip(price.with_it, price.without, strict=True))


def _compared(figures: Figures) -> Lines:
    if not figures.rows:
        return
    yield f"## Beside pgbench, {figures.patients:,} patients"
    yield ""
    heads = ("operation", "connections", "server /s", "p50 ms", "p99 ms", "not now", "pgbench /s", "ratio")
    yield from _table(heads, (_cell(row.name, cell) for row in figures.rows for cell in row.cells))


def _cell(name: str, cell: Cell) -> Sequence[str]:
    score = cell.server
    beside = "" if cell.limit_connections == cell.connections else f" ({cell.limit_connections} connections)"
    return (
        name, str(cell.connections), f"{score.rate:,.0f}", f"{score.p50:.1f}", f"{score.p99:.1f}", f"{score.refused:,}",
        f"{cell.limit:,.0f}{beside}", f"{cell.ratio:.2f}",
    )  # fmt: skip


def _grown(figures: Figures) -> Lines:
    if not figures.grown:
        return
    sizes = list(dict.fromkeys(size for grown in figures.grown for size in grown.sizes))
    yield f"## Growth, {figures.growth_connections} connections: p50 / p99 in milliseconds"
    yield ""
    heads = ("read", *(size_name(size) for size in sizes), "1,000,000 : 10,000")
    rows = []
    for grown in figures.grown:
        scores = (grown.sizes.get(size) for size in sizes)
        ratio = _growth(grown)
        shown = [f"{score.p50:.1f} / {score.p99:.1f}" if score else "" for score in scores]
        rows.append((grown.name, *shown, f"{ratio:.2f}" if ratio is not None else ""))
    yield from _table(heads, rows)


def size_name(size: str) -> str:
    return "1,000 orgs" if size == MIXED else f"{int(size):,}"


def _prices(prices: Sequence[Price], connections: int) -> Lines:
    if not prices:
        return
    yield f"## What safety costs, {connections} connections: answers per second"
    yield ""
    rows = [
        (p.what, p.name, " ".join(f"{r:,.0f}" for r in p.with_it), " ".join(f"{r:,.0f}" for r in p.without),
         f"{_cost(p):.1%}")
        for p in prices
    ]  # fmt: skip
    yield from _table(("what", "operation", "with", "without", "cost"), rows)


def _others(figures: Figures) -> Lines:
    if figures.imported_rate:
        yield f"Bulk import: {figures.imported_rows:,} rows at {figures.imported_rate:,.0f} rows/s."
        yield ""
    if figures.memory:
        yield "## Memory of the workers after the run, and then under reads"
        yield ""
        rows = [
            (f"{m.seconds / 60:.1f}", " ".join(f"{p:.0f}" for p in m.pss), " ".join(f"{r:.0f}" for r in m.rss))
            for m in figures.memory
        ]
        yield from _table(("minute", "proportional, MiB", "resident, MiB"), rows)
    if figures.starts:
        yield "## Start on an existing data directory"
        yield ""
        yield from _table(
            ("patients", "seconds until ready"),
            ((size_name(size), " ".join(f"{t:.2f}" for t in times)) for size, times in figures.starts.items()),
        )
    if figures.made:
        yield "## Making the orgs, when they were made: seconds"
        yield ""
        steps = list(next(iter(figures.made.values())))
        yield from _table(
            ("patients", *steps),
            ((size_name(n), *(f"{took.get(s, 0):.0f}" for s in steps)) for n, took in figures.made.items()),
        )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Lines:
    yield "| " + " | ".join(heads) + " |"
    yield "| --- |" + " ---: |" * (len(heads) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _word(met: bool) -> str:
    return "met" if met else "missed"
