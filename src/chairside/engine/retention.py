"""Retention: drops from every org what is older than it may be kept, by a job that one worker at a time runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import structlog

from chairside.engine.guessing import ABOUT_ONE_WINDOW
from chairside.engine.ids import new_id
from chairside.engine.volumes import WINDOW
from chairside.store.leases import Lease
from chairside.store.lending import Connection
from chairside.store.partitions import add_months
from chairside.store.pool import AWAY, Pool
from chairside.store.sql import queries
from chairside.store.transactions import transaction

log = structlog.get_logger("chairside.retention")
NAME = "retention"
LOOK_SECONDS, PAUSE_SECONDS = 60.0, 600.0
# Events that get numbers at once.
MOST_NUMBERED = 5000
# Twice the day that is promised for retries with an Idempotency-Key.
ANSWERS = timedelta(hours=48)
# Statements that drop rows ($1 the org, $2 a time; each drops a bounded number), with how long the rows are kept.
DROPPED = {"idempotency.forget": ANSWERS, "guessing.forget": ABOUT_ONE_WINDOW, "volumes.forget": WINDOW}
Owner = Callable[[], AbstractAsyncContextManager[Connection]]


class Retention:
    """The job of one worker. `owner` connects as the owner of the tables, who may list the orgs and has the leases."""

    def __init__(self, pool: Pool, owner: Owner, name: str = NAME) -> None:
        self._pool, self._owner, self._name, self._id = pool, owner, name, new_id()

    async def run_forever(self) -> None:
        """Asks for the lease each minute. Neither a database that is away nor a fault ends this."""
        while True:
            try:
                await self.run()
            except AWAY:
                pass
            except Exception as fault:  # noqa: BLE001 - what is not dropped now is dropped by a later run
                log.error("retention failed", fault=type(fault).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def run(self) -> bool:
        """Goes through all orgs, unless another worker does or has done so lately; whether it did."""
        async with self._owner() as owner:
            lease = Lease(owner, self._name, self._id)
            if not await lease.take():
                return False
            await add_months(owner, datetime.now(UTC))
            for row in await owner.fetch(queries()["orgs.all"]):
                for dropping in (self._drop(row["id"]), _drop_events(owner, row["id"])):
                    async for _ in dropping:
                        if not await lease.take():
                            return False
            await lease.end(PAUSE_SECONDS)
        return True

    async def _drop(self, org_id: str) -> AsyncIterator[None]:
        """Drops what has expired in one org, and stops after each transaction so that the lease can be renewed."""
        now = datetime.now(UTC)
        for statement, kept in DROPPED.items():
            dropped = True
            while dropped:
                async with self._pool.transaction(org_id, writes=True) as connection:
                    done = await connection.execute(queries()[statement], org_id, now - kept)
                dropped = done.split()[-1] != "0"
                yield


async def _drop_events(owner: Connection, org_id: str) -> AsyncIterator[None]:
    """Drops the events of one org that are older than its policy, as the owner: the server's role may delete none.

    Events that nobody has read yet have no number; they get one first, so that the feed has no gap.
    """
    policy = await owner.fetchrow(queries()["retention.policy"], org_id)
    if policy is None:
        return
    before, more = datetime.now(UTC) - timedelta(days=policy["events_days"]), True
    while more:
        async with transaction(owner, org_id, writes=True):
            more = await _number_events(owner, org_id)
            done = await owner.execute(queries()["retention.drop_events"], org_id, before)
        more |= done.split()[-1] != "0"
        yield


async def _number_events(owner: Connection, org_id: str) -> bool:
    """Gives numbers to events as the feed does; whether more may wait."""
    [known] = await owner.fetch(queries()["events.pending"], org_id)
    if not known["pending"]:
        return False
    [head] = await owner.fetch(queries()["events.hold_feed"], org_id)
    done = await owner.execute(queries()["events.number"], org_id, head["last"], MOST_NUMBERED)
    numbered = int(done.split()[-1])
    await owner.execute(queries()["events.move_head"], org_id, numbered)
    return numbered == MOST_NUMBERED
