"""Summaries of how many records there are: what every write adds to them, and how they are kept short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chairside.changes import Change, Record
from chairside.engine.ids import new_id
from chairside.resource import Counted, Kind
from chairside.store import counts
from chairside.store.lending import Connection

if TYPE_CHECKING:
    from chairside.engine.desk import Desk

MOST_FOLDED = 5000


async def tally(desk: Desk, kind: Kind, changes: Sequence[Change]) -> None:
    """Keep the kind's summary in step: one less of what a record was, one more of what it is.

    Rows are only added, each for itself, so that writers of one org do not wait for each other as at a counter.
    """
    if kind.counted is None:
        return
    moved: Counter[tuple[object, ...]] = Counter()
    for change in changes:
        if change.before is not None:
            moved[_cell(kind.counted, change.before)] -= 1
        moved[_cell(kind.counted, change.after)] += 1
    rows = [(new_id(), *cell, n) for cell, n in moved.items() if n]
    if rows:
        await _add(desk.connection, desk.org_id, kind, rows)
        desk.tallied += len(rows)


async def fold(connection: Connection, org_id: str, kind: Kind) -> None:
    """Put one row in the place of those that tell of the same cell, inside the transaction of this connection."""
    taken = await connection.fetch(counts.fold_statement(kind), org_id, MOST_FOLDED)
    rows = [(new_id(), *cell) for cell in taken if cell["n"]]
    if rows:
        await _add(connection, org_id, kind, rows)


async def _add(connection: Connection, org_id: str, kind: Kind, rows: Sequence[Sequence[object]]) -> None:
    await connection.execute(counts.add_statement(kind), org_id, *zip(*rows, strict=True))


def _cell(counted: Counted, record: Record) -> tuple[object, ...]:
    return (record["deleted_at"] is not None, *(record[column] for column in counted.columns))
