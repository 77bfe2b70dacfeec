"""The one way to write a record: rules, references, row, version, search words, summary and event, for one or many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from chairside.changes import Change, Record, SearchWords
from chairside.engine import days
from chairside.engine.references import name_references
from chairside.engine.summaries import tally
from chairside.errors import Refused, refuse
from chairside.resource import Kind
from chairside.store.clock import event_id
from chairside.store.sql import queries
from chairside.store.tables import Table, many
from chairside.store.transactions import WRITING_MANY
from chairside.types import is_mask, mask_of

if TYPE_CHECKING:
    from chairside.engine.desk import Desk


WordsOf = Mapping[str, object]
encode = msgspec.json.Encoder().encode


class Rewritten(Exception):
    """A record changed between being read and being written; the whole request runs again."""


async def save(desk: Desk, table: Table, change: Change, event: str) -> Record:
    """Write a record: its rules, its references, row and version, search words, event. One way for all."""
    await _judge(desk, table, change)
    if table.kind.consult is not None:
        await table.kind.consult(desk, change)
    _seal(desk, table.kind, change)
    if not _touched(table, change):
        return change.after
    await _order(desk, [change])
    _advance(desk, table.kind, change)
    await _write(desk, table, change)
    await _index(desk, table.kind, [change])
    await tally(desk, table.kind, [change])
    _note(desk, table, change, event)
    if table.kind.follow is not None:
        await table.kind.follow(desk, change)
    return change.after


async def _judge(desk: Desk, table: Table, change: Change) -> None:
    """The rules that the record alone decides, its references, and its days.

    A patient's rules say who the guarantor is, so they come before the references. The rules of what belongs to a
    patient mean the patient's day, which the look-up of the patient tells.
    """
    kind = table.kind
    if kind.parent is None:
        settle(kind, change)
    if problems := [p for found in await name_references(desk, table, [change]) for p in found]:
        raise Refused(problems)
    if kind.parent is not None:
        await days.place(desk, kind, [change])
        settle(kind, change)
    if problems := await days.judge(desk, kind, change):
        raise Refused(problems)


async def save_many(desk: Desk, table: Table, changes: Sequence[Change], event: str) -> None:
    """The same for many records by a fixed number of statements; rules and references were already judged."""
    for change in changes:
        _seal(desk, table.kind, change)
    moved = [c for c in changes if _touched(table, c)]
    await _order(desk, moved)
    for change in moved:
        _advance(desk, table.kind, change)
    await desk.connection.execute(WRITING_MANY)
    for statement, part in (
        (table.insert_many, [c for c in moved if c.before is None]),
        (table.update_many, [c for c in moved if c.before is not None]),
    ):
        if part:
            read = [c.before["revision"] for c in part if c.before and table.kind.bookkept]
            rows = many(table.kind, (c.after for c in part), read or None)
            status = await desk.connection.execute(statement, desk.org_id, rows)
            if int(status.rsplit(" ", 1)[1]) != len(part):
                raise Rewritten
    await _index(desk, table.kind, moved)
    await tally(desk, table.kind, moved)
    async for few in desk.in_turns(moved):
        for change in few:
            _note(desk, table, change, event)


def _seal(desk: Desk, kind: Kind, change: Change) -> None:
    for field in kind.sealed:
        if field.column not in change.given:
            continue
        column, new = field.column, change.after
        plain = new[column]
        if change.before is not None:
            if plain == change.before[column]:
                continue  # the mask that answers show, sent back
            index = desk.vault.blind(desk.org_id, plain)[0] if plain else None
            if change.before[f"{column}_index"] == index:
                new[column] = change.before[column]
                continue
        put = desk.vault.put_away(plain, desk.about(kind, column, new["id"]), desk.org_id) if plain else (None, None)
        new[f"{column}_sealed"], new[f"{column}_index"] = put
        new[column] = mask_of(plain) if plain else None


def _touched(table: Table, change: Change) -> bool:
    return change.before is None or any(change.before[c] != change.after[c] for c in table.columns)


async def _order(desk: Desk, changes: Sequence[Change]) -> None:
    """Sees to it that these changes are later than those that they follow, also in the order of events.

    A transaction that waited for a record's lock may find a change there which is later than its own time.
    """
    followed = (c.before for c in changes if c.before is not None)
    if any(before["updated_at"] >= desk.now and before["id"] not in desk.written for before in followed):
        await desk.take_later_time()
    desk.written.update(c.after["id"] for c in changes)


def _advance(desk: Desk, kind: Kind, change: Change) -> None:
    """An edit moves the version, what the server keeps for itself the revision; ETags are made of both."""
    if change.bookkeeping:
        change.after["revision"] += 1
    else:
        change.after["version"] = (change.before["version"] if change.before else 0) + 1
        if kind.bookkept:
            change.after["revision"] = 0
    change.after["updated_at"] = desk.now


async def _write(desk: Desk, table: Table, change: Change) -> None:
    if change.before is None:
        await desk.connection.execute(table.insert, desk.org_id, *(change.after[c] for c in table.columns))
        return
    before = change.before
    values = [change.after[c] for c in table.updated]
    values += [before["version"], before["revision"]] if table.kind.bookkept else [before["version"]]
    if await desk.connection.execute(table.update, desk.org_id, *values) != "UPDATE 1":
        # Somebody was faster between load and update.
        await _conflict(desk, table, before)


async def _conflict(desk: Desk, table: Table, before: Record) -> None:
    named = desk.base_version is not None or desk.context.if_match is not None
    if not named or before["id"] != desk.context.record_id:
        raise Rewritten  # the caller named no version of this record, so there is nothing for them to settle
    now = await desk.load(table.kind.name, before["id"], at=("path", table.kind.id_param))
    if now["version"] == before["version"]:
        raise Rewritten  # the server wrote what it keeps, which is no conflict for the caller
    current = now["version"] + desk.version_base
    if desk.base_version is None:
        raise refuse("precondition_failed", "header", "if-match", current_version=current)
    raise refuse("version_conflict", desk.base_version_in, "base_version", current_version=current)


async def _index(desk: Desk, kind: Kind, changes: Sequence[Change]) -> None:
    words = kind.search_words
    if words is None:
        return
    first: list[WordsOf] = []
    gone: list[WordsOf] = []
    come: list[WordsOf] = []
    async for few in desk.in_turns(changes):
        for change in few:
            new = words(change.after, desk.region)
            if change.before is None:
                first.extend(_by_scope(change.after["id"], new, {}))
            else:
                old = words(change.before, desk.region)
                gone.extend(_by_scope(change.after["id"], old, new))
                come.extend(_by_scope(change.after["id"], new, old))
    for query, rows in (("words.first", first), ("words.remove", gone), ("words.add", come)):
        if rows:
            await desk.connection.execute(queries()[query], desk.org_id, encode(rows).decode())


def _by_scope(record_id: str, words: SearchWords, but: SearchWords) -> Iterator[WordsOf]:
    """A record's words but for those, scope by scope, as the statements take them."""
    for (scope, name), some in words.items():
        if left := some.difference(but.get((scope, name), ())):
            found, besides = zip(*left, strict=True)
            yield {"patient_id": record_id, "scope": scope, "name": name, "words": found, "besides": besides}


def _note(desk: Desk, table: Table, change: Change, event: str) -> None:
    kind, record = table.kind, change.after
    if event not in kind.events:
        raise ValueError(f"the kind {kind.name} declares no event {event}")
    if event == "updated" and record["deleted_at"] and change.before and not change.before["deleted_at"]:
        event = "archived"  # however it came about
    before = change.before
    if before is None:
        changed = [name for name, column in kind.noted if record[column] is not None]
    else:
        changed = [name for name, column in kind.noted if before[column] != record[column]]
    patient_id = record["id"] if kind.name == "patient" else record.get("patient_id")
    desk.events.append(
        (
            event_id(desk.now, len(desk.events)),
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
    """Apply the kind's pure rules, after the one of all kinds: a mask stands for the record's own sealed value."""
    for field in kind.sealed:
        sent = change.after[field.column] if field.column in change.given else None
        kept = change.before[field.column] if change.before is not None else None
        if sent is not None and sent != kept and is_mask(sent):
            raise refuse("invalid_ssn", "body", field.key, msg="is not the mask that this record is answered with")
    if kind.settle is not None:
        kind.settle(change)
