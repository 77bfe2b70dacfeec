"""Scripts for pgbench from what the server's engine was heard to say for many requests of one kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bench.limit import Script, lines_of, quoted, text_of
from bench.statements import Call

# A row of values is chosen anew only so often, because choosing is a statement that the server does not run.
RUNS_FOR_ONE = 20


def replayed(name: str, heard: Sequence[Sequence[Call]]) -> Script:
    """The statements of one request, prepared, with the parameters of all that have the same statements in turn."""
    alike = _commonest(heard)
    rows = [[_plain(value) for call in calls for value in call.values] for calls in alike]
    columns = list(zip(*rows, strict=True))
    varying = {place: f"{name}_c{place}" for place, column in enumerate(columns) if len(set(column)) > 1}
    constants, names = {}, []
    for place, column in enumerate(columns):
        if place in varying:
            names.append(varying[place])
        elif column[0] is None:
            names.append("none")  # pgbench sends NULL for a name it does not know
        else:
            names.append(f"{name}_c{place}")
            constants[f"{name}_c{place}"] = column[0]
    places = iter(names)
    script: list[str] = []
    for call in alike[0]:
        script += lines_of(call, [next(places) for _ in call.values])
    if not varying:
        return Script("\n".join(script), constants)
    table = _table(name, varying, rows)
    constants[f"{name}_run"] = "0"
    return Script("\n".join([*_choice(name, list(varying.values()), len(rows)), *script]), constants, table)


def _commonest(heard: Sequence[Sequence[Call]]) -> list[Sequence[Call]]:
    """Those of the most frequent shape: an empty page has fewer statements than a full one, say."""
    shapes: dict[tuple[str, ...], list[Sequence[Call]]] = defaultdict(list)
    for calls in heard:
        shapes[tuple(call.sql for call in calls)].append(calls)
    return max(shapes.values(), key=len)


def _plain(value: object) -> str | None:
    return None if value is None else text_of(value)


def _table(name: str, varying: dict[int, str], rows: Sequence[Sequence[str | None]]) -> str:
    listed = ", ".join(
        f"({n}, " + ", ".join("NULL::text" if row[p] is None else quoted(row[p] or "") for p in varying) + ")"
        for n, row in enumerate(rows)
    )
    columns = ", ".join(("n", *varying.values()))
    made = f"CREATE TABLE bench.{name} AS SELECT * FROM (VALUES {listed}) v ({columns})"
    return f"{made}; ALTER TABLE bench.{name} ADD PRIMARY KEY (n)"


def _choice(name: str, columns: Sequence[str], count: int) -> list[str]:
    return [
        f"\\set {name}_run (:{name}_run % {RUNS_FOR_ONE}) + 1",
        f"\\if :{name}_run = 1",
        f"\\set n random(0, {count - 1})",
        f"SELECT {', '.join(columns)} FROM bench.{name} WHERE n = :n \\gset",
        "\\endif",
    ]
