"""Counts the different patients that answers show to each user in a day, and reports a day that is unusual."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median
from zlib import crc32

import asyncpg
import structlog
from msgspec.structs import replace

from chairside.engine import security
from chairside.engine.audit import Trail
from chairside.engine.context import Context
from chairside.engine.shown import Finders, Shown
from chairside.engine.vault import Vault
from chairside.errors import Problem
from chairside.store.clock import clocks
from chairside.store.lending import Connection
from chairside.store.pool import AWAY, Pool
from chairside.store.sql import queries

log = structlog.get_logger("chairside.volumes")
# Bits of a day; each stands for the patients whose ids hash to it (shown_volumes.patients has so many).
BITS = 8192
FLUSH_SECONDS = 2.0
# A day is unusual above this many times the user's usual day, which is the median of those in the window.
TIMES, WINDOW, LEAST_DAYS = 3, timedelta(days=30), 5
# Days that a worker holds at most, of 1 KB each, beside those that are not in the database yet.
MOST_HELD = 4096
Key = tuple[str, str, date]


@dataclass(slots=True)
class _Day:
    """The patients whom this worker showed to a user on a day, and the latest request that showed a new one."""

    context: Context
    bits: bytearray = field(default_factory=lambda: bytearray(BITS // 8))
    fresh: bool = False

    def add(self, patients: Iterable[str], context: Context) -> None:
        for patient in patients:
            place = crc32(patient.encode()) % BITS
            byte, bit = place >> 3, 0x80 >> (place & 7)
            if not self.bits[byte] & bit:
                self.bits[byte] |= bit
                self.fresh, self.context = True, context


class Volumes:
    """Finds the patients in the answers of one worker and counts them; `flush` joins the counts of all workers.

    A day is unusual from more than `floor` patients on, unless the user has seen so many on other days.
    """

    def __init__(self, finders: Finders, pool: Pool, trail: Trail, vault: Vault, floor: int) -> None:
        self._finders, self._floor = finders, floor
        self._pool, self._trail, self._vault = pool, trail, vault
        self._days: dict[Key, _Day] = {}

    def shown(self, context: Context, answer: str, data: object) -> Shown:
        """Returns the patients in `data`, which has the answer form `answer` of an operation, and counts them."""
        return self._count(context, self._finders.shown(answer, data))

    def told(self, context: Context, problems: Iterable[Problem]) -> Shown:
        """Returns the patients whom a refusal names, and counts them."""
        return self._count(context, self._finders.told(problems))

    def _count(self, context: Context, shown: Shown) -> Shown:
        """A portal user sees no patient but their own, so is not counted."""
        caller = context.caller
        if shown.patients and not caller.portal:
            key = (caller.org_id, caller.user_id, context.now.date())
            day = self._days.get(key)
            if day is None:
                day = self._days[key] = _Day(context)
            day.add(shown.patients, context)
        return shown

    async def run_forever(self) -> None:
        """Flushes every few seconds, and once more at the end."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self._try_to_flush()
        finally:
            await self._try_to_flush()

    async def _try_to_flush(self) -> None:
        try:
            await self.flush()
        except AWAY:
            pass
        except Exception as fault:  # noqa: BLE001 - what is not kept now is kept by a later flush
            log.error("volumes are not counted", fault=type(fault).__name__)

    async def flush(self) -> None:
        """Keep what was counted since the last time; what cannot be kept stays fresh for the next."""
        by_org: dict[str, dict[Key, _Day]] = defaultdict(dict)
        for key, day in self._days.items():
            if day.fresh:
                by_org[key[0]][key] = day
        for org_id, days in by_org.items():
            for day in days.values():
                day.fresh = False
            try:
                await self._keep(org_id, days)
            except BaseException:
                for day in days.values():
                    day.fresh = True
                raise
        self._drop_held()

    def _drop_held(self) -> None:
        """Hold no day that is over, and not too many: a day that comes again is joined with what is kept of it."""
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        kept = [key for key, day in self._days.items() if not day.fresh]
        for key in kept if len(self._days) > MOST_HELD else (key for key in kept if key[2] < yesterday):
            del self._days[key]

    async def _keep(self, org_id: str, days: Mapping[Key, _Day]) -> None:
        users, dates = [key[1] for key in days], [key[2] for key in days]
        bits = [asyncpg.BitString.frombytes(bytes(day.bits)) for day in days.values()]
        now = clocks.now(org_id)
        try:
            async with self._pool.transaction(org_id, writes=True) as connection:
                for row in await connection.fetch(queries()["volumes.add"], org_id, users, dates, bits):
                    if not row["reported"] and await self._unusual(connection, org_id, row):
                        context = replace(days[org_id, row["user_id"], row["day"]].context, now=now)
                        await self._report(connection, context, row)
        finally:
            self._trail.note(org_id, now)

    async def _unusual(self, connection: Connection, org_id: str, row: asyncpg.Record) -> bool:
        number, day = patients(row["bits"]), row["day"]
        if number <= self._floor:
            return False
        before = await connection.fetch(queries()["volumes.before"], org_id, row["user_id"], day - WINDOW, day)
        usual = median(patients(other["bits"]) for other in before) if len(before) >= LEAST_DAYS else 0
        return number > TIMES * usual

    async def _report(self, connection: Connection, context: Context, row: asyncpg.Record) -> None:
        org_id, user_id = context.caller.org_id, context.caller.user_id
        await connection.execute(queries()["volumes.reported"], org_id, user_id, row["day"], context.now)
        # The record counts the patients; the records of the requests that showed them name them.
        shown = Shown((), patients(row["bits"]))
        keys, event = self._vault.audit, security.UNUSUAL_VOLUME
        await security.report(connection, context, keys, self._trail, event, shown, status=context.status)


def patients(bits: int) -> int:
    """Returns about how many patients have set so many bits, by linear counting: within 3 % or so up to 20,000."""
    return round(-BITS * math.log(1 - min(bits, BITS - 1) / BITS))
