"""Whatever a generator makes of the document, the server answers as the document says; every status is reached.

Schemathesis runs in a process of its own with all its phases and checks, once for each round with a seed of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from chairside.app import every_operation, openapi
from proofs.requests import KINDS, Asker
from proofs.schemathesis import rules, statuses
from proofs.trial import Trial
from tests.house import House, Org

SHORT, LONG = 1, 4
EXAMPLES_SHORT, EXAMPLES_LONG = 3, 40
WORKERS = 4
# A refusal of what fits every schema is looked at more closely by a check of ours (hooks.py).
CONFIG = """
hooks = "proofs.schemathesis.hooks"
workers = {workers}
continue-on-failure = true

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "429"]

[checks.negative_data_rejection]
expected-statuses = ["401", "403", "404", "405", "409", "412", "413", "415", "422", "429"]

[parameters]
"path.org_id" = "{org}"
{bound}
[dictionaries]
{ids}
"""


def prove(trial: Trial) -> None:
    with trial.house() as house:
        seen: Counter[statuses.Pair] = Counter()
        for _ in range(trial.rounds):
            seen += generated(trial, house)
        asker = Asker(house.org("Statuses Dental"))
        reach(trial, asker, seen)
        rules.try_all(trial, asker)


def generated(trial: Trial, house: House) -> Counter[statuses.Pair]:
    """One run of the generator, in an org of its own; what was answered, by operation and status."""
    seed, org = trial.random.randrange(1 << 31), house.org(f"Generated {trial.random.random()}")
    with trial.folder() as folder:
        (folder / "schemathesis.toml").write_text(_config(org))
        examples = EXAMPLES_LONG if trial.long else EXAMPLES_SHORT
        done = subprocess.run(_command(house, org, folder, seed, examples), **_surroundings(folder), check=False)
        report = json.loads((folder / "report.json").read_text()) if (folder / "report.json").exists() else {}
        lines = (folder / "tally").read_text().splitlines() if (folder / "tally").exists() else []
    _judge(trial, seed, done, report)
    return Counter((label, str(status)) for label, status in map(json.loads, lines))


def _config(org: Org) -> str:
    """Real ids beside made-up ones, so that the generator does not stop at not_found."""
    ids = _furnish(Asker(org))
    bound = "\n".join(f'"path.{n}" = {{ dictionary = "{n}", probability = 0.7 }}' for n in ids)
    listed = "\n".join(f"{n} = {{ values = {json.dumps(values)} }}" for n, values in ids.items())
    return CONFIG.format(workers=WORKERS, org=org.id, bound=bound, ids=listed)


def _furnish(asker: Asker) -> dict[str, list[str]]:
    """Records of every kind by the name of their id in paths; all children belong to one patient."""
    patient = asker.make(KINDS["patient"], small=True).id
    # Whom others name as their guarantor is not archived by the first request that tries.
    asker.make(KINDS["patient"], {"responsible_party_uuid": patient}, small=True)
    ids: dict[str, list[str]] = {"patient_uuid": [patient]}
    for kind in KINDS.values():
        if "create" in kind.verbs and kind.name != "patient":
            for _ in range(1 if kind.unique and kind.parent else 4):
                made = asker.make(kind, small=True, patient=patient if kind.parent else None)
                ids.setdefault(kind.id_param, []).append(made.id)
    return ids


def _command(house: House, org: Org, folder: Path, seed: int, examples: int) -> list[str]:
    return [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")),
        *("run", f"{house.url}/openapi.json", "--header", f"Authorization: Bearer {org.token('admin')}"),
        *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--seed", str(seed)),
        *("--max-examples", str(examples), "--no-color", "--warnings", "off", "--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(folder / "report.json")),
    ]


def _surroundings(folder: Path) -> dict[str, Any]:
    """Started in the folder, for it leaves files where it runs; our hooks are found by the path."""
    root = str(Path(__file__).parents[2])
    env = os.environ | {"PYTHONPATH": root, "PROOF_TALLY": str(folder / "tally")}
    return {"cwd": folder, "env": env, "capture_output": True, "text": True}


def _judge(trial: Trial, seed: int, done: subprocess.CompletedProcess[str], report: dict[str, Any]) -> None:
    trial.say(f"schemathesis with seed {seed} ended with {done.returncode}")
    if not trial.expect(report.get("complete"), f"schemathesis did not end: {(done.stdout + done.stderr)[-3000:]}"):
        return
    trial.tried("generated cases", report["test_cases"]["generated"])
    for failure in report["failures"] + report["errors"]:
        trial.breach(f"{failure.get('title', failure)}: {failure.get('operations')}")
    if done.returncode:
        trial.breach(f"schemathesis with seed {seed} failed")
        print(done.stdout)
    for phase, ended in report["phases"].items():
        trial.expect(ended["status"] in ("success", "failure"), f"phase {phase}: {ended}")
    trial.expect(
        report["operations"]["tested"] == len(every_operation()), f"not every operation: {report['operations']}"
    )


def reach(trial: Trial, asker: Asker, seen: Counter[statuses.Pair]) -> None:
    """Every status that the document promises was answered, or is reached by a request made for it."""
    wanted, operations = statuses.documented(openapi()), {statuses.label(o): o for o in every_operation()}
    by_generator = wanted & set(seen)
    by_hand: Counter[str] = Counter()
    why: Counter[str] = Counter()
    for label, status in sorted(wanted - by_generator):
        if reason := statuses.unreachable(operations[label], status):
            why[f"{status} of {reason}"] += 1
        elif status != "503":
            answer = statuses.ask(asker, operations[label], status)
            trial.expect(
                str(answer.status_code) == status,
                f"{label} answered {answer.status_code}, not {status}: {answer.text[:300]}",
            )
            by_hand[status] += 1
    for operation, answer in statuses.while_the_database_is_away(asker, list(operations.values())):
        told = answer.status_code == 503 and "retry-after" in answer.headers
        trial.expect(told, f"{statuses.label(operation)} without a database: {answer.status_code}")
        by_hand["503"] += 1
    trial.tried("documented statuses", len(wanted))
    trial.figure("reached by the generator", f"{len(by_generator)} of {len(wanted)} pairs of operation and status")
    trial.figure("reached by a request made for it", ", ".join(f"{n} x {s}" for s, n in sorted(by_hand.items())))
    trial.figure("cannot be reached", "; ".join(f"{n} x {reason}" for reason, n in why.items()) or "none")
