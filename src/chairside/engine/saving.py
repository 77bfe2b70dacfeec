"""The one way to write a record: rules, references, row, version, search words and event, for one or for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chairside.changes import Change, Record
from chairside.engine.ids import new_id
from chairside.engine.references import name_references
from chairside.errors import Refused, refuse
from chairside.resource import Kind
from chairside.store.sql import queries
from chairside.store.tables import Table, column_types

if TYPE_CHECKING:
    from chairside.engine.desk import Desk


class Rewritten(Exception):
    """A record changed between being read and being written; the whole request runs again."""


async def save(desk: Desk, table: Table, change: Change, event: str) -> Record:
    """Write a record: its rules, its references, row and version, search words, event. One way for all."""
    settle(table.kind, change)
    if problems := [p for found in await name_references(desk, table, [change]) for p in found]:
        raise Refused(problems)
    if table.kind.consult is not None:
        await table.kind.consult(desk, change)
    _seal(desk, table.kind, change)
    if not _touched(table, change):
        return change.after
    _advance(desk, change)
    await _write(desk, table, change)
    await _index(desk, table.kind, [change])
    _note(desk, table, change, event)
    if table.kind.follow is not None:
        await table.kind.follow(desk, change)
    return change.after


async def save_many(desk: Desk, table: Table, changes: Sequence[Change], event: str) -> None:
    """The same for many records by a fixed number of statements; rules and references were already judged."""
    types = column_types(table.kind)
    for change in changes:
        _seal(desk, table.kind, change)
    moved = [c for c in changes if _touched(table, c)]
    for change in moved:
        _advance(desk, change)
    for statement, part in (
        (table.insert_many, [c for c in moved if c.before is None]),
        (table.update_many, [c for c in moved if c.before is not None]),
    ):
        if part:
            columns = ([_packed(c.after[name]) for c in part] for name in types)
            status = await desk.connection.execute(statement, desk.org_id, *columns)
            if int(status.rsplit(" ", 1)[1]) != len(part):
                raise Rewritten
    await _index(desk, table.kind, moved)
    for change in moved:
        _note(desk, table, change, event)


def _seal(desk: Desk, kind: Kind, change: Change) -> None:
    for field in kind.sealed:
        if field.column not in change.given:
            continue
        column, new = field.column, change.after
        plain = new[column]
        index = desk.vault.blind(desk.org_id, plain)[0] if plain else None
        if change.before is not None and change.before[f"{column}_index"] == index:
            new[column] = change.before[column]
            continue
        new[f"{column}_index"] = index
        new[f"{column}_sealed"] = desk.vault.seal(plain, desk.about(kind, column, new["id"])) if plain else None
        new[column] = f"***-**-{plain[-4:]}" if plain else None


def _touched(table: Table, change: Change) -> bool:
    return change.before is None or any(change.before[c] != change.after[c] for c in table.columns)


def _advance(desk: Desk, change: Change) -> None:
    change.after["version"] = (change.before["version"] if change.before else 0) + 1
    change.after["updated_at"] = desk.now


async def _write(desk: Desk, table: Table, change: Change) -> None:
    if change.before is None:
        await desk.connection.execute(table.insert, desk.org_id, *(change.after[c] for c in table.columns))
        return
    values = (change.after[c] for c in table.updated)
    if await desk.connection.execute(table.update, desk.org_id, *values) != "UPDATE 1":
        # Somebody was faster between load and update.
        await _conflict(desk, table, change.after["id"])


async def _conflict(desk: Desk, table: Table, record_id: str) -> None:
    named = desk.base_version is not None or desk.context.if_match is not None
    if not named or record_id != desk.context.record_id:
        raise Rewritten  # the caller named no version of this record, so there is nothing for them to settle
    now = await desk.load(table.kind.name, record_id, at=("path", table.kind.id_param))
    raise refuse("version_conflict", desk.base_version_in, "base_version", current_version=now["version"])


async def _index(desk: Desk, kind: Kind, changes: Sequence[Change]) -> None:
    words = kind.search_words
    if words is None:
        return
    gone: list[tuple[int, str, str]] = []
    come: list[tuple[int, str, str]] = []
    for change in changes:
        old = words(change.before) if change.before is not None else set()
        new = words(change.after)
        gone.extend((scope, word, change.after["id"]) for scope, word in old - new)
        come.extend((scope, word, change.after["id"]) for scope, word in new - old)
    for query, rows in (("words.remove", gone), ("words.add", come)):
        if rows:
            scopes, texts, ids = zip(*rows, strict=True)
            await desk.connection.execute(queries()[query], desk.org_id, scopes, texts, ids)


def _note(desk: Desk, table: Table, change: Change, event: str) -> None:
    kind, record = table.kind, change.after
    if event == "updated" and record["deleted_at"] and change.before and not change.before["deleted_at"]:
        event = "archived"  # however it came about
    changed = [
        f.name
        for f in kind.answered
        if f.stored
        and f.name not in ("id", "version", "created_at", "updated_at", kind.parent_name)
        and (record[f.column] is not None if change.before is None else change.before[f.column] != record[f.column])
    ]
    patient_id = record["id"] if kind.name == "patient" else record.get("patient_id")
    desk.events.append(
        (
            new_id(),
            f"{kind.name}.{event}",
            desk.now,
            kind.name,
            record["id"],
            patient_id,
            record["version"],
            ",".join(changed),
            ",".join(change.notes),
        )
    )


def settle(kind: Kind, change: Change) -> None:
    """Apply the kind's pure rules."""
    if kind.settle is not None:
        kind.settle(change)


def _packed(value: object) -> object:
    """A list inside a column of values, as PostgreSQL writes one."""
    if not isinstance(value, list):
        return value
    quoted = (str(v).replace("\\", "\\\\").replace('"', '\\"') for v in value)
    return "{" + ",".join(f'"{q}"' for q in quoted) + "}"
