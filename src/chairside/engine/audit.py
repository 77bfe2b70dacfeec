"""The audit trail: one record per request; those of reads are gathered and made durable together."""

from __future__ import annotations

import asyncio

from chairside.engine.context import Context
from chairside.engine.ids import new_id
from chairside.errors import refuse
from chairside.store.pool import AWAY, Pool

Entry = tuple[object, ...]
MOST_AT_ONCE = 64
MOST_WAITING = 20_000


def entry(context: Context, action: str, kind: str, *, status: int, outcome: str = "allowed") -> Entry:
    """A row of audit_events: who, what, on which record, with what outcome; never clinical text."""
    caller = context.caller
    return (
        caller.org_id,
        new_id(),
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
    )


class Trail:
    """Group commit of audit records: whoever asks for one waits until the flush that holds it is durable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

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
        await done

    async def _flush_forever(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(0)  # those whose reads have come back by now come along
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                await self._flush(batch)

    async def _flush(self, batch: list[tuple[Entry, asyncio.Future[None]]]) -> None:
        try:
            await self._pool.append("audit.append", [row for row, _ in batch])
        except asyncio.CancelledError:
            _settle(batch, ConnectionError("the server is stopping"))
            raise
        except AWAY as away:
            _settle(batch, away)
        except Exception as fault:  # noqa: BLE001 - one bad record must not silence the trail of all later ones
            _settle(batch, fault)
        else:
            _settle(batch, None)


def _settle(batch: list[tuple[Entry, asyncio.Future[None]]], fault: BaseException | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if fault is None:
            done.set_result(None)
        else:
            done.set_exception(fault)
