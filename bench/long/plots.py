"""The curves of a long run as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from bench.long.figures import Figures, Grown, Row

mpl.use("Agg")
mpl.rcParams.update({"svg.hashsalt": "chairside", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
from matplotlib import pyplot as plt  # noqa: E402 - the backend is chosen first
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter  # noqa: E402

ACROSS, WIDE, HIGH = 2, 5.2, 3.4
MIXED = "mixed"


def draw(figures: Figures, folder: Path) -> list[str]:
    """Their file names."""
    drawn = []
    if figures.rows:
        drawn += [_ratios(figures.rows, folder), _latencies(figures.rows, folder)]
    if figures.grown:
        drawn.append(_growth(figures.grown, folder))
    if figures.memory:
        drawn.append(_memory(figures, folder))
    return drawn


def _panels(titles: Sequence[str]) -> list:  # type: ignore[type-arg]  # matplotlib's axes are not typed
    down = -(-len(titles) // ACROSS)
    _, axes = plt.subplots(down, ACROSS, figsize=(WIDE * ACROSS, HIGH * down), squeeze=False)
    flat = list(axes.flat)
    for axis, title in zip(flat, titles, strict=False):
        axis.set_title(title, fontsize=10)
    for axis in flat[len(titles) :]:
        axis.set_visible(False)
    return flat


def _saved(folder: Path, name: str) -> str:
    plt.tight_layout()
    plt.savefig(folder / name, metadata={"Date": None})
    plt.close()
    return name


def _groups(entries: Sequence[Row] | Sequence[Grown]) -> list[str]:
    return list(dict.fromkeys(entry.group for entry in entries))


def _ratios(rows: Sequence[Row], folder: Path) -> str:
    groups = _groups(rows)
    for axis, group in zip(_panels([f"Server / pgbench: {g}" for g in groups]), groups, strict=False):
        for row in (r for r in rows if r.group == group):
            axis.plot([c.connections for c in row.cells], [c.ratio for c in row.cells], marker="o", label=row.name)
        _by_connections(axis, rows)
        axis.set_ylabel("ratio of throughput")
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=7)
    return _saved(folder, "ratios-by-connections.svg")


def _latencies(rows: Sequence[Row], folder: Path) -> str:
    groups = _groups(rows)
    for axis, group in zip(_panels([f"p50 and p99 (dashed): {g}" for g in groups]), groups, strict=False):
        for row in (r for r in rows if r.group == group):
            at = [c.connections for c in row.cells]
            (line,) = axis.plot(at, [c.server.p50 for c in row.cells], marker="o", label=row.name)
            axis.plot(at, [c.server.p99 for c in row.cells], linestyle="--", color=line.get_color())
        _by_connections(axis, rows)
        _in_milliseconds(axis)
        axis.legend(fontsize=7)
    return _saved(folder, "latency-by-connections.svg")


def _by_connections(axis, rows: Sequence[Row]) -> None:  # type: ignore[no-untyped-def]  # matplotlib's axes
    at = [cell.connections for cell in rows[0].cells]
    axis.set_xscale("log", base=2)
    axis.set_xticks(at, [str(n) for n in at])
    axis.set_xlabel("connections")


def _in_milliseconds(axis) -> None:  # type: ignore[no-untyped-def]  # matplotlib's axes
    """Over ten times at least, or what is as good as level would look steep; labelled in plain numbers."""
    axis.set_ylabel("milliseconds")
    axis.set_yscale("log")
    least, most = axis.get_ylim()
    spread = max(1.0, (10 / (most / least)) ** 0.5)
    axis.set_ylim(least / spread, most * spread)
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _growth(grown: Sequence[Grown], folder: Path) -> str:
    groups = _groups(grown)
    for axis, group in zip(_panels([f"p50 by size of the org: {g}" for g in groups]), groups, strict=False):
        sizes: list[int] = []
        for entry in (g for g in grown if g.group == group):
            sizes = [int(size) for size in entry.sizes if size != MIXED]
            axis.plot(sizes, [entry.sizes[str(n)].p50 for n in sizes], marker="o", label=entry.name)
        axis.set_xscale("log")
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axis.set_xlabel("patients")
        _in_milliseconds(axis)
        axis.legend(fontsize=7)
    return _saved(folder, "growth.svg")


def _memory(figures: Figures, folder: Path) -> str:
    _, axis = plt.subplots(figsize=(WIDE * 1.4, HIGH))
    minutes = [seen.seconds / 60 for seen in figures.memory]
    for worker in range(min(len(seen.pss) for seen in figures.memory)):
        (line,) = axis.plot(minutes, [seen.pss[worker] for seen in figures.memory], label=f"worker {worker + 1}, PSS")
        rss = [seen.rss[worker] for seen in figures.memory]
        axis.plot(minutes, rss, linestyle="--", color=line.get_color(), label=f"worker {worker + 1}, RSS")
    axis.set_title("Memory of the workers after the run, under reads", fontsize=10)
    axis.set_xlabel("minutes")
    axis.set_ylabel("MiB")
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=7)
    return _saved(folder, "memory.svg")
