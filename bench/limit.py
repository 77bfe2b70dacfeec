"""The limit: pgbench running the server's statements, prepared, as the server's role on the same database."""

from __future__ import annotations

import re
import resource
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.running import BenchFault
from bench.statements import Call
from chairside import embedded
from chairside.app import server_place
from chairside.settings import Settings

_PARAMETER = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What differs from one run of a script to the next, and how it is chosen.

    `stand_ins` are texts that were heard, and the columns of table `source` (n, id, ...) that take their places; a
    longer one stands before those it holds. `fresh` are texts that are new each time, and expressions for them over
    v.key, the chosen id, and `beside`. `pick` is pgbench's expression for n. A choice serves `every` so many runs.
    """

    source: str
    pick: str
    stand_ins: Mapping[str, str]
    fresh: Mapping[str, str] = field(default_factory=dict)
    beside: str = ""
    every: int = 1


@dataclass(frozen=True, slots=True)
class Script:
    """A script for pgbench, the constants it names, and the statement that makes the table it chooses from."""

    text: str
    constants: Mapping[str, str]
    table: str = ""


def script(name: str, calls: Sequence[Call], choice: Choice | None = None) -> Script:
    """The calls as they were heard, each parameter sent as a parameter, with what `choice` puts in their places."""
    values = _Values(name, choice)
    lines = [line for call in calls for line in _said(call, values)]
    if choice is None:
        return Script("\n".join(lines), values.constants)
    constants = values.constants | {f"{name}_run": "0"}
    return Script("\n".join([*_fetch(name, values, choice), *lines]), constants, _table(name, values, choice))


def _said(call: Call, values: _Values) -> Sequence[str]:
    return lines_of(call, [values.name(value) for value in call.values])


def lines_of(call: Call, names: Sequence[str]) -> Sequence[str]:
    """A call as lines of a script, its parameters sent as the variables of these names."""
    if names:
        return [_PARAMETER.sub(lambda found: f":{names[int(found.group(1)) - 1]}", call.sql) + ";"]
    parts = [part + ";" for part in call.sql.split("; ")]
    # The server sends such statements at once and waits once.
    return ["\\startpipeline", *parts, "\\endpipeline"] if len(parts) > 1 else parts


class _Values:
    """Names for the parameters of a script: constants, and what is chosen; equal ones share a name."""

    def __init__(self, script: str, choice: Choice | None) -> None:
        self._script = script
        self._fresh = list(choice.fresh) if choice else []
        self._stand_ins = list(choice.stand_ins) if choice else []
        self._named: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.chosen: dict[str, str] = {}

    def name(self, value: object) -> str:
        if value is None:
            return "none"  # pgbench sends NULL for a name it does not know
        text = text_of(value)
        for number, was in enumerate(self._fresh):
            text = text.replace(was, _mark(number))
        name = self._named.setdefault(text, f"{self._script}_v{len(self._named)}")
        differs = "~" in text or any(was in text for was in self._stand_ins)
        (self.chosen if differs else self.constants)[name] = text
        return name


def _mark(number: int) -> str:
    return f"~{number}~"


def _table(name: str, values: _Values, choice: Choice) -> str:
    """For each row of the source the values chosen with it, but for what is fresh."""
    columns = ", ".join(f"{_replaced(text, choice)} AS {column}" for column, text in values.chosen.items())
    made = f"CREATE TABLE bench.{name} AS SELECT n, id AS key, {columns} FROM {choice.source}"
    return f"{made}; ALTER TABLE bench.{name} ADD PRIMARY KEY (n)"


def _replaced(text: str, choice: Choice) -> str:
    expression = quoted(text)
    for was, column in choice.stand_ins.items():
        if was in text:
            expression = f"replace({expression}, {quoted(was)}, {column})"
    return expression


def _fetch(name: str, values: _Values, choice: Choice) -> list[str]:
    """Takes the values of one row; a statement more than the server runs, so as seldom as can be."""
    columns = []
    for column, text in values.chosen.items():
        expression = f"v.{column}"
        for number in range(len(choice.fresh)):
            if _mark(number) in text:
                expression = f"replace({expression}, '{_mark(number)}', u.f{number})"
        columns.append(f"{expression} AS {column}")
    new = ", ".join(f"{expression} AS f{number}" for number, expression in enumerate(choice.fresh.values()))
    beside = f", LATERAL (SELECT {new} {choice.beside} OFFSET 0) u" if new else ""
    fetch = [f"\\set n {choice.pick}", f"SELECT {', '.join(columns)} FROM bench.{name} v{beside} WHERE v.n = :n \\gset"]
    if choice.every == 1:
        return fetch
    return [f"\\set {name}_run (:{name}_run % {choice.every}) + 1", f"\\if :{name}_run = 1", *fetch, "\\endif"]


def text_of(value: object) -> str:
    """A parameter in PostgreSQL's text form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return "{" + ",".join(_entry(entry) for entry in value) + "}"
    return str(value)


def _entry(value: object) -> str:
    if value is None:
        return "NULL"
    return '"' + text_of(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Pace:
    """Runs of a script per second after the warming; all runs, and the processor time that pgbench itself took."""

    rate: float
    runs: int
    seconds: float


def run(data_dir: Path, org_id: str, written: Script, *, clients: int, seconds: int, warm: float) -> Pace:
    """Runs a script for so many `seconds`, of which the first `warm` are not counted."""
    return run_mix(data_dir, org_id, [(written, 1)], clients=clients, seconds=seconds, warm=warm)


def run_mix(
    data_dir: Path, org_id: str, mix: Sequence[tuple[Script, int]], *, clients: int, seconds: int, warm: float
) -> Pace:
    """The same for several scripts, each run as often as its weight says; its `:clients` is how many there are."""
    at = embedded.endpoint(data_dir)
    # As the server connects; and with the org, for what is chosen is fetched outside of the transaction.
    settings = server_place(Settings(data_dir=data_dir)).arguments()["server_settings"] | {"app.org": org_id}
    escaped = {name: value.replace(" ", "\\ ") for name, value in settings.items()}
    options = " ".join(f"-c {name}={value}" for name, value in escaped.items())
    with TemporaryDirectory(prefix="chairside-bench-") as folder:
        files = [Path(folder) / f"script{number}" for number in range(len(mix))]
        for file, (written, _) in zip(files, mix, strict=True):
            file.write_text(written.text)
        constants = {"clients": str(clients)} | {k: v for written, _ in mix for k, v in written.constants.items()}
        before = _children()
        done = subprocess.run(
            [
                *(str(embedded.tool("pgbench")), "-h", at.host, "-p", str(at.port), "-U", at.app, "-n"),
                *("-M", "prepared", "-c", str(clients), "-T", str(seconds)),
                *(part for file, (_, weight) in zip(files, mix, strict=True) for part in ("-f", f"{file}@{weight}")),
                *("--log", "--log-prefix", f"{folder}/log"),
                *(part for name, value in constants.items() for part in ("-D", f"{name}={value}")),
                at.database,
            ],
            capture_output=True,
            text=True,
            check=False,
            env=embedded.tool_environment() | {"PGOPTIONS": options},
        )
        if done.returncode:
            raise BenchFault(f"pgbench failed: {done.stderr.strip()[-1500:]}")
        return _pace(Path(folder).glob("log.*"), warm, _children() - before)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _pace(logs: Iterable[Path], warm: float, used: float) -> Pace:
    """From pgbench's log of each run, whose third column is its microseconds and whose last two are when it ended."""
    runs = [[int(column) for column in line.split()] for log in logs for line in log.read_text().splitlines()]
    ends = [run[4] + run[5] / 1e6 for run in runs]
    if not runs:
        raise BenchFault("pgbench came to no end of any run.")
    begin = min(end - run[2] / 1e6 for end, run in zip(ends, runs, strict=True)) + warm
    if max(ends) <= begin:
        begin -= warm  # so slow that the warming is all there was
    return Pace(sum(end > begin for end in ends) / (max(ends) - begin), len(runs), used)
