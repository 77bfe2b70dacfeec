"""What records refer to: looked up at once, named for the answer, refused where there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chairside.changes import Change, Record
from chairside.errors import CODES, Problem
from chairside.fields import Reference
from chairside.resource import Kind
from chairside.store.tables import PLACES, Table

if TYPE_CHECKING:
    from chairside.engine.desk import Desk


async def name_references(desk: Desk, table: Table, changes: Sequence[Change]) -> list[list[Problem]]:
    """Look up what changed references name, once for all; per change the problems of those that name nothing."""
    pending = [
        (ref, named)
        for ref in table.kind.references
        for column in (ref.column,)
        if (named := [(place, c) for place, c in enumerate(changes) if c.changed(column)])
    ]
    wanted: dict[str, set[str]] = {target: set() for target in table.targets}
    for ref, named in pending:
        column, ids = ref.column, wanted[ref.to]
        for _, change in named:
            if (target_id := change.after[column]) is not None and target_id != change.after["id"]:
                ids.add(target_id)
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    if any(wanted.values()):
        rows = await desk.fetch(table.names, *(sorted(wanted[t]) for t in table.targets))
        found = {(row["kind"], row["id"]): row for row in rows}
        desk.days |= {row["id"]: row["today"] for row in rows if row["kind"] in PLACES}
    problems: list[list[Problem]] = [[] for _ in changes]
    for ref, named in pending:
        name = _naming(desk, table.kind, ref, found)
        for place, change in named:
            if not name(change.after):
                problems[place].append(_nothing_there(table.kind, ref))
    return problems


def _naming(
    desk: Desk, kind: Kind, ref: Reference, found: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Callable[[Record], bool]:
    """What puts the name of a reference beside it; False where it names nothing."""
    column, shown, to = ref.column, f"{ref.name}_name", ref.to
    borrowed = [b.name for b in desk.shapes.borrowed(kind, ref.name)]

    def name(record: Record) -> bool:
        target_id = record[column]
        if target_id is None:
            record[shown] = None
        elif target_id == record["id"]:
            record[shown] = " ".join(record[column] for column in kind.label)
        elif row := found.get((to, target_id)):
            record[shown] = row["name"]
            for key in borrowed:
                record[key] = row[key]
        else:
            return False
        return True

    return name


def _nothing_there(kind: Kind, ref: Reference) -> Problem:
    if ref.column == "patient_id" and kind.parent:
        return Problem(("path", "patient_uuid"), CODES["not_found"], "not_found")
    return Problem(("body", ref.key), f"there is no such {ref.to.replace('_', ' ')}", "not_found")
