"""How a request becomes a transaction: the one place that begins, retries, records and commits."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec
from msgspec.structs import replace

from chairside.changes import Asked, Reply
from chairside.engine import audit, guessing, idempotency
from chairside.engine.answers import Shapes
from chairside.engine.clients import Clients
from chairside.engine.context import Context
from chairside.engine.desk import Desk
from chairside.engine.operations import Operation
from chairside.engine.saving import Rewritten
from chairside.engine.shown import Shown
from chairside.engine.summaries import fold
from chairside.engine.vault import Vault
from chairside.engine.volumes import Volumes
from chairside.errors import refuse
from chairside.resource import Unique
from chairside.store import constraints
from chairside.store.clock import clocks
from chairside.store.lending import Connection
from chairside.store.pool import AGAIN, Pool
from chairside.store.sql import queries
from chairside.store.tables import Table

TRIES = 5
EVENT_COLUMNS = 9
# Rows that a worker adds to an org's summary before it folds them; a total adds up what all workers have left.
PILE = 100
encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves the server when all went well."""

    status: int
    body: bytes
    etag: str | None = None
    location: str | None = None
    replayed: bool = False


class Work:
    """Runs operations: reads in a read-only transaction, writes with their audit, events and stored answer."""

    def __init__(
        self,
        pool: Pool,
        trail: audit.Trail,
        tables: Mapping[str, Table],
        shapes: Shapes,
        vault: Vault,
        known: Mapping[str, Unique],
        volumes: Volumes,
    ) -> None:
        self.pool, self.trail, self.vault = pool, trail, vault
        self.volumes, self.clients = volumes, Clients(pool, vault)
        self._tables, self._shapes, self._known = tables, shapes, known
        self._piled: Counter[str] = Counter()
        self._large, self._strained = 0, False

    async def read(self, operation: Operation, context: Context, asked: Asked) -> Answer:
        """The answer, once the audit record of the read is durable."""
        transaction = self.pool.transaction(context.caller.org_id, writes=False, large=operation.large)
        with self.trail.expecting():
            async with transaction as connection:
                desk = self._desk(context, connection)
                reply = await operation.run(desk, asked)
        if desk.guesses:
            await self._charge(context, desk.guesses)
        context = _about(context, reply)
        known = context.known is None or reply.etag in context.known
        if reply.etag is not None and known and not reply.computed:
            context, reply = replace(context, status=context.status_known), replace(reply, data=None)
        shown = self.volumes.shown(context, operation.answer, reply.data)
        await self.trail.write(self._entry(operation, context, shown))
        return Answer(status=context.status, body=_body(reply), etag=reply.etag)

    async def write(self, operation: Operation, context: Context, asked: Asked) -> Answer:
        """The answer, once the change is committed; again from the start when the database asks for it."""
        started = clocks.now(context.caller.org_id)
        self._large += operation.large
        try:
            return await self._write_in_tries(operation, context, asked)
        except guessing.TooManyGuesses as refused:
            await self._charge(context, refused.guesses)
            raise
        finally:
            self._large -= operation.large
            self._strained |= operation.large
            # Also when it failed: whether it was committed may be unknown, and the sealer looks for itself.
            self.trail.note(context.caller.org_id, started)

    async def _write_in_tries(self, operation: Operation, context: Context, asked: Asked) -> Answer:
        insists = False
        for attempt in range(TRIES):
            try:
                async with self.pool.transaction(
                    context.caller.org_id, writes=True, stamps=True, large=operation.large
                ) as connection:
                    # Later than the mark that the transaction set, and than all that was committed before it.
                    stamped = replace(context, now=clocks.now(context.caller.org_id))
                    return await self._write(operation, stamped, asked, connection, insists=insists)
            except (*AGAIN, Rewritten) as again:
                insists |= isinstance(again, Rewritten)
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
            except asyncpg.LockNotAvailableError:
                raise refuse("unavailable") from None
            except asyncpg.IntegrityConstraintViolationError as violated:
                at = ("path", operation.id_param) if operation.action == "restore" else None
                refusal = constraints.refusal(violated, self._known, at)
                if refusal is None:
                    raise
                if not operation.large or attempt == TRIES - 1:
                    raise refusal from None
        raise refuse("unavailable")

    def over_strain(self) -> bool:
        """Whether large operations have ended since this was last asked, and none is under way."""
        over = self._strained and not self._large
        self._strained &= not over
        return over

    async def fold_summaries(self) -> None:
        """Shorten the summaries that writes have made long; meant to be called every second."""
        for org_id in [org_id for org_id, rows in self._piled.items() if rows >= PILE]:
            del self._piled[org_id]
            for table in self._tables.values():
                if table.kind.counted is not None:
                    async with self.pool.transaction(org_id, writes=True) as connection:
                        await fold(connection, org_id, table.kind)

    async def _write(
        self, operation: Operation, context: Context, asked: Asked, connection: Connection, *, insists: bool
    ) -> Answer:
        if context.key is not None and (stored := await idempotency.claim(connection, context)) is not None:
            body, content = self._shapes.again(operation.answer, stored.body, context.view)
            answer = Answer(
                status=stored.status,
                body=body,
                etag=stored.etag,
                location=stored.location,
                replayed=True,
            )
            again = _again(operation, context, stored, content)
            record = self._entry(operation, again, self.volumes.shown(again, operation.answer, content))
            await self._record(record, context, [], None, connection)
            return answer
        desk = self._desk(context, connection)
        desk.insists = insists
        desk.base_version_in = "query" if "base_version" in asked.query else "body"
        desk.base_version = asked.body.get("base_version", asked.query.get("base_version"))
        reply = await operation.run(desk, asked)
        if desk.guesses:
            await guessing.charge(connection, context, self.vault.audit, self.trail, desk.guesses)
        if desk.tallied:
            self._piled[desk.org_id] += desk.tallied
        context = _about(context, reply)
        location = f"{context.path}/{reply.record_id}" if operation.created and reply.record_id else None
        body = _body(reply)
        answer = Answer(status=context.status, body=body, etag=reply.etag, location=location)
        record = self._entry(operation, context, self.volumes.shown(context, operation.answer, reply.data))
        await self._record(record, context, desk.events, answer, connection)
        return answer

    async def _charge(self, context: Context, guesses: guessing.Guesses) -> None:
        """Charges for guesses in a transaction of its own, because the request's is over."""
        now = clocks.now(context.caller.org_id)
        refused = None
        try:
            async with self.pool.transaction(context.caller.org_id, writes=True) as connection:
                try:
                    await guessing.charge(connection, replace(context, now=now), self.vault.audit, self.trail, guesses)
                except guessing.TooManyGuesses as over:
                    refused = over  # what was kept is committed all the same
        except asyncpg.LockNotAvailableError:
            raise refuse("unavailable") from None
        finally:
            self.trail.note(context.caller.org_id, now)
        if refused is not None:
            raise refused

    def _entry(self, operation: Operation, context: Context, shown: Shown) -> audit.Entry:
        action, kind = operation.action, operation.subject
        return audit.entry(self.vault.audit, context, action, kind, status=context.status, shown=shown)

    async def _record(
        self,
        record: audit.Entry,
        context: Context,
        events: list[tuple[object, ...]],
        answer: Answer | None,
        connection: Connection,
    ) -> None:
        """Audit, events and stored answer in one exchange, inside the transaction of the change."""
        caller = context.caller
        await self.trail.name(record)
        kept = None
        if answer is not None and context.key is not None:
            kept = await idempotency.packed(answer.body, answer.etag, answer.location)
        await connection.execute(
            queries()["events.record"],
            *record.row,
            caller.user_id,
            caller.name,
            caller.role,
            *([e[i] for e in events] for i in range(EVENT_COLUMNS)),
            context.key if kept is not None else None,
            answer.status if answer else None,
            kept,
        )

    def _desk(self, context: Context, connection: Connection) -> Desk:
        return Desk(context, connection, self._tables, self._shapes, self.vault)


def _body(reply: Reply) -> bytes:
    return b"" if reply.data is None else encode(reply.data)


def _about(context: Context, reply: Reply) -> Context:
    """The context, knowing by now which record and patient it was about."""
    if reply.record_id in (None, context.record_id) and reply.patient_id in (None, context.patient_id):
        return context
    return replace(
        context,
        record_id=reply.record_id or context.record_id,
        patient_id=reply.patient_id or context.patient_id,
    )


def _again(operation: Operation, context: Context, stored: idempotency.Stored, content: Any) -> Context:
    """The context of a replay, which shows the record that was made the first time."""
    if stored.location is None:
        return context
    made = stored.location.rpartition("/")[2]
    named = context.patient_id or (content.get("patient") or {}).get("id")
    return replace(context, record_id=made, patient_id=made if operation.subject == "patient" else named)
