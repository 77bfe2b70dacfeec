"""Streams demo persons and says how many came and how fast: `python -m chairside.demo [COUNT]`."""

import argparse
import datetime
import time

from . import rows


def main() -> None:
    """Runs the stream to its end and prints the count and the rate."""
    parser = argparse.ArgumentParser(prog="python -m chairside.demo", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=100_000, help="how many persons (default 100000)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same persons (default 1)")
    arguments = parser.parse_args()
    began = time.perf_counter()
    count = sum(1 for _ in rows(arguments.seed, arguments.count, datetime.datetime.now(datetime.UTC).date()))
    seconds = time.perf_counter() - began
    print(f"{count} persons in {seconds:.2f} s: {count / seconds:.0f} persons/s")  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
