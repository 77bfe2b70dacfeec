"""Whatever a generator makes of the document, the server answers as the document says; every status is reached.

Schemathesis runs in a process of its own with all its phases and checks, once for each round with a seed of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chairside.app import every_operation, openapi
from proofs.requests import KINDS, Asker
from proofs.schemathesis import rules, statuses
from proofs.trial import Trial
from tests.house import House, Org

SHORT, LONG = 1, 4
EXAMPLES_SHORT, EXAMPLES_LONG = 3, 40
STORIES_SHORT, STORIES_LONG = 8, 40
# A link is followed twice in a story at most, so a long one comes to many of them.
STEPS = 100
MOST_SECONDS = 3 * 3600  # a bound against hanging, not a measure
# Two processes at a time, each with one thread: the generator's own threads make it fail on Python 3.11.
PHASES = ("examples,coverage", "fuzzing,stateful")
# A refusal of what fits every schema is looked at more closely by a check of ours (hooks.py).
CONFIG = """
hooks = "proofs.schemathesis.hooks"
continue-on-failure = true
# A bound against hanging; and how long the generator thinks is not what is proven.
request-timeout = 60
suppress-health-check = ["all"]

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "429"]

[checks.negative_data_rejection]
expected-statuses = ["401", "403", "404", "405", "409", "412", "413", "415", "422", "429"]

[parameters]
"path.org_id" = "{org}"
{bound}
[dictionaries]
{ids}

# The document's own links are followed, not those that are guessed from names.
[phases.stateful]
max-steps = {steps}
inference.algorithms = []
generation.max-examples = {stories}
"""


def prove(trial: Trial) -> None:
    with trial.house(CHAIRSIDE_BODY_SECONDS=str(statuses.BODY_SECONDS)) as house:
        seen: Counter[statuses.Pair] = Counter()
        for _ in range(trial.rounds):
            seen += generated(trial, house)
        asker = Asker(house.org("Statuses Dental"))
        reach(trial, asker, seen)
        rules.try_all(trial, asker)


def generated(trial: Trial, house: House) -> Counter[statuses.Pair]:
    """One run of all phases of the generator; what was answered, by operation and status."""
    seed = trial.random.randrange(1 << 31)
    orgs = [house.org(f"Generated {seed} {phases}") for phases in PHASES]
    configs = [_config(org, long=trial.long) for org in orgs]
    with ThreadPoolExecutor(len(PHASES)) as pool:
        runs = list(pool.map(lambda *which: _run(trial, seed, *which), orgs, PHASES, configs))
    seen: Counter[statuses.Pair] = Counter()
    for phases, (done, report, tally) in zip(PHASES, runs, strict=True):
        _judge(trial, phases, done, report)
        seen += tally
    return seen


def _run(
    trial: Trial, seed: int, org: Org, phases: str, config: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any], Counter[statuses.Pair]]:
    """Some phases in a process of their own, in an org of their own."""
    with trial.folder() as folder:
        (folder / "schemathesis.toml").write_text(config)
        examples = EXAMPLES_LONG if trial.long else EXAMPLES_SHORT
        command = [*_command(org, folder), "--phases", phases, "--seed", str(seed), "--max-examples", str(examples)]
        done = subprocess.run(command, **_surroundings(folder), check=False)
        report, tally = folder / "report.json", folder / "tally"
        lines = tally.read_text().splitlines() if tally.exists() else []
        seen = Counter((str(label), str(status)) for label, status in map(json.loads, lines))
        return done, json.loads(report.read_text()) if report.exists() else {}, seen


def _config(org: Org, *, long: bool) -> str:
    """Real ids beside made-up ones, so that the generator does not stop at not_found."""
    ids = _furnish(Asker(org))
    places: dict[str, list[str]] = {}
    for kind in KINDS.values():
        if kind.name in ids:
            places.setdefault(f"path.{kind.id_param}", []).extend(ids[kind.name])
        places |= {f"body.{r.key}": ids[r.to] for r in kind.references if r.create and not r.hidden}
    bound = "\n".join(f'"{p}" = {{ dictionary = "{p.replace(".", "_")}", probability = 0.7 }}' for p in places)
    listed = "\n".join(f"{p.replace('.', '_')} = {{ values = {json.dumps(values)} }}" for p, values in places.items())
    stories = STORIES_LONG if long else STORIES_SHORT
    return CONFIG.format(org=org.id, bound=bound, ids=listed, stories=stories, steps=STEPS)


def _furnish(asker: Asker) -> dict[str, list[str]]:
    """Ids of records of every kind by its name; all children belong to one patient."""
    patient = asker.make(KINDS["patient"], small=True).id
    # Whom others name as their guarantor is not archived by the first request that tries.
    asker.make(KINDS["patient"], {"responsible_party_uuid": patient}, small=True)
    ids: dict[str, list[str]] = {"patient": [patient]}
    for kind in KINDS.values():
        if "create" in kind.verbs and kind.name != "patient":
            of = patient if kind.parent else None
            number = 1 if kind.unique and kind.parent else 4
            ids[kind.name] = [asker.make(kind, small=True, patient=of).id for _ in range(number)]
    return ids


def _command(org: Org, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")),
        *("run", f"{org.house.url}/openapi.json", "--header", f"Authorization: Bearer {org.token('admin')}"),
        *("--checks", "all", "--no-color", "--warnings", "off", "--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(folder / "report.json")),
    ]


def _surroundings(folder: Path) -> dict[str, Any]:
    """Started in the folder, for it leaves files where it runs; our hooks are found by the path."""
    root = str(Path(__file__).parents[2])
    env = os.environ | {"PYTHONPATH": root, "PROOF_TALLY": str(folder / "tally")}
    return {"cwd": folder, "env": env, "capture_output": True, "text": True, "timeout": MOST_SECONDS}


def _judge(trial: Trial, phases: str, done: subprocess.CompletedProcess[str], report: dict[str, Any]) -> None:
    trial.say(f"{phases} ended with {done.returncode}")
    if not trial.expect(report.get("complete"), f"schemathesis did not end: {(done.stdout + done.stderr)[-3000:]}"):
        return
    trial.tried("generated cases", report["test_cases"]["generated"])
    for failure in report["failures"] + report["errors"]:
        trial.breach(f"{failure.get('title', failure)}: {failure.get('operations')}")
    if done.returncode:
        trial.breach(f"schemathesis failed in {phases}")
        print(done.stdout)
    for phase in phases.split(","):
        ended = report["phases"][phase]["status"]
        trial.expect(ended in ("success", "failure"), f"the phase {phase} ended as {ended}")
    if links := re.search(r"API Links: +(.*)", done.stdout):
        trial.figure("links of the document", links.group(1))
        followed, there = map(int, re.findall(r"\d+", links.group(1))[:2])
        trial.expect(followed > there / 2, f"the stories followed {followed} of {there} links")


def reach(trial: Trial, asker: Asker, seen: Counter[statuses.Pair]) -> None:
    """Every status that the document promises was answered, or is reached by a request made for it."""
    wanted, operations = statuses.documented(openapi()), {statuses.label(o): o for o in every_operation()}
    by_generator = wanted & set(seen)
    for label in operations.keys() - {label for label, _ in seen}:
        trial.breach(f"the generator never asked {label}")
    by_hand: Counter[str] = Counter()
    why: Counter[str] = Counter()
    for label, status in sorted(wanted - by_generator):
        if reason := statuses.unreachable(operations[label], status):
            why[f"{status} of {reason}"] += 1
        elif status not in ("408", "503"):
            answer = statuses.ask(asker, operations[label], status)
            trial.expect(
                str(answer.status_code) == status,
                f"{label} answered {answer.status_code}, not {status}: {answer.text[:300]}",
            )
            by_hand[status] += 1
    slow = [operations[label] for label, status in sorted(wanted) if status == "408"]
    for operation, told_so in statuses.while_bodies_stay_away(asker, slow):
        trial.expect(told_so == "408", f"{statuses.label(operation)} without its body: {told_so}")
        by_hand["408"] += 1
    for operation, answer in statuses.while_the_database_is_away(asker, list(operations.values())):
        told = answer.status_code == 503 and "retry-after" in answer.headers
        trial.expect(told, f"{statuses.label(operation)} without a database: {answer.status_code}")
        by_hand["503"] += 1
    trial.tried("documented statuses", len(wanted))
    trial.figure("reached by the generator", f"{len(by_generator)} of {len(wanted)} pairs of operation and status")
    trial.figure("reached by a request made for it", ", ".join(f"{n} x {s}" for s, n in sorted(by_hand.items())))
    trial.figure("cannot be reached", "; ".join(f"{n} x {reason}" for reason, n in why.items()) or "none")
