"""The clock of each org: the greater of this machine's time and the latest time that the org has given."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from chairside.store.lending import Connection
from chairside.store.sql import queries

# Orgs whose latest time a worker remembers. It only saves reading more of an index, so those used last suffice.
MOST_KNOWN = 10_000
# Nanoseconds between two ids: an id tells times that are 4,096th parts of a millisecond apart.
STEP = 250
VARIANT = 1 << 63
# Of the 62 bits of an id that hold no time; an event's id has its place in the others.
RANDOM_BITS = 40
FIRST_ID, BEGINNING = "00000000-0000-0000-0000-000000000000", datetime(1970, 1, 1, tzinfo=UTC)
Clock = Callable[[], int]


class Clocks:
    """The latest time of each org that this process has given or read, in nanoseconds. No time is given twice."""

    def __init__(self, clock: Clock = time.time_ns) -> None:
        self._clock = clock
        self._last: dict[str, int] = {}

    def now(self, org_id: str) -> datetime:
        """Returns a time later than all that were given or read before, to the microsecond."""
        return BEGINNING + timedelta(microseconds=self.microseconds(org_id))

    def microseconds(self, org_id: str) -> int:
        """Returns the same in microseconds since 1970."""
        last = self._last.pop(org_id, 0)
        if len(self._last) >= MOST_KNOWN:
            del self._last[next(iter(self._last))]
        now = max(self._clock() // 1000, last // 1000 + 1)
        self._last[org_id] = now * 1000  # at the end of the dictionary, so that the org used longest ago goes first
        return now

    def new_id(self, org_id: str) -> str:
        """Returns an id later than all times that were given or read before."""
        self._last[org_id] = now = max(self._clock(), self._last.get(org_id, 0) + STEP)
        return id_at(now)

    def learn(self, org_id: str, nanoseconds: int) -> None:
        """Gives no time up to this one from now on."""
        self._last[org_id] = max(nanoseconds, self._last.get(org_id, 0))

    def last(self, org_id: str) -> int:
        """Returns the latest time that was given or read, in nanoseconds."""
        return self._last.get(org_id, 0)


# The clocks of this process.
clocks = Clocks()


async def catch_up(connection: Connection, org_id: str) -> None:
    """Reads what other processes have committed, so that the next time given is later than all of it."""
    known = clocks.last(org_id)
    after = (id_at(known, tail=0), moment_of(known))
    if committed := _latest(await connection.fetchrow(queries()["clock.latest"], org_id, *after)):
        clocks.learn(org_id, committed)


async def latest(connection: Connection, org_id: str) -> datetime:
    """Returns the latest time of all committed changes of the org."""
    row = await connection.fetchrow(queries()["clock.latest"], org_id, FIRST_ID, BEGINNING)
    return moment_of(_latest(row) or 0)


def _latest(row: Any) -> int | None:
    changes = [at for at in (row["live"], row["archived"]) if at is not None]
    times = [_nanoseconds(at) for at in changes]
    if row["event_id"] is not None:
        times.append(time_of(row["event_id"]))
    return max(times, default=None)


def _nanoseconds(at: datetime) -> int:
    return (at - BEGINNING) // timedelta(microseconds=1) * 1000


def moment_of(nanoseconds: int) -> datetime:
    """Returns the time of so many nanoseconds since 1970, to the microsecond before."""
    return BEGINNING + timedelta(microseconds=nanoseconds // 1000)


def event_id(at: datetime, place: int) -> str:
    """Returns the id of the event at a place among those of a transaction, by the time that their records bear.

    Feeds give events in the order of ids. A transaction that follows another one on a record has a later time.
    """
    tail = VARIANT | place << RANDOM_BITS | int.from_bytes(os.urandom(RANDOM_BITS // 8), "big")
    return id_at(_nanoseconds(at), tail)


def id_at(nanoseconds: int, tail: int | None = None) -> str:
    """Returns a UUIDv7 whose 12 bits after the version hold the fraction of the millisecond (RFC 9562, method 3)."""
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    if tail is None:
        tail = int.from_bytes(os.urandom(8), "big") & (VARIANT >> 1) - 1 | VARIANT
    digits = f"{milliseconds << 16 | 0x7000 | fraction:016x}{tail:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def time_of(record_id: str) -> int:
    """Returns the last nanosecond whose ids begin as this one does. Ids of older releases are read alike."""
    milliseconds, fraction = int(record_id[:8] + record_id[9:13], 16), int(record_id[15:18], 16)
    return milliseconds * 1_000_000 + ((fraction + 1) * 1_000_000 - 1) // 4096
