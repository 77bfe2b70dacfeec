"""Statements that compare the records of two copies of a database, one org and one kind at a time."""

from __future__ import annotations

from functools import lru_cache

# One number for the versions of any set of records, whatever their order.
_SUM = "bit_xor(hashtextextended(id::text || '/' || version, 0))"


@lru_cache(maxsize=256)
def until_statement(table: str) -> str:
    """Ids of records that changed after a moment ($2); number and sum of the others. One snapshot sees both."""
    return (
        "SELECT coalesce(array_agg(id) FILTER (WHERE updated_at > $2), '{}') AS changed,"
        " count(*) FILTER (WHERE updated_at <= $2) AS number, max(updated_at) AS newest,"
        f" coalesce({_SUM} FILTER (WHERE updated_at <= $2), 0) AS sum"
        f" FROM {table} WHERE org_id = $1"
    )


@lru_cache(maxsize=256)
def without_statement(table: str) -> str:
    """Number and sum of the records that are not among some ids ($2)."""
    return (
        f"SELECT count(*) AS number, coalesce({_SUM}, 0) AS sum FROM {table}"
        " WHERE org_id = $1 AND id <> ALL ($2::uuid[])"
    )
