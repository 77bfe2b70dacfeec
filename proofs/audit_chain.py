"""`audit verify` names the record or place, whatever a superuser of the database or somebody with its archives does."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

from chairside.engine.audit_keys import AuditKeys
from chairside.engine.chain import Head
from chairside.engine.heads import kept_heads
from chairside.engine.vault import Vault
from chairside.engine.verification import Verdict, verify
from proofs.archived_trail import prove_archives
from proofs.sweep import CARRIED
from proofs.trial import Trial
from tests.database import Connection, connected
from tests.house import Client, House, Org, chairside, wait_for

SHORT, LONG = 40, 200
ORGS, REQUESTS, BY_COMMAND = 3, 40, 3
PAUSE_SECONDS = 0.5
TEXTS = ("actor_name", "actor_role", "action", "kind", "method", "route", "request_id")
IDS = ("id", "actor_id", "record_id", "patient_id")
# Ids of the rows that a record names.
NUMBERS = ("caller", "operation")
LINK_COLUMNS = {
    "previous": "hash", "sealed_at": "sealed_at - interval '1 microsecond'",
    "complete_to": "complete_to + interval '1 day'", "until": "until + interval '1 second'", "macs": "macs || '\\x00'",
    "ats": "ats || now()", "ids": "ids || gen_random_uuid()", "hash": "previous", "signature": "signature || '\\x00'",
    "format": "NULL", "key": "3 - key",
}  # fmt: skip


@dataclass
class Tampering:
    """The superuser at work on one org, inside a transaction that is undone. Each act returns what must be named."""

    trial: Trial
    database: Connection
    org: str
    other: str

    async def edit(self) -> str:
        """One value of one column of one record."""
        record = await self._record()
        column = self.trial.random.choice(
            [*TEXTS, *IDS, *NUMBERS, "at", "status", "outcome", "mac", "mac_format", "mac_key"]
        )
        value = {
            "at": "at + interval '1 microsecond'", "status": "coalesce(status, 0) + 1", "mac": "NULL",
            "mac_format": "NULL", "mac_key": "3 - mac_key",
        }.get(column, f"{column} + 1")  # fmt: skip
        if column in TEXTS:
            value = f"coalesce({column}, '') || ' '"
        elif column in IDS:
            value = "gen_random_uuid()"
        elif column == "outcome":
            value = "'failed'"
        await self._on_record(f"UPDATE audit_events SET {column} = {value}", record)
        return f"record {record}"

    async def delete(self) -> str:
        record = await self._record()
        await self._on_record("DELETE FROM audit_events", record)
        return f"record {record} "

    async def insert(self) -> str:
        """A record copied to another time, under its own id or a new one, with its MAC or with none."""
        record, made = await self._record(), self.trial.random.choice([None, str(uuid4())])
        days = self.trial.random.randint(-4000, 4000)
        mac = self.trial.random.choice(["mac", "NULL", "'\\x00'"])
        await self.database.execute(
            "INSERT INTO audit_events (org_id, id, at, record_id, patient_id, request_id, mac, query, shown, patients,"
            " mac_format, mac_key, request, caller, operation)"
            " SELECT org_id, coalesce($3::uuid, id), at + $4 * interval '1 day 1 second', record_id, patient_id,"
            f" request_id, {mac}, query, shown, patients, mac_format, mac_key, request, caller, operation"
            " FROM audit_events WHERE org_id = $1 AND id = $2",
            self.org, record, made, days,
        )  # fmt: skip
        return f"record {made or record} "

    async def move(self) -> str:
        """A record of this org given to another, which must be named in both; verified in this one here."""
        record = await self._record()
        if self.trial.random.random() < 0.5:
            self.org, self.other = self.other, self.org
            await self.database.execute(
                "UPDATE audit_events SET org_id = $1 WHERE org_id = $2 AND id = $3", self.org, self.other, record
            )
        else:
            await self._on_record(f"UPDATE audit_events SET org_id = '{self.other}'", record)
        return f"record {record} "

    async def reorder(self) -> str:
        """Two records change their times."""
        one, two = await self._record(), await self._record()
        while one == two:
            two = await self._record()
        await self.database.execute(
            "UPDATE audit_events e SET at = o.at FROM audit_events o WHERE e.org_id = $1 AND o.org_id = $1"
            " AND (e.id, o.id) IN (($2::uuid, $3::uuid), ($3::uuid, $2::uuid))",
            self.org, one, two,
        )  # fmt: skip
        return f"record {one} "

    async def edit_link(self) -> str:
        number, column = await self._link(), self.trial.random.choice([*LINK_COLUMNS])
        await self.database.execute(
            f"UPDATE audit_links SET {column} = {LINK_COLUMNS[column]} WHERE org_id = $1 AND number = $2",
            self.org,
            number,
        )
        return f"link {number} " if number > 1 or column not in ("previous", "hash") else "link 1"

    async def delete_link(self) -> str:
        number = await self._link()
        await self.database.execute("DELETE FROM audit_links WHERE org_id = $1 AND number = $2", self.org, number)
        return f"link {number}"

    async def swap_links(self) -> str:
        last = await self._last()
        one = self.trial.random.randint(1, last - 1)
        for number, becomes in ((one, -1), (one + 1, one), (-1, one + 1)):
            await self.database.execute(
                "UPDATE audit_links SET number = $3 WHERE org_id = $1 AND number = $2", self.org, number, becomes
            )
        return f"link {one} "

    async def cut(self) -> str:
        """Everything from a record on, and each link that sealed any of it: as if it had never been."""
        at = await self.database.fetchval(
            "SELECT at FROM audit_events WHERE org_id = $1 AND id = $2", self.org, await self._record()
        )
        await self.database.execute("DELETE FROM audit_events WHERE org_id = $1 AND at >= $2", self.org, at)
        await self.database.execute(
            "DELETE FROM audit_links WHERE org_id = $1 AND number >="
            " (SELECT min(number) FROM audit_links WHERE org_id = $1 AND until >= $2)",
            self.org, at,
        )  # fmt: skip
        return f"the chain ends with link {await self._last() or 0}"

    async def _record(self) -> str:
        rows = await self.database.fetch("SELECT id FROM audit_events WHERE org_id = $1 ORDER BY id", self.org)
        return str(self.trial.random.choice(rows)["id"])

    async def _link(self) -> int:
        return self.trial.random.randint(1, await self._last())

    async def _last(self) -> int:
        return int(await self.database.fetchval(
            "SELECT coalesce(max(number), 0) FROM audit_links WHERE org_id = $1", self.org
        ))  # fmt: skip

    async def _on_record(self, statement: str, record: str) -> None:
        await self.database.execute(f"{statement} WHERE org_id = $1 AND id = $2", self.org, record)


ACTS: tuple[Callable[[Tampering], Awaitable[str]], ...] = (
    Tampering.edit, Tampering.delete, Tampering.insert, Tampering.move, Tampering.reorder, Tampering.edit_link,
    Tampering.delete_link, Tampering.swap_links, Tampering.cut,
)  # fmt: skip


def prove(trial: Trial) -> None:
    with trial.house() as house:
        orgs = [house.org(f"Practice {n}") for n in range(1, ORGS + 1)]
        ids = [org.id for org in orgs]
        _write_and_verify(trial, house, orgs)
        done = chairside("audit", "rotate-key", data_dir=house.data_dir)
        trial.expect(done.returncode == 0, f"the audit key does not rotate: {done.stderr}")
        _write_and_verify(trial, house, orgs)
        wait_for(lambda: not any(v.unsealed for v in _verified(house, ids)))
        _expect_clean(trial, house, "before")
        asyncio.run(_tamper(trial, house, ids))
        asyncio.run(_tamper_for_good(trial, house, ids))
        _expect_clean(trial, house, "after all was undone")
    prove_archives(trial)


def _write_and_verify(trial: Trial, house: House, orgs: list[Org]) -> None:
    """The chain grows while it is verified: nothing may be called a fault."""
    # Tokens are made here, for the command line that makes them takes over the output of the whole process.
    writers = [threading.Thread(target=_requests, args=(org.desk(),)) for org in orgs]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        faults = [fault for verdict in _verified(house, [org.id for org in orgs]) for fault in verdict.faults]
        trial.expect(not faults, f"a false alarm while the server writes: {faults[:3]}")
        trial.tried("verifications while the server writes")
        time.sleep(PAUSE_SECONDS)
    for writer in writers:
        writer.join()


def _requests(desk: Client) -> None:
    """Reads, writes and refusals."""
    for number in range(REQUESTS):
        made = desk.made("/patients", {"first_name": "Ada", "last_name": f"Quist {number}"} | CARRIED)
        desk.read(f"/patients/{made['id']}")
        desk.get("/patients/nobody")


def _verified(house: House, orgs: list[str]) -> list[Verdict]:
    """What `audit verify` would find, without the start of a command."""

    async def all_of_them() -> list[Verdict]:
        keys, heads = _kept(house)
        async with connected(house.data_dir, "superuser") as database:
            return [await _verdict(database, org, keys, heads) for org in orgs]

    return asyncio.run(all_of_them())


def _kept(house: House) -> tuple[AuditKeys, list[Head]]:
    return Vault(house.data_dir / "keys.json").audit, kept_heads(house.data_dir / "audit-heads.jsonl")


def _expect_clean(trial: Trial, house: House, when: str) -> None:
    done = chairside("audit", "verify", "--json", data_dir=house.data_dir)
    faults = [fault for verdict in json.loads(done.stdout or "[]") for fault in verdict["faults"]]
    trial.expect(done.returncode == 0 and not faults, f"{when}: {faults[:3] or done.stderr}")


async def _tamper(trial: Trial, house: House, orgs: list[str]) -> None:
    keys, heads = _kept(house)
    async with connected(house.data_dir, "superuser") as database:
        records = await database.fetchval("SELECT count(*) FROM audit_events")
        links = await database.fetchval("SELECT count(*) FROM audit_links")
        trial.figure("trail", f"{records} records in {links} links of {len(orgs)} orgs")
        for turn in range(trial.rounds):
            await _tamper_once(trial, database, ACTS[turn % len(ACTS)], orgs, keys, heads)


async def _tamper_once(
    trial: Trial,
    database: Connection,
    act: Callable[[Tampering], Awaitable[str]],
    orgs: list[str],
    keys: AuditKeys,
    heads: list[Head],
) -> None:
    undone = database.transaction()
    await undone.start()
    try:
        org, other = trial.random.sample(orgs, 2)
        work = Tampering(trial, database, org, other)
        wanted = await act(work)
        verdict = await _verdict(database, work.org, keys, heads)
    finally:
        await undone.rollback()
    name = act.__name__.replace("_", " ")
    trial.tried(f"times {name}")
    trial.expect(
        any(wanted in f"{fault} " for fault in verdict.faults), f"{name}: {wanted!r} not in {verdict.faults[:3]}"
    )
    untouched = next(o for o in orgs if o not in (org, other))
    trial.expect(not (await _verdict(database, untouched, keys, heads)).faults, f"{name}: an untouched org has faults")


async def _verdict(database: Connection, org: str, keys: AuditKeys, heads: list[Head]) -> Verdict:
    return await verify(database, org, keys, [head for head in heads if head.org_id == org])


async def _tamper_for_good(trial: Trial, house: House, orgs: list[str]) -> None:
    """The same committed, seen by the command, and put back from a copy."""
    async with connected(house.data_dir, "superuser") as database:
        for table in ("audit_events", "audit_links"):
            await database.execute(f"CREATE TEMP TABLE kept_{table} AS TABLE {table}")
        for act in trial.random.sample(ACTS, BY_COMMAND):
            work = Tampering(trial, database, *trial.random.sample(orgs, 2))
            wanted = await act(work)
            done = chairside("audit", "verify", "--org", work.org, data_dir=house.data_dir)
            name = act.__name__.replace("_", " ")
            trial.tried("tamperings shown by the command")
            trial.expect(
                done.returncode == 1 and any(wanted in f"{line} " for line in done.stdout.splitlines()[1:]),
                f"{name} by command: {wanted!r} not in {done.stdout[:300]}{done.stderr[:300]}",
            )
            for table in ("audit_events", "audit_links"):
                await database.execute(f"DELETE FROM {table}")
                await database.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
