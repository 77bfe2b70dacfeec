"""Summaries of how many records there are: what every write adds to them, and how they are kept short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chairside.changes import Change, Record
from chairside.resource import Counted, Kind
from chairside.store import counts
from chairside.store.clock import clocks
from chairside.store.lending import Connection

if TYPE_CHECKING:
    from chairside.engine.desk import Desk

MOST_FOLDED = 5000
# Whether archived, and the values of the summary's columns.
Cell = tuple[object, ...]


async def tally(desk: Desk, kind: Kind, changes: Sequence[Change]) -> None:
    """Keep summaries in step: one less of what a record was, one more of what it is.

    Rows are only added, each for itself, so that writers of one org do not wait for each other as at a counter.
    """
    if kind.counted is not None and kind.counted.of_patients:
        await _put(desk, kind, await _carried(desk, kind.counted, changes))
    elif kind.counted is not None:
        await _put(desk, kind, _told(kind.counted, changes))
    turned = [c for c in changes if c.before is not None and _archived(c.before) != _archived(c.after)]
    if kind.name == "patient" and turned:
        for other in (table.kind for table in desk.tables.values()):
            if other.counted is not None and other.counted.of_patients:
                await _put(desk, other, await _taken_along(desk, other, turned))


def _told(counted: Counted, changes: Sequence[Change]) -> Counter[Cell]:
    moved: Counter[Cell] = Counter()
    for change in changes:
        if change.before is not None:
            moved[_cell(counted, change.before)] -= 1
        moved[_cell(counted, change.after)] += 1
    return moved


async def _carried(desk: Desk, counted: Counted, changes: Sequence[Change]) -> Counter[Cell]:
    """Patients who carry a record that was made, or carry it no more.

    They are held, so that one who is archived at the same time is either seen as archived here, or the record is seen
    by who archives them.
    """
    held = await desk.ask("patients.lock", sorted({change.after["patient_id"] for change in changes}))
    archived = {patient["id"]: _archived(patient) for patient in held}
    moved: Counter[Cell] = Counter()
    for change in changes:
        for record, n in ((change.before, -1), (change.after, 1)):
            if record is not None and not _archived(record):
                moved[archived[record["patient_id"]], *(record[column] for column in counted.columns)] += n
    return moved


async def _taken_along(desk: Desk, kind: Kind, turned: Sequence[Change]) -> Counter[Cell]:
    """What patients carry who were archived or restored."""
    archived = {change.after["id"]: _archived(change.after) for change in turned}
    moved: Counter[Cell] = Counter()
    for patient_id, *values in await desk.fetch(counts.carried_statement(kind), list(archived)):
        moved[not archived[patient_id], *values] -= 1
        moved[archived[patient_id], *values] += 1
    return moved


async def _put(desk: Desk, kind: Kind, moved: Counter[Cell]) -> None:
    rows = [(clocks.new_id(desk.org_id), *cell, n) for cell, n in moved.items() if n]
    if rows:
        await _add(desk.connection, desk.org_id, kind, rows)
        desk.tallied += len(rows)


async def fold(connection: Connection, org_id: str, kind: Kind) -> None:
    """Put one row in the place of those that tell of the same cell, inside the transaction of this connection."""
    taken = await connection.fetch(counts.fold_statement(kind), org_id, MOST_FOLDED)
    rows = [(clocks.new_id(org_id), *cell) for cell in taken if cell["n"]]
    if rows:
        await _add(connection, org_id, kind, rows)


async def _add(connection: Connection, org_id: str, kind: Kind, rows: Sequence[Sequence[object]]) -> None:
    await connection.execute(counts.add_statement(kind), org_id, *zip(*rows, strict=True))


def _cell(counted: Counted, record: Record) -> Cell:
    return (_archived(record), *(record[column] for column in counted.columns))


def _archived(record: Record) -> bool:
    return record["deleted_at"] is not None
