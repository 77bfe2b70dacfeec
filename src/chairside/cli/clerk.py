"""Does the API's operations without HTTP, as a user of the org: for demo data and new orgs."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from chairside.access.tokens import NewToken, add_user, new_token
from chairside.app import every_operation, house_of, owner_place, sealer_of, server_place
from chairside.changes import Asked, Reply
from chairside.cli import keys
from chairside.cli.place import Fault, no_such_org
from chairside.engine.context import Caller, Context, Network
from chairside.engine.desk import Desk
from chairside.engine.ids import new_id
from chairside.engine.operations import Operation
from chairside.engine.work import Work
from chairside.fields import read_body
from chairside.knowledge.catalogs import starter
from chairside.knowledge.regions import time_zone_of
from chairside.records.patients import PATIENTS
from chairside.rest.errors import success_of
from chairside.settings import Settings
from chairside.store.pool import Pool, connect
from chairside.store.sql import queries
from chairside.store.transactions import transaction

SYSTEM_USER = "Chairside"
EXPIRES_DAYS, IDLE_DAYS = 365, 90
STARTERS = {
    "billing_type": "billing_types",
    "alert_definition": "alert_definitions",
    "allergy_definition": "allergy_definitions",
    "medication_definition": "medication_definitions",
    "disease_definition": "disease_definitions",
    "communication_type": "communication_types",
    "referral_source": "referral_sources",
}


class Clerk:
    """One org's clerk: runs operations as its system user, through the same engine as every request.

    Its writes carry Idempotency-Keys made of `series` and what is written, so that the same work done again after a
    crash goes on where it ended.
    """

    def __init__(self, work: Work, caller: Caller, series: str) -> None:
        self._work, self.caller = work, caller
        self._series = series
        self._operations = {o.name: o for o in every_operation()}

    async def do(self, name: str, body: Mapping[str, object], **path: str) -> Any:
        """The answer of an operation; Refused when it is refused."""
        return await self.run(self._operations[name], body, **path)

    async def run(self, operation: Operation, body: Mapping[str, object], **path: str) -> Any:
        """The same for an operation that the API does not offer."""
        name, now = operation.name, datetime.now(UTC)
        read = read_body(operation.body, dict(body), now, "body") if operation.body else {}
        context = Context(
            caller=self.caller, request_id=str(uuid4()), method=operation.method, route=f"cli:{name}", path=name,
            status=success_of(operation), now=now, record_id=next(reversed(path.values()), None),
            patient_id=path.get("patient_uuid"),
        )  # fmt: skip
        if operation.writes:
            content = msgspec.json.encode([name, path, body])
            key = f"{self._series}-{hashlib.sha256(content).hexdigest()[:32]}"
            context = replace(context, key=key, marks=self._work.vault.marks(content))
        query = {e.key: e.default for e in operation.query if e.default is not None}
        run = self._work.write if operation.writes else self._work.read
        answer = await run(operation, context, Asked(path=path, query=query, body=read, now=now))
        return msgspec.json.decode(answer.body) if answer.body else None


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[tuple[Pool, Work]]:
    """The engine on a database that answers."""
    pool = Pool(server_place(settings), size=4, large=True)  # nobody waits for an answer
    await keys.ensure(settings)
    house, trail = house_of(settings, pool)
    sealer = sealer_of(settings, house, trail)
    trail.start()
    try:
        yield pool, house.work
    finally:
        await trail.stop()
        await sealer.stop()
        await pool.close()


async def create_org(
    settings: Settings,
    pool: Pool,
    work: Work,
    org_id: str,
    name: str,
    region: str = "US",
    zone: str | None = None,
) -> Clerk:
    """A new org with its feed, its system user and its starter catalogs; the same again goes on where it ended.

    Its days are those of `zone`, or of the time zone that most people of its region live in.
    """
    now, zone = datetime.now(UTC), zone or time_zone_of(region)
    if zone is None:
        raise Fault(f"No time zone is known for the region {region}; name one with --timezone.")
    owner = await connect(owner_place(settings))
    try:
        async with transaction(owner, org_id, writes=True):
            if await owner.fetchrow(queries()["orgs.read"], org_id) is None:
                await owner.execute(queries()["orgs.add"], org_id, name, region, now)
                await owner.execute(queries()["rekeying.done"], org_id, PATIENTS.derivation, None)
                await owner.execute(queries()["orgs.add_head"], org_id)
                await owner.execute(queries()["orgs.add_settings"], org_id, "reference", zone, now)
                if not await owner.fetch(queries()["days.known_zone"], org_id, zone):
                    raise Fault(f"The database does not know the time zone {zone}; name another with --timezone.")
                await add_user(owner, org_id, new_id(), SYSTEM_USER, now)
    finally:
        await owner.close()
    clerk = Clerk(work, await system_caller(pool, org_id), f"starter-{org_id}")
    await clerk.run(STOCK, {})
    return clerk


async def stock(desk: Desk, _asked: Asked) -> Reply:
    """The starter catalogs, a statement for each."""
    for kind, listed in STARTERS.items():
        fields = {f.key for f in desk.tables[kind].kind.fields}
        rows = [{k: v for k, v in row.items() if k in fields and v is not None} for row in starter(listed)]
        changes = [desk.change(kind, None, row | {"item_order": place}) for place, row in enumerate(rows)]
        for change in changes:
            desk.settle(kind, change)
        await desk.save_many(kind, changes, "created")
    return Reply(data={"kinds": len(STARTERS)})


STOCK = Operation(
    name="stock_catalogs",
    method="POST",
    path="",
    subject="catalog",
    area="setup",
    allow="write",
    action="create",
    summary="",
    doc="",
    answer="",
    run=stock,
    writes=True,
)


async def system_caller(pool: Pool, org_id: str) -> Caller:
    """The user that stands for Chairside itself in an org; Fault when there is no such org."""
    async with pool.transaction(org_id, writes=False) as connection:
        org = await connection.fetchrow(queries()["orgs.read"], org_id)
        user = await connection.fetchrow(queries()["access.user_by_name"], org_id, SYSTEM_USER)
    if org is None or user is None:
        raise no_such_org(org_id)
    return Caller(
        org_id=org_id, user_id=user["id"], token_id=user["id"], name=user["name"], number=user["number"], role="admin",
        region=org["region"], version_base=org["version_base"],
    )  # fmt: skip


async def create_token(
    pool: Pool,
    org_id: str,
    role: str,
    *,
    name: str | None = None,
    patient_id: str | None = None,
    days: int | None = EXPIRES_DAYS,
    idle_days: int | None = IDLE_DAYS,
    networks: Sequence[Network] = (),
    source: str | None = None,
) -> NewToken:
    """Makes a token of a user: the one of this name, or a new one.

    It ends after so many days, or after so many without use; None for never. A caller with `networks` may ask from
    there only. `source` marks the communication logs that it writes.
    """
    token, now = new_token(org_id), datetime.now(UTC)
    expires = now + timedelta(days=days) if days else None
    async with pool.transaction(org_id, writes=True) as connection:
        if await connection.fetchrow(queries()["orgs.read"], org_id) is None:
            raise no_such_org(org_id)
        if patient_id and not await connection.fetch(queries()["patients.exists"], org_id, patient_id):
            raise Fault(f"There is no patient {patient_id} in this org.")
        user = await connection.fetchrow(queries()["access.user_by_name"], org_id, name) if name else None
        if user and user["suspended_at"]:
            raise Fault(f"{name} is suspended; `chairside user reinstate` ends that.")
        user_id = user["id"] if user else new_id()
        if user is None:
            await add_user(connection, org_id, user_id, name or f"{role} {token.prefix}", now)
        await connection.execute(
            queries()["access.add_token"],
            org_id,
            new_id(),
            user_id,
            role,
            patient_id,
            token.prefix,
            token.hash,
            now,
            expires,
            source,
            idle_days,
            list(networks) or None,
        )
    return token
