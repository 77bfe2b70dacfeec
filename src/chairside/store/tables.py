"""The plain statements of every kind, built once from its declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any

import msgspec

from chairside.fields import Borrowed, Field
from chairside.resource import Beside, Kind
from chairside.store.days import has_come, start_of, today_of, zone_of

# The revision that was read, beside the values of a row.
READ = "revision_read"
_encode = msgspec.json.Encoder().encode
# The name that `load` gives to the day it is at a record's place.
TODAY = "day.today"
# The kinds of record that say at which place another is, and so on which day.
PLACES = ("patient", "location")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A kind's statements. `$1` is always the org, then come the values of `columns`, or in an update of `updated`.

    `get` reads a live record of a live patient, `get_any` an archived one as well.
    `update` takes the version that was read after them, and of a bookkept kind the revision: a row that has moved since
    is left alone. `insert_many` and `update_many` take the rows as one JSON text, made by `many`. `hold` locks a row.
    """

    kind: Kind
    columns: tuple[str, ...]
    updated: tuple[str, ...]
    joins: str
    answer_list: str
    get: str
    get_any: str
    load: str
    hold: str
    insert: str
    insert_many: str
    update: str
    update_many: str
    names: str
    targets: tuple[str, ...]


def tables(kinds: Iterable[Kind]) -> dict[str, Table]:
    by_name = {k.name: k for k in kinds}
    return {k.name: _table(k, by_name) for k in by_name.values()}


def columns_of(kind: Kind) -> list[str]:
    """The columns of a kind's table but org_id: what it stores, and the cipher and index of what it seals."""
    plain = [f.column for f in kind.stored]
    return plain + [f.column + end for f in kind.stored if f.sealed for end in ("_sealed", "_index")]


def column_types(kind: Kind) -> dict[str, str]:
    """The PostgreSQL type of each column."""
    sealed = {f.column + end: "bytea" for f in kind.stored if f.sealed for end in ("_sealed", "_index")}
    return {f.column: f.type.sql for f in kind.stored} | sealed


def many(kind: Kind, records: Iterable[Mapping[str, Any]], revisions: Iterable[int] | None = None) -> str:
    """Records as `insert_many` and `update_many` take them: one JSON text, cheaper to write than an array a column.

    An update of a bookkept kind needs the `revisions` that were read.
    """
    row_of, values_of, sealed = _form(kind)
    rows = []
    read: Iterable[int | None] = revisions if revisions is not None else repeat(None)
    for record, revision in zip(records, read, strict=False):
        row = row_of(*values_of(record), revision)
        for column in sealed:
            if (value := record[column]) is not None:
                setattr(row, column, "\\x" + value.hex())
        rows.append(row)
    return _encode(rows).decode()


@lru_cache(maxsize=64)
def _form(kind: Kind) -> tuple[type[msgspec.Struct], Callable[[Mapping[str, Any]], tuple[Any, ...]], list[str]]:
    """A row whose JSON leaves out what is null, several times faster than a dictionary that does; the values of a
    record for it; and the columns that hold bytes.
    """
    columns = columns_of(kind)
    row = msgspec.defstruct("Row", [(c, Any, None) for c in (*columns, READ)], omit_defaults=True, gc=False)
    return row, itemgetter(*columns), [c for c, sql_type in column_types(kind).items() if sql_type == "bytea"]


def label(kind: Kind, alias: str) -> str:
    """What a reference to a record shows as its name."""
    return " || ' ' || ".join(f"{alias}.{column}" for column in kind.label) or "NULL::text"


def _table(kind: Kind, kinds: Mapping[str, Kind]) -> Table:
    columns = columns_of(kind)
    types = column_types(kind)
    alias = {r.name: f"n{i}" for i, r in enumerate(kind.references)}
    joins = "".join(
        f"\n  LEFT JOIN {kinds[r.to].table} {alias[r.name]}"
        f" ON {alias[r.name]}.org_id = r.org_id AND {alias[r.name]}.id = r.{r.column}"
        for r in kind.references
    )
    names = [f"{label(kinds[r.to], alias[r.name])} AS {r.name}_name" for r in kind.references]
    borrowed = [f"{alias[f.via]}.{f.name}" for f in kind.every_field if isinstance(f, Borrowed)]
    beside = [f'{_near(kind, b, alias)} AS "{b.name}"' for b in kind.beside]
    answer = ", ".join([_answered(kind, f, alias) for f in kind.answered] + names + beside)
    everything = ", ".join([_shown(kind, c) for c in columns] + names + borrowed + beside + _today(kind))
    if any(b.of == "org_settings" for b in kind.beside):
        joins += "\n  LEFT JOIN org_settings s ON s.org_id = r.org_id AND s.id = r.org_id"
    one = f"SELECT {answer}\nFROM {kind.table} r{joins}\nWHERE r.org_id = $1 AND r.id = $2"
    owned = " AND r.patient_id = $3" if kind.parent else ""
    live = " AND r.deleted_at IS NULL" + (f" AND {alias[kind.parent_name]}.deleted_at IS NULL" if kind.parent else "")
    mutable = [c for c in columns if c not in ("id", "created_at")]
    updated = ["id", *mutable]
    listed = ", ".join(columns)
    places = ", ".join(f"${i + 2}" for i in range(len(columns)))
    rows = f"json_to_recordset($2::json) AS u ({', '.join(f'{c} {types[c]}' for c in columns)}, {READ} integer)"
    as_read = f" AND revision = ${len(updated) + 3}" if kind.bookkept else ""
    all_as_read = f" AND t.revision = u.{READ}" if kind.bookkept else ""
    targets = tuple(dict.fromkeys(r.to for r in kind.references))
    return Table(
        kind=kind,
        columns=tuple(columns),
        updated=tuple(updated),
        joins=joins,
        answer_list=answer,
        get=f"{one}{live}{owned}",
        get_any=f"{one}{owned}",
        load=f"SELECT {everything}\nFROM {kind.table} r{joins}\nWHERE r.org_id = $1 AND r.id = $2",
        hold=f"SELECT id FROM {kind.table} WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE",
        insert=f"INSERT INTO {kind.table} (org_id, {listed}) VALUES ($1, {places})",
        insert_many=(
            f"INSERT INTO {kind.table} (org_id, {listed})\n"
            f"SELECT o.id, {', '.join(f'u.{c}' for c in columns)} FROM orgs o CROSS JOIN {rows} WHERE o.id = $1"
        ),
        update=(
            f"UPDATE {kind.table} SET {', '.join(f'{c} = ${i + 3}' for i, c in enumerate(mutable))}\n"
            f"WHERE org_id = $1 AND id = $2 AND version = ${len(updated) + 2}{as_read}"
        ),
        update_many=(
            f"UPDATE {kind.table} t SET {', '.join(f'{c} = u.{c}' for c in mutable)}\n"
            f"FROM {rows}\n"
            f"WHERE t.org_id = $1 AND t.id = u.id AND t.version = u.version - 1{all_as_read}"
        ),
        names=_names(kind, kinds, targets),
        targets=targets,
    )


def _answered(kind: Kind, field: Field, alias: Mapping[str, str]) -> str:
    if isinstance(field, Borrowed):
        return f"{alias[field.via]}.{field.name}"
    return _shown(kind, field.column) if field.stored else f"NULL AS {field.name}"


def _shown(kind: Kind, column: str) -> str:
    """A column as it reads now: a status whose day has come reads as ended."""
    lapse = kind.lapse
    if lapse is None or column not in (lapse.column, lapse.stamp):
        return f"r.{column}"
    then = f"'{lapse.becomes}'" if column == lapse.column else start_of(f"r.{lapse.on}", zone_of(kind))
    return f"CASE WHEN {lapsed(kind)} THEN {then} ELSE r.{column} END AS {column}"


def state_of(kind: Kind, column: str) -> str:
    """A status as a condition compares it."""
    if kind.lapse is None:
        return f"r.{column}"
    return f"CASE WHEN {lapsed(kind)} THEN '{kind.lapse.becomes}' ELSE r.{column} END"


def lapsed(kind: Kind) -> str:
    """The condition that a record's status has ended by date."""
    assert kind.lapse is not None  # noqa: S101 - asked of kinds that have one
    day = f"r.{kind.lapse.on} + 1" if kind.lapse.through else f"r.{kind.lapse.on}"
    return f"(r.{kind.lapse.column} = '{kind.lapse.held}' AND {has_come(day, zone_of(kind))})"


def _today(kind: Kind) -> list[str]:
    """The day it is at a record's place, where records of the kind have one."""
    return [f'{today_of(kind)} AS "{TODAY}"'] if {"patient_id", "location_id"} & set(columns_of(kind)) else []


def _near(kind: Kind, beside: Beside, alias: Mapping[str, str]) -> str:
    near = {"self": "r", "org_settings": "s", "patient": alias.get(kind.parent_name, "")}[beside.of]
    return f"{near}.{beside.column}"


def _names(kind: Kind, kinds: Mapping[str, Kind], targets: tuple[str, ...]) -> str:
    """One statement for the names of everything a record refers to, and the day it is at each place among them.

    It takes an array of ids per kind referred to.
    """
    borrowed = [f for f in kind.every_field if isinstance(f, Borrowed)]
    via = {r.name: r.to for r in kind.references}
    parts = []
    for i, target in enumerate(targets):
        more = "".join(
            f", x.{f.name}" if via[f.via] == target else f", NULL::{f.type.sql} AS {f.name}" for f in borrowed
        )
        today = today_of(kinds[target], "x") if target in PLACES else "NULL::date"
        parts.append(
            f"SELECT '{target}' AS kind, x.id, {label(kinds[target], 'x')} AS name{more}, {today} AS today"
            f" FROM {kinds[target].table} x"
            f" WHERE x.org_id = $1 AND x.id = ANY(${i + 2}::uuid[]) AND x.deleted_at IS NULL"
        )
    return "\nUNION ALL\n".join(parts)
