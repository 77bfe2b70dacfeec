"""Measures everything, and writes it down: `python -m bench --long`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.long.course import Compared, grow
from bench.long.figures import Figures
from bench.long.page import write
from bench.long.prices import COSTS, price
from bench.machine import describe
from bench.orgs import Plan, mixed, single
from bench.orgs.plans import MIXED
from bench.running import BenchFault
from bench.volley import VolleyFault

WORKERS = 2
PARTS = ("compare", "grow", "prices")


def main(arguments: Sequence[str]) -> None:
    options = _options(arguments)
    folder = options.write.with_suffix("") if options.write else None
    files = [file for file in (options.json, folder and folder / "figures.json") if file]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
    if options.again:
        figures = msgspec.json.decode(options.again.read_bytes(), type=Figures)
    else:
        figures = _blank(options, shlex.join(["python", "-m", "bench", "--long", *arguments]))
        try:
            _measure(options, figures)
        except (BenchFault, VolleyFault) as fault:
            sys.exit(f"bench: {fault}")
        finally:
            # Also of a run that was cut off: what it found is no worse for that.
            for file in files:
                file.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    if options.write:
        write(figures, options.write)


def _blank(options: argparse.Namespace, command: str) -> Figures:
    return Figures(
        machine=describe(), command=command, workers=WORKERS, seconds=options.seconds, patients=options.patients,
        growth_connections=options.growth_connections, cost_connections=options.cost_connections,
    )  # fmt: skip


def _measure(options: argparse.Namespace, figures: Figures) -> None:
    began = time.monotonic()
    plan = single(options.patients)
    if "compare" in options.parts:
        Compared(figures, options.connections, options.minutes, lambda name: _chosen(options, name), _say).run(plan)
    if "grow" in options.parts:
        grow(figures, [_plan(size) for size in options.sizes], lambda name: _chosen(options, name), _say)
    if "prices" in options.parts:
        price(figures, plan, options.costs, _say)
    figures.took = round(time.monotonic() - began)


def _chosen(options: argparse.Namespace, name: str) -> bool:
    return not options.only or any(part in name for part in options.only)


def _plan(size: str) -> Plan:
    return mixed() if size == MIXED else single(int(size))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench --long", description=__doc__)

    def listed(text: str) -> list[str]:
        return text.split(",")

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser.add_argument("--patients", type=int, default=100_000, help="of the org compared with pgbench (100000)")
    parser.add_argument("--connections", type=numbers, default=[1, 8, 32, 128], help="1,8,32,128")
    parser.add_argument("--sizes", type=listed, default=["1000", "10000", "100000", "1000000", MIXED], help="to grow")
    parser.add_argument("--parts", type=listed, default=list(PARTS), help=",".join(PARTS))
    parser.add_argument("--costs", type=listed, default=list(COSTS), help=",".join(COSTS))
    parser.add_argument("--only", action="append", metavar="NAME", help="operations whose name has this in it")
    parser.add_argument("--seconds", type=int, default=2, help="length of each measurement (2)")
    parser.add_argument("--minutes", type=float, default=10, help="how long to watch the workers' memory (10)")
    parser.add_argument("--growth-connections", type=int, default=8)
    parser.add_argument("--cost-connections", type=int, default=32)
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page, its plots and figures in a folder beside")
    parser.add_argument("--again", type=Path, metavar="FILE", help="measure nothing, write the page of these figures")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
