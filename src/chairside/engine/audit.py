"""The audit trail: one record per request; those of reads are gathered and made durable together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from chairside.engine.audit_keys import AuditKeys
from chairside.engine.context import Context
from chairside.engine.shown import NOTHING, Shown
from chairside.errors import refuse
from chairside.store.clock import clocks
from chairside.store.pool import AWAY, Pool

Entry = tuple[object, ...]
MOST_AT_ONCE = 64
MOST_WAITING = 20_000
PATIENTS = 18  # place of the patients in an entry
# For how long records wait for those of reads that are under way, in seconds.
MOMENT = 0.005


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
    """A row of audit_events: who, what, on which record, with what outcome, and its MAC; never clinical text.

    The patient whom the record is about stands in a column of its own, so only the others are listed.
    """
    caller = context.caller
    others = [patient for patient in shown.patients if patient != context.patient_id]
    row = (
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
    )
    return (*row, *keys.seal(row))


class Trail:
    """Group commit of audit records: whoever asks for one waits until the flush that holds it is durable.

    A flush costs the database about as much for one record as for four. So it waits a moment until two thirds of the
    reads under way have come to it, and not at all where nobody else reads.
    It knows which orgs have records that may not be sealed yet, and from what time on.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
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

    async def write(self, row: Entry) -> None:
        """Returns when the record is on disk; unavailable when it cannot be, for then nothing may be answered."""
        if len(self._waiting) >= MOST_WAITING:
            raise refuse("unavailable")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        self._wake.set()
        self._look()
        await done

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
            rows = [row for row, _ in batch]
            names = any(row[PATIENTS] is not None for row in rows)
            await self._pool.append("audit.append_shown" if names else "audit.append", rows)
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
            for (org_id, _, at, *_), _ in batch:
                self.note(org_id, at)  # type: ignore[arg-type]  # the first and third of an entry


def _settle(batch: list[tuple[Entry, asyncio.Future[None]]], fault: BaseException | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if fault is None:
            done.set_result(None)
        else:
            done.set_exception(fault)
