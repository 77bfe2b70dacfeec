"""What Chairside promises, tried against a real server: `make prove`, or `python -m proofs NAME --seed N --rounds N`.

Each proof is a module (or package) of this folder with a docstring that says its promise, `SHORT` and `LONG`, its rounds
in CI and by hand, and `prove(trial)`, which tries the promise and tells the trial of every breach.
"""
