"""What Chairside promises, tried against a real server: `make prove`, or `python -m proofs NAME --seed N --rounds N`.

Each proof is a module (or package) of this folder. Its docstring says its promise, `SHORT` and `LONG` are its rounds in
CI and by hand, and `prove(trial)` tries the promise and tells the trial of every breach.
"""
