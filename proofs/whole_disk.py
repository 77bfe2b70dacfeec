"""While the whole disk is full, every answer is right or 503, no process of the server ends, and it recovers by itself.

The data directory, with database, write-ahead log, keys, metrics and heads of the audit chain, lies on a file system in
memory that is made full under a load of reads and writes with keys. In every second round the database is also made to
begin a new segment of its log, which it cannot, so that it ends and must be started again. In the end every write that
was acknowledged is there once. Only root may mount a file system: others are told so, and nothing is proven.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx

from proofs.db_faults.disk import apart, full
from proofs.front_desks import Load
from proofs.processes import parent, workers
from proofs.trial import Trial
from tests.database import connected
from tests.house import House, Org, free_port, wait_for

SHORT, LONG = 2, 10
DESKS = 6
FULL_SECONDS, CALM_SECONDS, RECOVERED_SECONDS = 8, 2, 15
FAULT = '"event":"fault"'
NEXT_SEGMENT = "SELECT pg_switch_wal()"
HELD = "SELECT last_name, id, version FROM patients WHERE first_name = 'Fault'"


def prove(trial: Trial) -> None:
    """`trial.rounds` is how often the disk is full."""
    with apart() as disk:
        if disk is None:
            trial.figure("the full disk", "not tried: only root may mount a file system")
            return
        disk.chmod(0o755)
        house = House(disk / "data", free_port())
        house.start(workers=2)
        try:
            org = house.org("Full Dental")
            load = Load(org.base, org.token("admin"), DESKS, trial.random)
            pids = [parent(house), *workers(house)]
            load.start()
            try:
                wait_for(lambda: all(desk.made for desk in load.desks))
                for number in range(trial.rounds):
                    _fill(trial, disk, house, load, logged=number % 2 == 1)
            finally:
                load.stop()
            trial.expect([parent(house), *workers(house)] == pids, "a process of the server has ended")
            _nothing_lost(trial, org, load)
            trial.expect(FAULT not in house.log(), "the server logged a fault")
        finally:
            house.end()


def _fill(trial: Trial, disk: Path, house: House, load: Load, *, logged: bool) -> None:
    began = time.monotonic()
    with full(disk):
        if logged:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                asyncio.run(_begin_segment(house))
        time.sleep(FULL_SECONDS)
        wait_for(lambda: load.statuses(began)[503] or not load.working())
        health = [httpx.get(f"{house.url}{path}").status_code for path in ("/healthz", "/readyz")]
        health.append(httpx.get(house.metrics).status_code)
        trial.expect(health[0] == health[2] == 200 and health[1] in (200, 503), f"health answered {health}")
    ended = time.monotonic()
    wait_for(lambda: any(s.good and s.began > ended for s in load.seen()) or not load.working())
    time.sleep(CALM_SECONDS)
    asked, _ = load.last_refused(ended)
    statuses = load.statuses(began)
    trial.tried("times the disk was full")
    trial.tried("answers meanwhile", sum(statuses.values()))
    trial.expect(statuses[503], "nobody noticed that the disk was full")
    trial.in_time(asked < RECOVERED_SECONDS, f"a request sent {asked:.1f} s after there was room again was refused")
    told = ", ".join(f"{n} x {status}" for status, n in sorted(statuses.items()))
    trial.say(f"full{', log too' if logged else ''}: {told}; last refused {asked:.1f} s after")


async def _begin_segment(house: House) -> None:
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(NEXT_SEGMENT)


def _nothing_lost(trial: Trial, org: Org, load: Load) -> None:
    for fault in load.faults():
        trial.breach(fault)
    trial.figure("answers", str(sorted(Counter(s.status for s in load.seen()).items())))
    there = {row["last_name"]: (row["id"], row["version"]) for row in asyncio.run(_held(org))}
    told = {name: (desk.made[name], desk.versions[name]) for desk in load.desks for name in desk.made}
    trial.tried("acknowledged patients compared", len(told))
    different = sum(there.get(name) != told.get(name) for name in there | told)
    trial.expect(not different, f"{different} patients differ from what was told")
    org.house.sealed()


async def _held(org: Org) -> list[asyncpg.Record]:
    async with connected(org.house.data_dir, "superuser") as connection:
        rows = await connection.fetch(HELD)
    if len({row["last_name"] for row in rows}) != len(rows):
        raise RuntimeError("a patient is there twice")
    return list(rows)
