"""Lists: pages by number with exact totals, and walks by cursor."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from chairside.changes import Asked, Record
from chairside.days import last_day
from chairside.errors import refuse
from chairside.questions import question
from chairside.resource import Filter, Kind, Sort
from chairside.store import lists
from chairside.store.clock import latest, moment_of
from chairside.store.narrowing import Chosen, Narrowing
from chairside.store.tables import Table, state_of
from chairside.types import Moment

if TYPE_CHECKING:
    from chairside.engine.desk import Desk

MOST_BARE = 1000
EVERY = "all"  # the status of a walk that asks for live and archived records
Cursor = tuple[str, bool, object]


async def page(desk: Desk, table: Table, asked: Asked) -> dict[str, object] | list[object]:
    """One page with the exact total; a bare list where the kind answers one."""
    kind, query = table.kind, asked.query
    narrowed = await _narrow(desk, table, asked)
    rows = await _page_rows(desk, table, query, narrowed)
    found = desk.shapes.of_rows(kind, rows, desk.view, desk.version_base)
    if kind.bare_list:
        return found
    size, number = query["page_size"], query["page"]
    if narrowed.chosen.found and rows:
        total = rows[0]["total"]
    else:
        total = await _count(desk, kind, narrowed)
    return {"items": found, "page": number, "page_size": size, "total": total}


async def _count(desk: Desk, kind: Kind, narrowed: Narrowing) -> int:
    counted = await desk.fetch(lists.count_statement(kind, narrowed.chosen), *narrowed.values)
    return int(counted[0][0])


async def items(desk: Desk, table: Table, asked: Asked) -> list[dict[str, Any]]:
    """The answers of one page alone."""
    rows = await _page_rows(desk, table, asked.query, await _narrow(desk, table, asked))
    return [desk.shapes.of_row(table.kind, row, desk.view, desk.version_base) for row in rows]


async def where(desk: Desk, table: Table, columns: Mapping[str, object]) -> list[dict[str, Any]]:
    """The answers of the live records whose columns have these values."""
    narrowed = Narrowing()
    for column, value in columns.items():
        narrowed.add("equals", column, value)
    rows = await _page_rows(desk, table, {}, narrowed)
    return [desk.shapes.of_row(table.kind, row, desk.view, desk.version_base) for row in rows]


async def _page_rows(desk: Desk, table: Table, query: Mapping[str, Any], narrowed: Narrowing) -> list[Any]:
    kind, order = table.kind, _order(table.kind, query)
    size, number = query.get("page_size", MOST_BARE), query.get("page", 1)
    values, offset_at = list(narrowed.values), None
    if number > 1:
        values.append((number - 1) * size)
        offset_at = len(values) + 1
    chosen = narrowed.chosen
    if not _in_two_steps(kind, chosen):
        return await desk.fetch(lists.page_statement(table, chosen, order, size, offset_at), *values)
    await desk.connection.execute(lists.FOR_THESE_VALUES)
    ids = await desk.fetch(lists.page_ids(table, chosen, order, size, offset_at), *values)
    return await _rows(desk, table, narrowed, ids)


def _in_two_steps(kind: Kind, chosen: Chosen) -> bool:
    """Whether a list can be long in many orders, and which way is best hangs on what it is narrowed to."""
    return bool(kind.sorts) and chosen.uneven


async def _rows(desk: Desk, table: Table, narrowed: Narrowing, ids: Sequence[Record]) -> list[Any]:
    """The second step: the rows of the ids that the first has found."""
    await desk.connection.execute(lists.FOR_ANY_VALUES)
    statement = lists.rows_statement(table, narrowed.chosen, len(narrowed.values) + 2)
    return await desk.fetch(statement, *narrowed.values, [row["id"] for row in ids])


async def walk(desk: Desk, table: Table, asked: Asked) -> dict[str, object]:
    """The records after a cursor, by sort value and id, so that those who come and go meanwhile shift nothing."""
    kind, query = table.kind, asked.query
    sort = _sort(kind, query.get("sort_by") or "first_name")
    order = lists.Order((sort.column, "id"), sort.nullable, query["sort_dir"] == "desc")
    about = _about(kind, desk.org_id, query, sort)
    anchor = _read_cursor(desk, query.get("after"), about)
    narrowed = await _narrow(desk, table, asked)
    apart = _in_two_steps(kind, narrowed.chosen)
    if sort.column == "updated_at":
        narrowed.add("before", sort.column, await _settled_until(desk))
    first = query["first"]
    if apart:
        await desk.connection.execute(lists.FOR_THESE_VALUES)
    found = await _run(desk, table, narrowed, order, first + 1, anchor, apart=apart)
    more, found = len(found) > first, found[:first]
    info: dict[str, object] = {
        "has_next_page": more,
        # An empty page leaves the walk where it was, so a reader keeps its place by keeping end_cursor.
        "end_cursor": _write_cursor(desk, found[-1], about) if found else query.get("after"),
        "has_previous_page": anchor is not None,
        "start_cursor": _write_cursor(desk, found[0], about) if found else None,
    }
    rows = await _rows(desk, table, narrowed, found) if apart else found
    return {"data": desk.shapes.of_rows(kind, rows, desk.view, desk.version_base), "page_info": info}


async def _settled_until(desk: Desk) -> datetime:
    """Returns the time before which no change can still appear.

    No machine's clock counts, for they differ and step back. The latest committed time is read first, then the marks of
    open writes, and the rows by a later snapshot still. So a write whose mark is not seen here is either among those
    rows, or begins later, reads that latest time too, and takes a later one.
    """
    committed = await latest(desk.connection, desk.org_id)
    marks = [moment_of(row["since"] * 1000) for row in await desk.ask("sync.writing")]
    return min([committed + timedelta(microseconds=1), *marks])


async def _run(
    desk: Desk,
    table: Table,
    narrowed: Narrowing,
    order: lists.Order,
    wanted: int,
    anchor: Cursor | None,
    *,
    apart: bool,
) -> list[Any]:
    """Up to `wanted` rows, or ids in two steps, after the anchor: the run of values first, then the run of nulls."""
    rows: list[Any] = []
    written = lists.walk_ids if apart else lists.walk_statement
    for nulls in (False, True) if order.nullable else (False,):
        if anchor is not None and anchor[1] and not nulls:
            continue
        if len(rows) == wanted:
            break
        values, anchor_at = list(narrowed.values), None
        if anchor is not None and anchor[1] == nulls:
            anchor_at = len(values) + 2
            values += [anchor[0]] if nulls else [anchor[0], anchor[2]]
        # The limit stays the same for both runs, so that a walk has few statements to plan.
        statement = written(table, narrowed.chosen, order, wanted, nulls, anchor_at)
        rows += (await desk.fetch(statement, *values))[: wanted - len(rows)]
    return rows


async def _narrow(desk: Desk, table: Table, asked: Asked) -> Narrowing:
    """The conditions that the query's filters mean; not_found for a filter by something that is not there."""
    kind, query = table.kind, asked.query
    state = query.get("status") if any(f.how == "state" for f in kind.filters) else None
    narrowed = Narrowing(archived=state == "archived", both=state == EVERY)
    if kind.parent and query.get("include_family"):
        narrowed.family(asked.path["patient_uuid"])
    elif kind.parent:
        narrowed.add("equals", "patient_id", asked.path["patient_uuid"])
    for listed in kind.filters:
        value = query.get(listed.entry.key)
        if value is None or listed.how == "family" or (listed.how == "state" and narrowed.both):
            continue
        if listed.refers_to is not None:
            # The records of an archived catalog entry can be listed, so that they can be given another one.
            catalogued = listed.refers_to != "patient"
            await desk.load(listed.refers_to, value, at=("query", listed.entry.key), archived=catalogued)
        if listed.how == "words":
            words = question(value, desk.region, last_day(desk.now))
            if value.strip() and not words:
                narrowed.nothing()
            narrowed.words(words)
        else:
            _add(narrowed, kind, listed, value)
        if listed.counted is not None:
            narrowed.told.append(listed.counted)
    if narrowed.by_tag_alone:
        narrowed.few_have_it(await _count(desk, kind, narrowed), await _count(desk, kind, Narrowing()))
    return narrowed


def _add(narrowed: Narrowing, kind: Kind, listed: Filter, value: Any) -> None:
    if listed.how == "contains":
        narrowed.add("contains", listed.column, " ".join(value.casefold().split()))
    elif listed.how == "is":
        narrowed.is_(state_of(kind, listed.column), listed.value or "", value)
    elif listed.how == "state" and kind.lapse is None:
        narrowed.add("equals", listed.column, value)
    elif listed.how == "state":
        narrowed.add("state", state_of(kind, listed.column), value)
    elif isinstance(listed.entry.type, Moment) and not isinstance(value, datetime):
        narrowed.by_day(kind, listed.how, listed.column, value)
    else:
        narrowed.add(listed.how, listed.column, value)


def _sort(kind: Kind, name: str) -> Sort:
    return next(s for s in kind.sorts if s.name == name)


def _order(kind: Kind, query: Mapping[str, Any]) -> lists.Order:
    if not kind.sorts:
        return lists.Order(kind.order)
    sort = _sort(kind, query["sort_by"])
    return lists.Order((sort.column, "id"), sort.nullable, query["sort_dir"] == "desc")


def _about(kind: Kind, org_id: str, query: Mapping[str, Any], sort: Sort) -> str:
    """What a cursor is made for; used with other sort, direction or filters it does not open."""
    filters = {f.entry.key: str(query[f.entry.key]) for f in kind.filters if query.get(f.entry.key) is not None}
    plain = msgspec.json.encode([org_id, kind.name, sort.name, query["sort_dir"], sorted(filters.items())])
    return hashlib.sha256(plain).hexdigest()


def _write_cursor(desk: Desk, row: Any, about: str) -> str:
    value = row["sort_value"]
    form = "n" if value is None else "t" if isinstance(value, datetime) else "d" if isinstance(value, date) else "s"
    return desk.vault.write_cursor(msgspec.json.encode([row["id"], form, value, desk.version_base]), about)


def _read_cursor(desk: Desk, token: str | None, about: str) -> Cursor | None:
    if token is None:
        return None
    payload = desk.vault.read_cursor(token, about)
    if payload is None:
        raise refuse("invalid_cursor", "query", "after")
    record_id, form, value, *epoch = msgspec.json.decode(payload)
    if sum(epoch) != desk.version_base:  # the base tells epochs apart, and releases before epochs wrote none
        raise refuse("feed_reset", "query", "after")
    if form == "t":
        value = datetime.fromisoformat(value)
    elif form == "d":
        value = date.fromisoformat(value)
    return record_id, form == "n", value
