"""Safe retries: the first success under an Idempotency-Key is kept with the change and given again."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from chairside.engine.context import Context
from chairside.errors import refuse
from chairside.store.lending import Connection
from chairside.store.sql import queries

MARK = 32  # bytes of a mark after the id of its key


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it left the first time."""

    status: int
    body: bytes
    etag: str | None
    location: str | None


async def claim(connection: Connection, context: Context) -> Stored | None:
    """Take the key for this transaction, or give the answer it already has.

    While a twin holds the key, the insert waits for it as long as the lock timeout of the transaction lets it.
    """
    caller = context.caller
    try:
        taken = await connection.fetch(
            queries()["idempotency.claim"],
            caller.org_id,
            caller.user_id,
            context.key,
            context.marks[0],
            context.now,
        )
    except asyncpg.LockNotAvailableError:
        raise refuse("idempotency_in_progress", "header", "idempotency-key") from None
    if taken:
        return None
    row = await connection.fetchrow(queries()["idempotency.read"], caller.org_id, caller.user_id, context.key)
    if row is None:
        raise refuse("idempotency_in_progress", "header", "idempotency-key")
    if not _recognized(row["fingerprint"], context.marks):
        raise refuse("idempotency_conflict", "header", "idempotency-key")
    return Stored(row["status"], row["body"], row["etag"], row["location"])


def _recognized(stored: bytes, marks: tuple[bytes, ...]) -> bool:
    """Whether a key was first used with this request, as far as can still be told.

    A rotation forgets keys, and who retries across it would rather have the answer than a conflict.
    """
    return stored in marks or stored[:-MARK] not in {mark[:-MARK] for mark in marks}
