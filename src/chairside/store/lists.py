"""The statements of lists: filters, sorts with nulls last, pages by number, by cursor, and exact totals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from chairside.resource import Kind
from chairside.store.counts import total_statement
from chairside.store.narrowing import Chosen
from chairside.store.tables import Table

# Statements are planned once for any value, and for any org. Which index serves a filter best hangs on how many records
# of this org have this value, so what finds the ids of such a list is planned anew each time. What reads their records
# joins ten tables, whose planning would take longer than all else, and serves any values alike.
FOR_THESE_VALUES = "SET LOCAL plan_cache_mode = force_custom_plan"
FOR_ANY_VALUES = "SET LOCAL plan_cache_mode = force_generic_plan"


@dataclass(frozen=True, slots=True)
class Order:
    """A sort: its columns, whether the first may be null, and its direction.

    Columns with a minus descend, nulls last, in lists too short to need an index for it.
    """

    columns: tuple[str, ...]
    nullable: bool = False
    descending: bool = False


@lru_cache(maxsize=512)
def page_statement(table: Table, chosen: Chosen, order: Order, limit: int, offset_at: int | None) -> str:
    """The answers of one page; what a search found is also counted, as `total` in each row."""
    if not chosen.found:
        return _rows(table, page_ids(table, chosen, order, limit, offset_at))
    column, _ = order.columns
    way, skip = " DESC" if order.descending else "", f" OFFSET ${offset_at}" if offset_at else ""
    last = "m.sort_value IS NULL, " if order.nullable else ""
    every = f"SELECT r.id, r.{column} AS sort_value FROM {chosen.source(table.kind.table)} WHERE {chosen.where()}"
    ids = f"SELECT m.id FROM matches m ORDER BY {last}m.sort_value{way}, m.id{way} LIMIT {limit}{skip}"
    rows = _rows(table, ids, ", (SELECT count(*) FROM matches) AS total")
    return f"WITH matches AS MATERIALIZED ({every})\n{rows}"


@lru_cache(maxsize=512)
def page_ids(table: Table, chosen: Chosen, order: Order, limit: int, offset_at: int | None) -> str:
    """The ids of one page. LIMIT is written out, because a plan for an unknown one expects a tenth of the table.

    A nullable sort is read as two ordered runs, values then nulls, so that one index serves both directions. The
    limit stands beside the runs, not after the sort of both: PostgreSQL reads them one after the other and leaves the
    nulls alone where the values fill the page. How many nulls there are it knows of all orgs together, so in an org
    of few it may look for them among all that a filter leaves. Nulls, too, are ordered by the column, which is to say
    that the index has them in the order asked for.
    """
    source, way = chosen.source(table.kind.table), " DESC" if order.descending else ""
    keys = ", ".join(f"r.{c[1:]} DESC NULLS LAST" if c[0] == "-" else f"r.{c}{way}" for c in order.columns)
    skip = f" OFFSET ${offset_at}" if offset_at else ""
    if not order.nullable:
        return f"SELECT r.id FROM {source} WHERE {chosen.where()} ORDER BY {keys} LIMIT {limit}{skip}"
    most = f"{limit} + ${offset_at}::bigint" if offset_at else str(limit)
    first = order.columns[0]
    listed = ", ".join(f"r.{c}" for c in order.columns)
    runs = [
        f"(SELECT {run} AS run, {listed} FROM {source} WHERE {chosen.where(f'r.{first} IS {state}')}"
        f" ORDER BY {keys} LIMIT {most})"
        for run, state in ((0, "NOT NULL"), (1, "NULL"))
    ]
    outer = ", ".join(f"x.{c}{way}" for c in order.columns)
    return f"SELECT x.id FROM ({' UNION ALL '.join(runs)} LIMIT {limit}{skip}) x ORDER BY x.run, {outer}"


@lru_cache(maxsize=512)
def walk_statement(table: Table, chosen: Chosen, order: Order, limit: int, nulls: bool, anchor_at: int | None) -> str:
    """The next answers of a walk with the sort value of each."""
    return _rows(table, walk_ids(table, chosen, order, limit, nulls, anchor_at), ", page.sort_value")


@lru_cache(maxsize=512)
def walk_ids(table: Table, chosen: Chosen, order: Order, limit: int, nulls: bool, anchor_at: int | None) -> str:
    """The next ids of a walk with the sort value of each: one run, of values or of nulls, after an anchor.

    Parameters from `anchor_at`: the anchor's id, then (in the run of values) its sort value.
    """
    column, _ = order.columns
    way, beyond = (" DESC", "<") if order.descending else ("", ">")
    conditions: list[str] = []
    if order.nullable:
        conditions.append(f"r.{column} IS {'' if nulls else 'NOT '}NULL")
    if anchor_at and nulls:
        conditions.append(f"r.id {beyond} ${anchor_at}")
    elif anchor_at:
        conditions.append(f"(r.{column}, r.id) {beyond} (${anchor_at + 1}, ${anchor_at})")
    runs = [
        f"SELECT r.id, r.{column} AS sort_value FROM {part.source(table.kind.table)}"
        f" WHERE {part.where(*conditions)} ORDER BY r.{column}{way}, r.id{way} LIMIT {limit}"
        for part in _parts(chosen)
    ]
    if len(runs) == 1:
        return runs[0]
    merged = " UNION ALL ".join(f"({run})" for run in runs)
    return f"SELECT m.id, m.sort_value FROM ({merged}) m ORDER BY m.sort_value{way}, m.id{way} LIMIT {limit}"


def _parts(chosen: Chosen) -> list[Chosen]:
    """Live and archived records apart, because their indexes are: each in its order up to the limit, then merged."""
    if not chosen.both:
        return [chosen]
    return [replace(chosen, both=False, archived=archived) for archived in (False, True)]


@lru_cache(maxsize=512)
def rows_statement(table: Table, chosen: Chosen, ids_at: int) -> str:
    """The answers of the records with these ids, in their order, but for those that are no longer among the chosen."""
    return (
        f"SELECT {table.answer_list}\nFROM unnest(${ids_at}::uuid[]) WITH ORDINALITY AS page (id, place)\n"
        f"  JOIN {table.kind.table} r ON r.org_id = $1 AND r.id = page.id{table.joins}\n"
        f"WHERE {chosen.where()}\nORDER BY page.place"
    )


@lru_cache(maxsize=512)
def count_statement(kind: Kind, chosen: Chosen) -> str:
    """How many they are: by a summary that writes keep, or by counting where it tells too little."""
    if counted := chosen.counted(kind):
        summary, columns = counted
        return total_statement(summary, chosen.archived, columns)
    return f"SELECT count(*) FROM {chosen.source(kind.table)} WHERE {chosen.where()}"


def _rows(table: Table, ids: str, more: str = "") -> str:
    """The answers of the records that `ids` selects, in the order of its rows."""
    return (
        f"SELECT {table.answer_list}{more}\nFROM (SELECT p.*, row_number() OVER () AS place FROM ({ids}) p) page\n"
        f"  JOIN {table.kind.table} r ON r.org_id = $1 AND r.id = page.id{table.joins}\nORDER BY page.place"
    )
