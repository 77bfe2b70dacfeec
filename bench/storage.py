"""Measures the bytes of database that a request leaves behind, over a fixed mix: `python -m bench.storage`."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from uuid import uuid4

import msgspec

from bench.orgs.made import superuser
from bench.people import make_catalogs
from bench.place import FOLDER
from bench.running import BenchFault, Client, command, server
from chairside.store.pool import connect

BOUND = 500
# Requests out of twenty: a front desk that opens charts. A list shows five patients, as one after a search does, and
# the trail names each of them. Every write has an Idempotency-Key.
READS = {"patient": 7, "list of a chart": 5, "medical summary": 2, "list of 5 patients": 1, "feed": 1}
WRITES = {"patch": 3, "create": 1}
MIX = READS | WRITES
PATIENTS, ROUND, ROUNDS = 200, 1000, 8
# Rounds before the first measured one: the space of dead rows is used again only when there is some.
WARMING = 2
# Tables that every request may add to, without the records of the practice themselves.
TRAIL = ("audit_events", "audit_patients", "audit_clients", "audit_callers", "audit_operations", "audit_links")
TABLES = (*TRAIL, "events")
# Rows that go after two days.
PASSING = ("idempotency_keys",)
# The sealer makes a link each second.
PATIENCE_SECONDS = 60
_SIZES = """
SELECT coalesce((SELECT p.relname FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent WHERE h.inhrelid = r.oid),
  r.relname) AS root, c.relname AS part, pg_relation_size(c.oid) AS size
FROM pg_class c JOIN LATERAL (
  SELECT t.oid, t.relname FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid WHERE x.indexrelid = c.oid
  UNION ALL SELECT t.oid, t.relname FROM pg_class t WHERE t.reltoastrelid = c.oid
  UNION ALL SELECT c.oid, c.relname WHERE c.relkind = 'r' LIMIT 1) r ON true
WHERE c.relkind IN ('r', 'i', 't') AND pg_relation_size(c.oid) > 0"""
_SEALED = "SELECT count(*) = coalesce((SELECT sum(cardinality(ids)) FROM audit_links), 0) FROM audit_events"

Sizes = dict[tuple[str, str], int]  # bytes by table and part


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes a request, by table and its parts: for good, and of rows that go after two days."""

    requests: int
    parts: dict[str, dict[str, float]]

    def of(self, tables: Sequence[str]) -> float:
        return sum(sum(self.parts.get(table, {}).values()) for table in tables)

    @property
    def total(self) -> float:
        return self.of((*TABLES, *PASSING))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.storage", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"rounds of {ROUND} ({ROUNDS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    options = parser.parse_args()
    try:
        stored = measure(options.rounds)
    except BenchFault as fault:
        sys.exit(f"bench: {fault}")
    show(stored)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(stored)) + b"\n")
    sys.exit(stored.total >= BOUND)


def show(stored: Stored) -> None:
    """Prints the figures, largest table first."""
    for title, tables in (("For good", TABLES), ("For two days", PASSING)):
        print(f"{title}: {stored.of(tables):.0f} bytes a request")
        for table in sorted(tables, key=lambda table: -stored.of([table])):
            if told := stored.parts.get(table):
                parts = ", ".join(f"{part} {size:.0f}" for part, size in sorted(told.items(), key=lambda p: -p[1]))
                print(f"  {table:18} {stored.of([table]):4.0f}  ({parts})")
    print(f"Together: {stored.total:.0f} bytes a request, {stored.requests:,} measured; the bound is {BOUND}.")


def measure(rounds: int) -> Stored:
    """Starts a server on an empty folder, sends the mix round by round, and compares the sizes."""
    data_dir = FOLDER / "storage" / "data"
    shutil.rmtree(data_dir.parent, ignore_errors=True)
    data_dir.parent.mkdir(parents=True)
    with server(data_dir, 1) as running:
        org_id = command("org", "create", "Storage", data_dir=data_dir)
        token = command("token", "create", "--org", org_id, "--role", "admin", data_dir=data_dir)
        desk = Client(running.port, org_id, token)
        make_catalogs(desk)
        known = [desk.post("patients", _person(number)) for number in range(PATIENTS)]
        before: Sizes = {}
        after: Sizes = {}
        for number in range(WARMING + rounds):
            _say(f"Round {number + 1} of {WARMING + rounds}")
            _send(desk, known, range(number * ROUND, (number + 1) * ROUND))
            after = asyncio.run(_sizes(data_dir))
            if number == WARMING - 1:
                before = after
    shutil.rmtree(data_dir.parent, ignore_errors=True)
    requests = rounds * ROUND
    parts: dict[str, dict[str, float]] = {}
    for (table, part), size in after.items():
        if (grown := size - before.get((table, part), 0)) and table in (*TABLES, *PASSING):
            parts.setdefault(table, {})[part] = grown / requests
    return Stored(requests=requests, parts=parts)


def _turns() -> Iterator[str]:
    """The mix for ever, each act spread over its length."""
    length = sum(MIX.values())
    places = sorted((at * length / often, act) for act, often in MIX.items() for at in range(often))
    return cycle(act for _, act in places)


def _send(desk: Client, known: list[dict[str, object]], numbers: range) -> None:
    for number, act in zip(numbers, islice(_turns(), len(numbers)), strict=True):
        patient = known[number * 7919 % len(known)]
        keyed = {"idempotency-key": str(uuid4())}
        match act:
            case "patient":
                desk.fetch(f"patients/{patient['id']}")
            case "list of a chart":
                desk.fetch(f"patients/{patient['id']}/allergies")
            case "medical summary":
                desk.fetch(f"patients/{patient['id']}/medical-summary")
            case "list of 5 patients":
                desk.fetch(f"patients?page_size=5&page={number % 30 + 1}")
            case "feed":
                desk.fetch("events?after=0&limit=1")
            case "create":
                desk.post("patients", _person(PATIENTS + number), keyed)
            case "patch":
                change = {"base_version": patient["version"], "preferred_name": f"Storage {number}"}
                patient |= desk.patch(f"patients/{patient['id']}", change, keyed)


def _person(number: int) -> Mapping[str, object]:
    name = f"Storage {number * 7919 % 100003}"
    return {"first_name": f"Ada {number}", "last_name": name, "date_of_birth": "1980-01-02"}


async def _sizes(data_dir: Path) -> Sizes:
    """Returns the bytes of each table and of its parts, sealed and vacuumed, as autovacuum does by and by."""
    connection = await connect(superuser(data_dir))
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while not await connection.fetchval(_SEALED):
            if time.monotonic() > end:
                raise BenchFault("The audit records are not sealed within a minute.")
            await asyncio.sleep(0.2)
        await connection.execute("VACUUM")
        return {(row["root"], row["part"]): row["size"] for row in await connection.fetch(_SIZES)}
    finally:
        await connection.close()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
