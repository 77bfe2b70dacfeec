"""The statements of summaries: rows of plus and minus that add up to how many records there are of each sort."""

from __future__ import annotations

from functools import lru_cache

from chairside.resource import Counted, Kind
from chairside.store.tables import column_types


def cells(kind: Kind) -> dict[str, str]:
    """What a summary tells records apart by, each with its PostgreSQL type."""
    types = column_types(kind)
    return {"archived": "boolean"} | {column: types[column] for column in counted(kind).columns}


def counted(kind: Kind) -> Counted:
    assert kind.counted is not None  # noqa: S101 - asked of kinds that have a summary
    return kind.counted


@lru_cache(maxsize=64)
def add_statement(kind: Kind) -> str:
    """Rows of a summary: an array of ids, one of each cell, one of numbers."""
    columns = {"id": "uuid"} | cells(kind) | {"n": "bigint"}
    arrays = ", ".join(f"${place}::{of}[]" for place, of in enumerate(columns.values(), 2))
    listed = ", ".join(columns)
    return (
        f"INSERT INTO {counted(kind).table} (org_id, {listed})\n"
        f"SELECT o.id, u.* FROM orgs o CROSS JOIN unnest({arrays}) AS u ({listed}) WHERE o.id = $1"
    )


@lru_cache(maxsize=64)
def fold_statement(kind: Kind) -> str:
    """Takes away up to $2 rows that tell of the same cells as others, and says what they came to.

    Rows that somebody else is folding are left to them, so nobody waits and none is taken twice.
    """
    table, listed = counted(kind).table, ", ".join(cells(kind))
    return (
        "WITH several AS (\n"
        f"  SELECT id FROM {table} WHERE org_id = $1 AND id IN (\n"
        f"    SELECT id FROM (SELECT id, count(*) OVER (PARTITION BY {listed}) AS alike\n"
        f"      FROM {table} WHERE org_id = $1) c WHERE alike > 1 LIMIT $2)\n"
        "  FOR UPDATE SKIP LOCKED\n"
        "), taken AS (\n"
        f"  DELETE FROM {table} c USING several s WHERE c.org_id = $1 AND c.id = s.id RETURNING c.*\n"
        f") SELECT {listed}, sum(n)::bigint AS n FROM taken GROUP BY {listed}"
    )


@lru_cache(maxsize=64)
def carried_statement(kind: Kind) -> str:
    """What each of some patients ($2) carries: the values of the live records of a kind that is counted by patients."""
    columns = ", ".join(counted(kind).columns)
    return (
        f"SELECT patient_id, {columns} FROM {kind.table}"
        " WHERE org_id = $1 AND patient_id = ANY($2::uuid[]) AND deleted_at IS NULL"
    )


@lru_cache(maxsize=512)
def total_statement(summary: Counted, archived: bool, columns: tuple[str, ...]) -> str:
    """How many records have these values, which are given in the order of the columns."""
    sorts = "".join(f" AND {column} = ${place}" for place, column in enumerate(columns, 2))
    state = "archived" if archived else "NOT archived"
    return f"SELECT coalesce(sum(n), 0)::bigint FROM {summary.table} WHERE org_id = $1 AND {state}{sorts}"


@lru_cache(maxsize=64)
def drift_statement(kind: Kind) -> str:
    """In how many cells the summary differs from the records themselves: 0 when it is exact. One snapshot sees both."""
    columns = ", ".join(counted(kind).columns)
    there = f"SELECT deleted_at IS NOT NULL, {columns}, -1 FROM {kind.table} WHERE org_id = $1"
    if counted(kind).of_patients:
        there = (
            f"SELECT p.deleted_at IS NOT NULL, {columns}, -1 FROM {kind.table} r"
            " JOIN patients p ON p.org_id = $1 AND p.id = r.patient_id WHERE r.org_id = $1 AND r.deleted_at IS NULL"
        )
    return (
        "SELECT count(*) FROM (SELECT FROM (\n"
        f"  SELECT archived, {columns}, n FROM {counted(kind).table} WHERE org_id = $1\n"
        f"  UNION ALL {there}\n"
        f") told (archived, {columns}, n) GROUP BY archived, {columns} HAVING sum(n) <> 0) wrong"
    )
