"""`python -m proofs [NAME ...] [--except NAME] [--seed N] [--rounds N] [--long]`: exit 1 on a promise not kept."""

from __future__ import annotations

import argparse
import importlib
import secrets
import sys
import traceback

from proofs.trial import Trial

NAMES = (
    "crash", "tenants", "schemathesis", "idempotency", "lost-updates", "db-faults", "wire", "leaks", "restore", "roles",
    "audit-chain", "overload", "import-race", "slow-readers", "whole-disk", "guessing", "clock", "standby",
)  # fmt: skip


def main() -> None:
    options = _options()
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    names = [name for name in options.names or NAMES if name not in options.without]
    trials = [_run(name, seed, options) for name in names]
    if len(trials) > 1:
        print(f"\n{len(trials)} proofs in {sum(trial.seconds for trial in trials):.0f} s:")
    for trial in trials if len(trials) > 1 else []:
        print(trial.verdict())
    sys.exit(any(trial.breaches for trial in trials))


def _run(name: str, seed: int, options: argparse.Namespace) -> Trial:
    module = importlib.import_module(f"proofs.{name.replace('-', '_')}")
    rounds = options.rounds or (module.LONG if options.long else module.SHORT)
    trial = Trial(name, seed, rounds, long=options.long, times_told=options.times_told)
    print(f"{name} (seed {seed}, {rounds} rounds): {(module.__doc__ or '').splitlines()[0]}", flush=True)
    try:
        module.prove(trial)
    except Exception:  # noqa: BLE001 - a proof that cannot go on has not proven anything; the others still run
        traceback.print_exc()
        trial.breach("the proof itself failed; see the traceback above")
    print(trial.report(), flush=True)
    return trial


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=(*NAMES, []), metavar="NAME", help=f"which: {', '.join(NAMES)}; all"
    )
    parser.add_argument(
        "--except",
        action="append",
        default=[],
        choices=NAMES,
        metavar="NAME",
        dest="without",
        help="leave this one out",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="repeat what a run with this seed tried; else a new one")
    parser.add_argument("--rounds", type=int, metavar="N", help="how much to try; each proof has its own measure")
    parser.add_argument("--long", action="store_true", help="the long form of each proof")
    parser.add_argument(
        "--times-told",
        action="store_true",
        help="say which bounds of time were passed, and do not fail by them: for machines that others use too",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
