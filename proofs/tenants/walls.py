"""Both walls one by one: statements without their filter under row-level security, and filters without it."""

from __future__ import annotations

import asyncio
import datetime
import re
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

from proofs.tenants.canary import SIGNS, Canary
from proofs.trial import Trial
from tests.database import Connection, connected
from tests.statements import EVERY, FILTER, OF_NO_ORG, OF_OWNER, unfiltered

WRITTEN = re.compile(r"^\s*(?:UPDATE|INSERT INTO|DELETE FROM) (\w+)", re.MULTILINE)
# Records of reads and refusals of many orgs become durable together, by a policy of its own.
APPENDED_BY_ALL = "audit.append"
LEAST_LEAKING = 100
NOW = datetime.datetime(2026, 3, 1, 9, tzinfo=datetime.UTC)
# Version 2 is what a change of a new record writes; the words are around the canary's.
SAMPLES: dict[str, Sequence[Any]] = {
    "text": ("canary", "canarz"), "varchar": ("canary",), "int4": (2,), "int8": (2,), "int2": (2,), "bool": (True,),
    "date": (NOW.date(),), "timestamptz": (NOW,), "time": (NOW.time(),), "numeric": (Decimal(1),), "bytea": (b"x",),
    "jsonb": ("{}",), "interval": (datetime.timedelta(1),), "float8": (1.0,),
}  # fmt: skip
Outcome = tuple[str, ...]


def try_both(trial: Trial, victim: Canary, intruder_org: str, records: Sequence[str]) -> None:
    """`records` are the victim's ids to try in turn, each with its patient."""
    asyncio.run(_try_both(trial, victim, intruder_org, records))


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
            for chosen in _choices(records, victim.ids["patient"]):
                if leak := await _leak(connection, statement, victim.org.id, own, chosen):
                    found[name] = leak
                    break
                trial.tried("statements with one wall or none")
    return found


def _choices(records: Sequence[str], patient: str) -> Iterator[tuple[str, str]]:
    for record in records:
        yield record, patient
        yield patient, record


async def _leak(connection: Connection, statement: str, victim: str, own: str, chosen: tuple[str, str]) -> str:
    nobody = (str(uuid.uuid4()), str(uuid.uuid4()))
    foreign = await _outcome(connection, statement, own, chosen)
    random = await _outcome(connection, statement, own, nobody)
    shown = repr(foreign).lower()
    if any(sign in shown for sign in SIGNS) or victim in shown:
        return f"text of the other org: {shown[:300]}"
    for one, none in zip(chosen, nobody, strict=True):
        random = tuple(part.replace(none, one) for part in random)
    return "" if foreign == random else f"{str(foreign)[:200]} for its ids, {str(random)[:200]} for those of nobody"


async def _outcome(connection: Connection, statement: str, own: str, ids: tuple[str, str]) -> Outcome:
    """The rows a statement gives, or how it fails, and how many it wrote; undone at the end."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"SET LOCAL app.org = '{own}'")
        prepared = await connection.prepare(statement)
        args = [own, *_arguments(prepared.get_parameters()[1:], ids)]
        rows = tuple(str(tuple(row.values())) for row in await prepared.fetch(*args))
        touched = (str(prepared.get_statusmsg()),) if WRITTEN.search(statement) else ()
        return rows + touched
    except asyncpg.PostgresError as fault:
        return (type(fault).__name__,)
    finally:
        await transaction.rollback()


def _arguments(wanted: Sequence[asyncpg.Type], ids: tuple[str, str]) -> Iterator[Any]:
    """A value for each parameter: the ids in turn, and samples of other types; arrays of one."""
    seen: dict[str, int] = {}
    for kind in wanted:
        name = kind.name.removesuffix("[]")
        turn = seen[name] = seen.get(name, -1) + 1
        choices = ids if name == "uuid" else SAMPLES[name]
        value = choices[turn % len(choices)]
        yield [value] if kind.kind == "array" else value


async def _foreign_inserts(trial: Trial, data_dir: Path, victim: str, own: str, statements: dict[str, str]) -> None:
    """What inserts has no filter but writes the org: given another org's, the database refuses or finds no such org."""
    async with connected(data_dir, "app") as connection:
        for name, statement in statements.items():
            if name != APPENDED_BY_ALL:
                ended = await _insert(connection, statement, victim, own)
                kept = ended in ("InsufficientPrivilegeError", "INSERT 0 0")
                trial.expect(kept, f"{name} under another org ended with {ended}")
                trial.tried("inserts under another org")


async def _insert(connection: Connection, statement: str, victim: str, own: str) -> str:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"SET LOCAL app.org = '{own}'")
        prepared = await connection.prepare(statement)
        ids = (str(uuid.uuid4()), str(uuid.uuid4()))
        await prepared.fetch(victim, *_arguments(prepared.get_parameters()[1:], ids))
        return str(prepared.get_statusmsg())
    except asyncpg.PostgresError as fault:
        return type(fault).__name__
    finally:
        await transaction.rollback()
