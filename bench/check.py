"""Compares the ratios of now with those that are kept, within a wide margin: `python -m bench.check`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from bench.long.course import Compared
from bench.long.figures import Figures, Row
from bench.machine import describe
from bench.orgs import single
from bench.running import BenchFault
from bench.volley import VolleyFault

BASELINE = Path(__file__).with_name("baseline.json")
PATIENTS, CONNECTIONS, SECONDS, WORKERS = 10_000, 8, 1, 2
# Machines and their moods differ; what went bad in earnest lost more than half.
MARGIN, TRIES = 0.5, 3
CHECKED = (
    "GET one",
    "medical summary",
    "list of 50",
    "of a location",
    "first cursor page",
    "typeahead, letters: 1",
    "typeahead, letters: 3",
    "search by e-mail",
    "check duplicates",
    "create",
    "patch",
)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.check", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the ratios of now as the baseline")
    options = parser.parse_args(arguments)
    try:
        if options.keep:
            BASELINE.write_bytes(msgspec.json.format(msgspec.json.encode(measured(CHECKED))) + b"\n")
            return
        bad = checked(msgspec.json.decode(BASELINE.read_bytes(), type=dict[str, float]), measured)
    except (BenchFault, VolleyFault) as fault:
        sys.exit(f"bench: {fault}")
    print("\n".join(bad.values()) or f"All {len(CHECKED)} ratios are at least {MARGIN:.0%} of the baseline's.")
    sys.exit(bool(bad))


def checked(baseline: Mapping[str, float], measure: Callable[[Sequence[str]], dict[str, float]]) -> dict[str, str]:
    """What is wrong with each ratio. What seems worse is measured again: a busy moment does not come three times."""
    bad = worse(baseline, measure(CHECKED))
    for _ in range(TRIES - 1):
        again = [name for name in bad if name in CHECKED and name in baseline]
        if not again:
            break
        _say(f"Measuring again: {', '.join(again)}")
        still = worse({name: baseline[name] for name in again}, measure(again))
        bad = {name: said for name, said in (bad | still).items() if name in still or name not in again}
    return bad


def measured(names: Sequence[str]) -> dict[str, float]:
    figures = Figures(
        machine=describe(), command="", workers=WORKERS, seconds=SECONDS, patients=PATIENTS,
        growth_connections=CONNECTIONS, cost_connections=CONNECTIONS,
    )  # fmt: skip
    Compared(figures, [CONNECTIONS], 0, names.__contains__, _say).run(single(PATIENTS))
    return ratios(figures.rows)


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    return {row.name: round(row.cells[0].ratio, 3) for row in rows}


def worse(baseline: Mapping[str, float], found: Mapping[str, float], margin: float = MARGIN) -> dict[str, str]:
    """A sentence for each ratio that fell below its share of the baseline, or that nobody measured or kept."""
    said = {}
    for name in sorted(baseline.keys() | found.keys()):
        kept, now = baseline.get(name), found.get(name)
        if kept is None or now is None:
            said[name] = f"{name}: {'is not in the baseline' if kept is None else 'was not measured'}"
        elif now < kept * margin:
            said[name] = f"{name}: {now:.2f} of pgbench, which is less than {margin:.0%} of the baseline's {kept:.2f}"
    return said


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
