"""Loads, measures and shows: `python -m bench`, a minute and a half once the patients are loaded; `--long` for all."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from bench import report
from bench.course import Course
from bench.long import command as long
from bench.place import loaded
from bench.running import BenchFault, server
from bench.volley import VolleyFault

WORKERS = 2


def main() -> None:
    if "--long" in sys.argv:
        long.main([argument for argument in sys.argv[1:] if argument != "--long"])
        return
    options = _options()
    try:
        held, data_dir = loaded(options.patients, WORKERS, _say)
        with server(data_dir, WORKERS) as running:
            figures = asyncio.run(Course(held, data_dir, running, WORKERS, options.seconds, _say).run())
    except (BenchFault, VolleyFault) as fault:
        sys.exit(f"bench: {fault}")
    report.show(figures)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the short form, which is the default")
    parser.add_argument("--long", action="store_true", help="the long form, whose options are its own: --long --help")
    parser.add_argument("--patients", type=int, default=100_000, metavar="N", help="patients in the org (100000)")
    parser.add_argument("--seconds", type=int, default=2, metavar="S", help="length of each measurement (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
