"""What records refer to: looked up at once, named for the answer, refused where there is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chairside.changes import Change, Record
from chairside.errors import CODES, Problem
from chairside.fields import Reference
from chairside.resource import Kind
from chairside.store.tables import Table

if TYPE_CHECKING:
    from chairside.engine.desk import Desk


async def name_references(desk: Desk, table: Table, changes: Sequence[Change]) -> list[list[Problem]]:
    """Look up what changed references name, once for all; per change the problems of those that name nothing."""
    pending = [
        (place, change, ref)
        for place, change in enumerate(changes)
        for ref in table.kind.references
        if change.changed(ref.column)
    ]
    wanted: dict[str, set[str]] = {target: set() for target in table.targets}
    for _, change, ref in pending:
        if (target_id := change.after[ref.column]) is not None and target_id != change.after["id"]:
            wanted[ref.to].add(target_id)
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    if any(wanted.values()):
        rows = await desk.fetch(table.names, *(sorted(wanted[t]) for t in table.targets))
        found = {(row["kind"], row["id"]): row for row in rows}
    problems: list[list[Problem]] = [[] for _ in changes]
    for place, change, ref in pending:
        if not _name(desk, table.kind, change.after, ref, found):
            problems[place].append(_nothing_there(table.kind, ref))
    return problems


def _name(
    desk: Desk, kind: Kind, record: Record, ref: Reference, found: Mapping[tuple[str, str], Mapping[str, Any]]
) -> bool:
    target_id = record[ref.column]
    name = f"{ref.name}_name"
    if target_id is None:
        record[name] = None
        return True
    if target_id == record["id"]:
        record[name] = " ".join(record[column] for column in kind.label)
        return True
    row = found.get((ref.to, target_id))
    if row is None:
        return False
    record[name] = row["name"]
    record.update({b.name: row[b.name] for b in desk.shapes.borrowed(kind, ref.name)})
    return True


def _nothing_there(kind: Kind, ref: Reference) -> Problem:
    if ref.column == "patient_id" and kind.parent:
        return Problem(("path", "patient_uuid"), CODES["not_found"], "not_found")
    return Problem(("body", ref.key), f"there is no such {ref.to.replace('_', ' ')}", "not_found")
