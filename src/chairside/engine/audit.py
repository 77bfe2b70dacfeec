"""The audit trail: one record per request; those of reads are gathered and made durable together."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from chairside.engine.audit_keys import AuditKeys
from chairside.engine.context import Context
from chairside.engine.shown import NOTHING, Shown
from chairside.errors import refuse
from chairside.store.clock import clocks
from chairside.store.pool import AWAY, Pool
from chairside.store.sql import queries

MOST_AT_ONCE = 64
MOST_WAITING = 20_000
MOST_REMEMBERED = 20_000
PATIENTS = 8  # place of the patients in a stored row
# A request id as the server makes it, which is stored as a number.
MADE_ID = re.compile("[0-9a-f]{16}")
# For how long records wait for those of reads that are under way, in seconds.
MOMENT = 0.005


class Entry(NamedTuple):
    """An audit record as it is stored: its row in audit_events, and the rows of audit_callers and audit_operations that
    it names, each after org and id."""

    row: tuple[object, ...]
    caller: tuple[object, ...]
    operation: tuple[object, ...]

    @property
    def org_id(self) -> str:
        return self.row[0]  # type: ignore[return-value]

    @property
    def at(self) -> datetime:
        return self.row[2]  # type: ignore[return-value]


def entry(
    keys: AuditKeys,
    context: Context,
    action: str,
    kind: str,
    *,
    status: int,
    outcome: str = "allowed",
    shown: Shown = NOTHING,
) -> Entry:
    """The record of a request: who, what, on which record, with what outcome, and its MAC; never clinical text.

    The patient whom the record is about stands in a column of its own, so only the others are listed.
    """
    caller = context.caller
    others = [patient for patient in shown.patients if patient != context.patient_id]
    return stored(
        keys,
        (
            caller.org_id,
            clocks.new_id(caller.org_id),
            context.now,
            caller.user_id,
            caller.name,
            caller.role,
            "reveal" if context.reveals else action,
            kind,
            context.record_id,
            context.patient_id,
            context.method,
            context.route,
            status,
            outcome,
            context.request_id,
            context.client_id,
            context.query,
            shown.count,
            f"{{{','.join(others)}}}" if others else None,
        ),
    )


def stored(keys: AuditKeys, record: Sequence[object]) -> Entry:
    """Takes apart a record, all of whose columns its MAC covers, in the order of the view audit_records."""
    org_id, record_id, at, *actor, action, kind, about, patient, method, route, status, outcome = record[:14]
    request_id, client_id, *rest = record[14:]
    own = about is not None and about == patient
    caller = (*actor, client_id)
    operation = (action, kind, method, route, status, outcome, own)
    caller_id, operation_id = keys.newest.name(org_id, *caller), keys.newest.name(org_id, *operation)
    made = MADE_ID.fullmatch(str(request_id))
    number = int.from_bytes(bytes.fromhex(str(request_id)), "big", signed=True) if made else None
    row = (
        org_id, record_id, at, None if own else about, patient, None if made else request_id, *rest, *keys.seal(record),
        number, caller_id, operation_id,
    )  # fmt: skip
    return Entry(row, (org_id, caller_id, *caller), (org_id, operation_id, *operation))


class Trail:
    """Group commit of audit records: whoever asks for one waits until the flush that holds it is durable.

    A flush costs the database about as much for one record as for four. So it waits a moment until two thirds of the
    reads under way have come to it, and not at all where nobody else reads.
    It knows which orgs have records that may not be sealed yet, and from what time on.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._named: set[tuple[object, ...]] = set()
        self._naming = asyncio.Lock()
        self._wake, self._gathered = asyncio.Event(), asyncio.Event()
        self._coming = 0
        self._task: asyncio.Task[None] | None = None
        self._unsealed: dict[str, datetime] = {}

    def start(self) -> None:
        self._task = asyncio.create_task(self._flush_forever(), name="audit")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def write(self, record: Entry) -> None:
        """Returns when the record is on disk; unavailable when it cannot be, for then nothing may be answered."""
        await self.name(record)
        if len(self._waiting) >= MOST_WAITING:
            raise refuse("unavailable")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        self._wake.set()
        self._look()
        await done

    async def name(self, record: Entry) -> None:
        """Returns when the rows that the record names are on disk: at once, unless this worker has not named them yet.

        The connection is the one that appends, so a caller who waits here inside a transaction holds up no other.
        """
        for statement, row in (("audit.add_caller", record.caller), ("audit.add_operation", record.operation)):
            if row[:2] not in self._named:
                async with self._naming:
                    await self._add(statement, row)

    async def _add(self, statement: str, row: tuple[object, ...]) -> None:
        if row[:2] in self._named:
            return  # by who waited before
        async with self._pool.aside(str(row[0])) as connection:
            await connection.execute(queries()[statement], *row)
        if len(self._named) >= MOST_REMEMBERED:
            self._named.clear()
        self._named.add(row[:2])

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """While something is read whose record will be asked for next."""
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1
            self._look()

    def _look(self) -> None:
        if len(self._waiting) >= 2 * self._coming:
            self._gathered.set()

    def note(self, org_id: str, at: datetime) -> None:
        """A record of this time may have become visible just now, and waits to be sealed."""
        known = self._unsealed.get(org_id)
        if known is None or at < known:
            self._unsealed[org_id] = at

    def take_unsealed(self) -> dict[str, datetime]:
        """Of each org the time of its oldest record that was noted since this was last asked."""
        taken, self._unsealed = self._unsealed, {}
        return taken

    async def _flush_forever(self) -> None:
        while True:
            await self._wake.wait()
            await self._gather()
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            if not self._waiting:
                self._wake.clear()
            await self._flush(batch)

    async def _gather(self) -> None:
        await asyncio.sleep(0)  # those whose reads have come back by now come along
        self._gathered.clear()
        self._look()
        timer = asyncio.get_running_loop().call_later(MOMENT, self._gathered.set)
        await self._gathered.wait()
        timer.cancel()

    async def _flush(self, batch: list[tuple[Entry, asyncio.Future[None]]]) -> None:
        try:
            rows = [record.row for record, _ in batch]
            shows = any(row[PATIENTS] is not None for row in rows)
            await self._pool.append("audit.append_shown" if shows else "audit.append", rows)
        except asyncio.CancelledError:
            _settle(batch, ConnectionError("the server is stopping"))
            raise
        except AWAY as away:
            _settle(batch, away)
        except Exception as fault:  # noqa: BLE001 - one bad record must not silence the trail of all later ones
            _settle(batch, fault)
        else:
            _settle(batch, None)
        finally:
            # Also when it failed: it may be there all the same, and the sealer looks for itself.
            for record, _ in batch:
                self.note(record.org_id, record.at)


def _settle(batch: list[tuple[Entry, asyncio.Future[None]]], fault: BaseException | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if fault is None:
            done.set_result(None)
        else:
            done.set_exception(fault)
