"""A standby that is promoted after the primary was destroyed has every write that was acknowledged.

The primary waits for a synchronous standby. Under a load of reads and writes with keys, the standby's receiver is
frozen at a random moment, so that what is written from then on cannot reach it, and the waits of commits are cancelled
again and again. Then every process of the primary is killed, its folder is deleted, and the standby is promoted. The
server was given both addresses and goes on by itself, on the promoted one. In the end every acknowledged patient is
there once with its version. A round is one failover.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from chairside.embedded import tool_environment
from proofs.front_desks import Load, Seen
from proofs.processes import alive, end
from proofs.trial import Trial
from tests.cli.hands import answered
from tests.embedded.hands import as_person, ordinary_person
from tests.hosting import Hosted, hosted, program, run
from tests.house import House, free_port, wait_for

SHORT, LONG = 1, 10
DESKS = 6
LEAST_WRITES, FROZEN_SECONDS = 60, 6.0  # longer than a statement may take (store/transactions.py)
NAME = "standby"
SYNCHRONOUS = f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'"
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"
# An operator, or a tool that ends long statements: the commit is acknowledged then, though no standby has it.
CANCEL = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
HELD = "SELECT last_name, id, version FROM patients WHERE first_name = 'Fault'"


def prove(trial: Trial) -> None:
    """`trial.rounds` is the number of failovers, each with servers of its own."""
    for number in range(trial.rounds):
        with trial.folder() as folder, hosted() as primary, _standby(primary) as standby:
            primary.sql(SYNCHRONOUS)
            primary.sql("SELECT pg_reload_conf()")
            wait_for(lambda at=primary: at.sql(STREAMING) == "1")
            house = House(folder / "data", free_port())
            house.start(workers=2, CHAIRSIDE_DATABASE_URL=_either(primary, standby))
            try:
                _fail_over(trial, house, primary, standby, number)
            finally:
                house.end()


def _either(primary: Hosted, standby: Hosted) -> str:
    """The URL of whichever of the two takes writes."""
    both = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    return primary.url.replace(f"127.0.0.1:{primary.port}", both) + "?target_session_attrs=read-write"


def _fail_over(trial: Trial, house: House, primary: Hosted, standby: Hosted, number: int) -> None:
    org = answered("org", "create", "Standby Dental", data_dir=house.data_dir, CHAIRSIDE_DATABASE_URL=primary.url)
    made = ("token", "create", "--org", org, "--role", "admin")
    token = answered(*made, data_dir=house.data_dir, CHAIRSIDE_DATABASE_URL=primary.url)
    load = Load(f"{house.url}/api/v1/{org}", token, DESKS, trial.random)
    load.start()
    try:
        wait_for(lambda: sum(load.told().values()) > LEAST_WRITES or not load.working())
        time.sleep(trial.random.uniform(0, 1))
        _lose_primary(trial, primary, standby, load)
        standby.sql("SELECT pg_promote(true)")
        promoted = time.monotonic()
        wait_for(lambda: any(_is_write(s, promoted) for s in load.seen()) or not load.working())
        again = next((s.ended - promoted for s in load.seen() if _is_write(s, promoted)), float("inf"))
    finally:
        load.stop()
    trial.tried("failovers")
    statuses = ", ".join(f"{n} x {status}" for status, n in sorted(Counter(s.status for s in load.seen()).items()))
    trial.say(f"failover {number + 1}: first write {again:.1f} s after the promotion; {statuses}")
    _nothing_lost(trial, standby, load)


def _lose_primary(trial: Trial, primary: Hosted, standby: Hosted, load: Load) -> None:
    receiver = _process(standby, b"walreceiver")
    os.kill(receiver, signal.SIGSTOP)
    frozen, cancelled = time.monotonic(), 0
    while time.monotonic() < frozen + FROZEN_SECONDS:
        time.sleep(trial.random.uniform(0, 0.5))
        cancelled += int(primary.sql(CANCEL))
    trial.tried("waits for the standby cancelled", cancelled)
    trial.expect(cancelled > 0, "no commit waited for the standby while it was frozen")
    # One that was begun just before may have been received.
    acknowledged = sum(_is_write(s, frozen + 1) for s in load.seen())
    trial.expect(not acknowledged, f"{acknowledged} writes were acknowledged while no standby received them")
    asyncio.run(end(_processes(primary)))
    shutil.rmtree(primary.folder / "data")
    os.kill(receiver, signal.SIGCONT)


def _is_write(seen: Seen, since: float) -> bool:
    return seen.good and seen.act in ("create", "patch") and seen.began > since


def _nothing_lost(trial: Trial, standby: Hosted, load: Load) -> None:
    for fault in load.faults():
        trial.breach(fault)
    rows = [row.split("|") for row in standby.sql(HELD).splitlines()]
    trial.expect(len({row[0] for row in rows}) == len(rows), "a patient is there twice")
    there = {name: (made, int(version)) for name, made, version in rows}
    told = {name: (desk.made[name], desk.versions[name]) for desk in load.desks for name in desk.made}
    trial.tried("acknowledged patients compared", len(told))
    different = sum(there.get(name) != told.get(name) for name in there | told)
    trial.expect(not different, f"{different} of {len(told)} patients differ from what was acknowledged")


@contextmanager
def _standby(primary: Hosted) -> Iterator[Hosted]:
    """A running standby of a server, made by pg_basebackup, as docs/protection.md says."""
    person, folder = ordinary_person(), primary.folder / "standby"
    folder.mkdir()
    os.chown(folder, person.uid, person.gid)
    with (primary.folder / "data" / "pg_hba.conf").open("a") as file:
        file.write("local replication host trust\n")
    primary.sql("SELECT pg_reload_conf()")
    at = replace(primary, port=free_port(), folder=folder)
    source = f"host={primary.folder} port={primary.port} user=host application_name={NAME}"
    run(["pg_basebackup", "-D", str(folder / "data"), "-d", source, "-R", "-C", "-S", NAME, "-c", "fast", "--no-sync"])
    options = {"port": at.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
    server = subprocess.Popen(
        as_person(
            person,
            [
                program("postgres"),
                "-D",
                str(folder / "data"),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=tool_environment(),
        cwd="/",
    )
    try:
        ready = as_person(person, [program("pg_isready"), "-q", "-h", str(folder), "-p", str(at.port)])
        wait_for(lambda: subprocess.run(ready, check=False, env=tool_environment(), cwd="/").returncode == 0)
        yield at
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _process(at: Hosted, kind: bytes) -> int:
    return next(pid for pid in _processes(at) if kind in _command(pid))


def _processes(at: Hosted) -> list[int]:
    """Every process of a server; PostgreSQL's processes work from the data folder."""
    data, found = (at.folder / "data").stat(), []
    for pid in (int(f.name) for f in Path("/proc").iterdir() if f.name.isdecimal()):
        try:
            here = Path(f"/proc/{pid}/cwd").stat()
        except OSError:
            continue
        if (here.st_dev, here.st_ino) == (data.st_dev, data.st_ino) and alive(pid):
            found.append(pid)
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
