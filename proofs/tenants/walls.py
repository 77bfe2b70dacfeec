"""Both walls one by one: statements without their filter under row-level security, and filters without it."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

from chairside import embedded
from proofs.rows import execute
from proofs.tenants.canary import SIGNS, Canary
from proofs.trial import Trial
from tests.database import Connection, connected
from tests.house import Client, wait_for
from tests.statements import EVERY, FILTER, OF_NO_ORG, OF_OWNER, TABLES, unfiltered

WRITTEN = re.compile(r"^\s*(?:UPDATE|INSERT INTO|DELETE FROM) (\w+)", re.MULTILINE)
# Records of reads and refusals of many orgs become durable together, by a policy of its own.
APPENDED_BY_ALL = ("audit.append", "audit.append_shown")
LEAST_LEAKING = 100
NOW = datetime.datetime(2026, 3, 1, 9, tzinfo=datetime.UTC)
# Version 2 is what a change of a new record writes; the words are around the canary's.
SAMPLES: dict[str, Sequence[Any]] = {
    "text": ("canary", "canarz"), "varchar": ("canary",), "int4": (2,), "int8": (2,), "int2": (2,), "bool": (True,),
    "date": (NOW.date(),), "timestamptz": (NOW,), "time": (NOW.time(),), "numeric": (Decimal(1),), "bytea": (b"x",),
    "jsonb": ("{}",), "interval": (datetime.timedelta(1),), "float8": (1.0,),
    "bit": (asyncpg.BitString.from_int(1, 8192),),
    "cidr": (ipaddress.ip_network("192.0.2.0/24"),),
}  # fmt: skip
TYPED = ("canary", *("canary", "canarz") * 3)
Outcome = tuple[str, ...]
Prepared = Any  # asyncpg does not name its type of prepared statements


def try_both(trial: Trial, victim: Canary, intruder_org: str, records: Sequence[str]) -> None:
    """`records` are the victim's ids to try in turn, each with its patient."""
    asyncio.run(_try_both(trial, victim, intruder_org, records))


@contextmanager
def no_policies(trial: Trial, victim: Canary, client: Client) -> Iterator[None]:
    """Row-level security does not bind the server's role meanwhile, nor any plan that was made before."""
    data_dir = victim.org.house.data_dir
    app = embedded.endpoint(data_dir).app
    anew = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{app}'"
    execute(data_dir, f"ALTER ROLE {app} BYPASSRLS", anew)
    try:
        wait_for(lambda: all(client.get("/patients").is_success for _ in range(20)))
        trial.expect(asyncio.run(_sees(data_dir, victim.org.id)), "row-level security still binds: no proof")
        yield
    finally:
        execute(data_dir, f"ALTER ROLE {app} NOBYPASSRLS", anew)


async def _sees(data_dir: Path, org: str) -> bool:
    """Whether the server's role reads rows of an org while another one is set."""
    async with connected(data_dir, "app") as connection:
        await connection.execute(f"SET app.org = '{uuid.uuid4()}'")
        return bool(await connection.fetchval("SELECT count(*) FROM patients WHERE org_id = $1", org))


async def _try_both(trial: Trial, victim: Canary, own: str, records: Sequence[str]) -> None:
    data_dir = victim.org.house.data_dir
    of_orgs = {n: s for n, s in EVERY.items() if not n.startswith(OF_NO_ORG) and n not in OF_OWNER}
    filtered = {n: s for n, s in of_orgs.items() if FILTER.search(s)}
    bare = {name: unfiltered(statement) for name, statement in filtered.items()}
    under_policy = await _leaking(trial, data_dir, "app", victim, own, bare, records)
    without_policy = await _leaking(trial, data_dir, "superuser", victim, own, filtered, records)
    open_wide = await _leaking(trial, data_dir, "superuser", victim, own, bare, records)
    for name in sorted(under_policy):
        trial.breach(f"{name} without its filter leaks although row-level security is on: {under_policy[name]}")
    for name in sorted(without_policy):
        trial.breach(f"{name} leaks without row-level security: {without_policy[name]}")
    trial.expect(len(open_wide) >= LEAST_LEAKING, f"with neither wall only {len(open_wide)} statements leak: no proof")
    trial.figure("statements that leak with neither wall", f"{len(open_wide)} of {len(bare)}; with either one: none")
    await _foreign_inserts(trial, data_dir, victim.org.id, own, {n: s for n, s in of_orgs.items() if n not in filtered})


async def _leaking(
    trial: Trial,
    data_dir: Path,
    role: str,
    victim: Canary,
    own: str,
    statements: dict[str, str],
    records: Sequence[str],
) -> dict[str, str]:
    """The statements that answer or do anything else for the victim's ids than for ids of nobody, and what."""
    found: dict[str, str] = {}
    async with connected(data_dir, role) as connection:
        for name, statement in statements.items():
            prepared = await connection.prepare(statement)
            for chosen in _choices(name, victim, records):
                trial.tried("statements with one wall or none")
                if leak := await _leak(connection, prepared, name, victim.org.id, own, chosen):
                    found[name] = leak
                    break
    return found


def _choices(name: str, victim: Canary, records: Sequence[str]) -> Iterator[list[str]]:
    """Ids to fill in, in turn: the record that the statement is about and its patient, then the drawn ones."""
    patient, kind = victim.ids["patient"], name.partition(".")[0]
    if kind in victim.ids:
        targets = [victim.ids[target] for target in TABLES[kind].targets] if name.endswith(".names") else []
        yield targets or [victim.ids[kind], patient]
    for record in records:
        yield [record, patient]
        yield [patient, record]


async def _leak(
    connection: Connection, prepared: Prepared, name: str, victim: str, own: str, chosen: Sequence[str]
) -> str:
    # Ids of the same time, for some statements ask for what is later than an id.
    nobody = [one[:24] + str(uuid.uuid4())[24:] for one in chosen]
    foreign = await _outcome(connection, prepared, name, own, own, chosen)
    random = await _outcome(connection, prepared, name, own, own, nobody)
    shown = repr(foreign).lower()
    if any(sign in shown for sign in SIGNS) or victim in shown:
        return f"text of the other org: {shown[:300]}"
    for one, none in zip(chosen, nobody, strict=True):
        random = tuple(part.replace(none, one) for part in random)
    return "" if foreign == random else f"{str(foreign)[:200]} for its ids, {str(random)[:200]} for those of nobody"


async def _outcome(
    connection: Connection, prepared: Prepared, name: str, own: str, first: str, ids: Sequence[str]
) -> Outcome:
    """In the caller's own org: the rows a statement gives, what it wrote or how it fails; undone at the end."""
    await connection.execute(f"BEGIN; SET LOCAL app.org = '{own}'")
    try:
        values = list(_arguments(name, prepared.get_parameters()[1:], ids))
        kind, _, what = name.partition(".")
        if what == "update":
            # The version, and of a bookkept kind the revision, that a new record was read with.
            read = [1, 0] if TABLES[kind].kind.bookkept else [1]
            values[-len(read) :] = read
        rows = await prepared.fetch(first, *values)
        written = (str(prepared.get_statusmsg()),) if WRITTEN.search(prepared.get_query()) else ()
        return tuple(str(tuple(row.values())) for row in rows) + written
    except asyncpg.PostgresError as fault:
        return (type(fault).__name__,)
    finally:
        await connection.execute("ROLLBACK")


def _arguments(name: str, wanted: Sequence[asyncpg.Type], ids: Sequence[str]) -> Iterator[Any]:
    """A value for each parameter: the ids in turn, and samples of other types; arrays of one."""
    # What was typed comes first there, then the start and the end of each word.
    # Rows that travel as JSON: records to write, or search words of a patient.
    row = {"id": ids[0], "version": 2, "revision_read": 0, "patient_id": ids[0], "scope": 0, "words": ["canary"]}
    rows = json.dumps([row])
    samples = SAMPLES | {"uuid": ids, "json": (rows,)} | ({"text": TYPED} if name.startswith("typeahead") else {})
    seen: dict[str, int] = {}
    for kind in wanted:
        of = kind.name.removesuffix("[]")
        turn = seen[of] = seen.get(of, -1) + 1
        choices = samples[of]
        value = choices[turn % len(choices)]
        yield [value] if kind.kind == "array" else value


async def _foreign_inserts(trial: Trial, data_dir: Path, victim: str, own: str, statements: dict[str, str]) -> None:
    """What inserts has no filter but writes the org: given another org's, the database refuses or finds no such org."""
    async with connected(data_dir, "app") as connection:
        for name, statement in statements.items():
            if name not in APPENDED_BY_ALL:
                prepared, ids = await connection.prepare(statement), [str(uuid.uuid4()), str(uuid.uuid4())]
                ended = await _outcome(connection, prepared, "", own, victim, ids)
                kept = ended in (("InsufficientPrivilegeError",), ("INSERT 0 0",))
                trial.expect(kept, f"{name} under another org ended with {ended}")
                trial.tried("inserts under another org")
