"""The sealer: every second it appends a link to the chain of each org whose audit records are not all sealed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from chairside.engine.audit import Trail
from chairside.engine.chain import FORMAT, NOTHING_BEFORE, OLDEST_FORMAT, Head, Link, moment
from chairside.engine.heads import Followed, HeadsFile
from chairside.engine.vault import Vault
from chairside.errors import Refused
from chairside.store.lending import Connection
from chairside.store.pool import AWAY, Pool
from chairside.store.sql import queries

log = structlog.get_logger("chairside.sealer")
SECONDS = 1.0
MOST_IN_A_LINK = 5000
# How often all recent records of an org are looked at, instead of those that this worker has noted; and how late
# after its time a record may become visible when the worker that would note it dies meanwhile.
SWEEP = timedelta(minutes=10)
LATE = timedelta(minutes=5)
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
FIRST_ID, LAST_ID = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
STOP_SECONDS = 5


class Sealer:
    """Several may work on one database: a link's number can be taken once, and who comes second looks again."""

    def __init__(self, pool: Pool, trail: Trail, vault: Vault, heads: HeadsFile) -> None:
        self._pool, self._trail, self._vault, self._heads = pool, trail, vault, heads
        self._tasks: list[asyncio.Task[None]] = []
        self._broken: set[str] = set()

    def start(self, orgs: Callable[[], Awaitable[list[str]]]) -> None:
        """Seal from now on, and first whatever a server that ended before left unsealed in these orgs."""
        self._tasks = [
            asyncio.create_task(self._seal_forever(), name="sealer"),
            asyncio.create_task(self._sweep(orgs), name="sweep"),
        ]

    async def stop(self) -> None:
        """Seals what is left, as far as there is time; the next start goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.seal(), STOP_SECONDS)

    async def seal(self) -> None:
        """One round: all that this worker has noted, and the heads of it into the file."""
        waiting = self._trail.take_unsealed()
        if waiting:
            self._read()
            self._keep([await self._seal_or_note(org_id, at) for org_id, at in waiting.items()])

    async def _seal_forever(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self.seal()

    async def _sweep(self, orgs: Callable[[], Awaitable[list[str]]]) -> None:
        for org_id in await _listed(orgs):
            self._read()
            self._keep([await self._seal_or_note(org_id, BEGINNING)])

    def _read(self) -> None:
        with _telling():
            self._heads.read()

    def _keep(self, heads: Sequence[Followed | None]) -> None:
        with _telling():
            for org_id in self._heads.add([head for head in heads if head]):
                # Another worker was first, and what it wrote was not compared with the chain.
                self._trail.note(org_id, datetime.now(UTC))

    async def _seal_or_note(self, org_id: str, at: datetime) -> Followed | None:
        """The head of an org once it is sealed; when it cannot be now, the next round tries again."""
        try:
            return await self._seal_org(org_id, at)
        except (*AWAY, Refused):
            self._trail.note(org_id, at)
        except Exception as fault:  # noqa: BLE001 - one org's fault must not leave all others unsealed
            log.error("not sealed", org_id=org_id, fault=type(fault).__name__)
        return None

    async def _seal_org(self, org_id: str, at: datetime) -> Followed | None:
        """Link after link until no record later than `at` is left, or none later than the chain is complete to."""
        walk: _Walk | None = None
        while walk is None or walk.more:
            async with self._pool.transaction(org_id, writes=True) as connection:
                last = await connection.fetchrow(queries()["chain.last"], org_id)
                walk = walk or _begin(last, at)
                await self._seal_some(connection, org_id, last, walk)
                if not walk.more:
                    return await self._head(connection, org_id)
        return None

    async def _seal_some(self, connection: Connection, org_id: str, last: Any, walk: _Walk) -> None:
        """A link of what is unsealed among the next few thousand records."""
        now = datetime.now(UTC)
        # Than any record that this server or another has made; an org's clock may be ahead of this machine's.
        later = max(now, walk.place[0]) + timedelta(days=1)
        end = await connection.fetchrow(queries()["chain.span"], org_id, *walk.place, later, MOST_IN_A_LINK)
        until = (end["at"], end["id"]) if end else (later, LAST_ID)
        rows = await connection.fetch(queries()["chain.unsealed"], org_id, *walk.place, *until)
        rows = [
            row for row in rows if row["mac"] is not None or self._vault.audit.may_precede(org_id, moment(row["at"]))
        ]
        complete_to = last["complete_to"] if last else BEGINNING
        if walk.sweeps:
            complete_to = max(complete_to, min(until[0], now - LATE))
        if rows and not await self._append(connection, org_id, last, rows, complete_to):
            return
        walk.place, walk.more = until, end is not None

    async def _append(
        self, connection: Connection, org_id: str, last: Any, rows: Sequence[Any], complete_to: datetime
    ) -> bool:
        now = datetime.now(UTC)
        key = self._vault.audit.newest
        macs = [row["mac"] or key.mac_as_found(tuple(row.values())[:-1]) for row in rows]
        link = Link(
            org_id=org_id,
            number=last["number"] + 1 if last else 1,
            previous=last["hash"] if last else NOTHING_BEFORE,
            sealed_at=moment(now),
            complete_to=moment(complete_to),
            ats=[moment(row["at"]) for row in rows],
            ids=[row["id"] for row in rows],
            macs=b"".join(macs),
            format=FORMAT,
            key=key.number,
        )
        made = await connection.fetchval(
            queries()["chain.append"], org_id, link.number, link.previous, now, complete_to, rows[-1]["at"],
            [row["at"] for row in rows], link.ids, link.macs, link.hash(), key.sign(link.head()), FORMAT,
            key.number,
        )  # fmt: skip
        return made is not None

    async def _head(self, connection: Connection, org_id: str) -> Followed | None:
        """The end of the chain, unless the chain no longer holds the head that was kept last: that stays as proof."""
        last = await connection.fetchrow(queries()["chain.last"], org_id)
        known = self._heads.known.get(org_id)
        there = known and await connection.fetchval(queries()["chain.hash_of"], org_id, known.number)
        if known and there != bytes.fromhex(known.hash):
            if org_id not in self._broken:
                log.error("the audit chain no longer holds its head", org_id=org_id, number=known.number)
                self._broken.add(org_id)
            return None
        return (head_of(org_id, last), known) if last else None


async def _listed(orgs: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """The orgs, once the database answers."""
    while True:
        try:
            return await orgs()
        except AWAY:
            await asyncio.sleep(SECONDS)


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    """A disk that is full must not end the sealing; the next head is written when it is not."""
    try:
        yield
    except OSError as fault:
        log.error("the heads cannot be kept", fault=type(fault).__name__)


@dataclass(slots=True)
class _Walk:
    """How far one org's records are looked at; `sweeps` when that began where the chain was complete to."""

    place: tuple[datetime, str]
    sweeps: bool
    more: bool = True


def _begin(last: Any, at: datetime) -> _Walk:
    """From what was noted, or from where the chain is complete to when that is long ago."""
    complete_to = last["complete_to"] if last else BEGINNING
    sweeps = at == BEGINNING or datetime.now(UTC) - complete_to > SWEEP + LATE
    return _Walk((complete_to if at == BEGINNING else min(at, complete_to) if sweeps else at, FIRST_ID), sweeps)


def head_of(org_id: str, last: Any) -> Head:
    """The head that a row of `chain.last` is."""
    signature = base64.b64encode(last["signature"]).decode()
    head = Head(org_id=org_id, number=last["number"], hash=last["hash"].hex(), sealed_at=last["sealed_at"])
    return replace(head, signature=signature, format=last["format"] or OLDEST_FORMAT, key=last["key"] or 1)
