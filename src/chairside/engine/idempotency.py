"""Safe retries: the first success under an Idempotency-Key is kept with the change and given again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from chairside.engine.context import Context
from chairside.engine.packing import PACKED, Kept, pack, unpack
from chairside.errors import refuse
from chairside.store.lending import Connection
from chairside.store.sql import queries

MARK = 32  # bytes of a mark after the id of its key
# Bytes of an answer, and of a packed one, above which packing takes a millisecond or more.
MOST_AT_ONCE, MOST_PACKED_HERE = 1 << 16, 1 << 13
T = TypeVar("T")
U = TypeVar("U")


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
    status, body = row["status"], row["body"]
    if body is not None and body[:1] == PACKED:
        kept = await _off_loop(unpack, body, len(body) > MOST_PACKED_HERE)
        return Stored(status, kept.body, kept.etag, kept.location)
    return Stored(status, body, row["etag"], row["location"])


async def packed(body: bytes, etag: str | None, location: str | None) -> bytes:
    """Returns an answer as it is kept."""
    return await _off_loop(pack, Kept(body, etag, location), len(body) > MOST_AT_ONCE)


async def _off_loop(run: Callable[[T], U], given: T, large: bool) -> U:
    """Runs in a thread what takes so long that other requests would notice."""
    return await asyncio.to_thread(run, given) if large else run(given)


def _recognized(stored: bytes, marks: tuple[bytes, ...]) -> bool:
    """Whether a key was first used with this request, as far as can still be told.

    A rotation forgets keys, and who retries across it would rather have the answer than a conflict.
    """
    return stored in marks or stored[:-MARK] not in {mark[:-MARK] for mark in marks}
