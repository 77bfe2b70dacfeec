"""Whatever is killed, nothing acknowledged is lost, nothing is there twice, and the server is back within 5 s.

Sixteen writers and four readers put every success into a ledger that is synced before their next request. Each round
one of five is ended with kill -9 while they work: a worker, the server's parent, a database backend, the postmaster,
or all of them. Five rounds end each of the five once, in an order that the seed says. In half of the rounds the
database is made to wait between a commit and its answer when the kill comes; in the others it comes at any moment.

The 5 s count from the kill where the server mends itself, else from the restart command, to the first 200 of /readyz.
The long form holds them as they are. The short form is run on machines that are slow and shared too, where even a start
after a clean stop may need as long: there the bound is 5 s, or twice that start of the same data directory measured in
the same run, whichever is more.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from chairside.embedded import endpoint, tool, tool_environment
from proofs import processes
from proofs.crash.crew import Crew
from proofs.crash.ledger import Entry, Ledger
from proofs.crash.reckoning import reckon, replay, walk_feed
from proofs.holding import commits_held, until_one_waits
from proofs.line import Line, Lost
from proofs.trial import Trial
from tests.house import House

SHORT, LONG = 5, 30
READY_SECONDS, TIMES_CLEAN = 5, 2
WORKERS = 2
# How often the kill is timed to fall between commit and answer; else it falls at any moment.
HELD = 0.5
BOUND_SECONDS = 120


def prove(trial: Trial) -> None:
    with trial.folder() as folder, trial.house(workers=WORKERS) as house:
        asyncio.run(_prove(trial, house, folder / "ledger"))
        _check_structure(trial, house)


async def _prove(trial: Trial, house: House, path: Path) -> None:
    org = house.org("Crash Proof Dental")
    base = f"/api/v1/{org.id}"
    ledger = Ledger(path)
    crew = Crew(trial, house.port, base, org.token("admin"), ledger)
    line = Line(house.port, crew.token)
    times: dict[str, list[float]] = {}
    for number in range(trial.rounds):
        victim = _victim(trial, number)
        seconds = await _round(trial, house, crew, number, victim)
        times.setdefault(victim, []).append(seconds)
        entries, before = ledger.entries(), trial.counts["writes acknowledged"]
        trial.say(f"round {number + 1}: {victim} killed, ready after {seconds:.2f} s, {before} writes acknowledged")
        again = await replay(trial, line, _worth_repeating(trial, [e for e in entries if e.key]))
        await reckon(trial, house, org.id, entries, [*crew.attempts, *again])
        await walk_feed(trial, line, base, house, org.id)
        line.close()
    await _judge_times(trial, house, times)
    await reckon(trial, house, org.id, ledger.entries(), crew.attempts)
    ledger.close()


def _worth_repeating(trial: Trial, writes: list[Entry]) -> list[Entry]:
    """Some of all writes, and the latest of those that were sent more than once."""
    chosen = trial.random.sample(writes, min(20, len(writes))) + [w for w in writes if w.retried][-40:]
    return list({write.key: write for write in chosen}.values())


def _victim(trial: Trial, number: int) -> str:
    """Each of the five once in five rounds."""
    turn = random.Random(f"{trial.seed} {number // len(processes.VICTIMS)}")
    return turn.sample(processes.VICTIMS, len(processes.VICTIMS))[number % len(processes.VICTIMS)]


async def _round(trial: Trial, house: House, crew: Crew, number: int, victim: str) -> float:
    """Work, kill in its midst, go on until all is well again; the seconds until the server was ready."""
    work = asyncio.create_task(crew.work(number))
    try:
        await asyncio.sleep(trial.random.uniform(1, 3))
        held = trial.random.random() < HELD
        async with commits_held(house.data_dir) if held else nullcontext():
            if held:
                await until_one_waits(house.data_dir, "SyncRep")
                trial.tried("kills between commit and answer")
            family = processes.backends(house)
            pids = processes.doomed(house, victim, trial.random.randrange(1 << 16))
            trial.expect(pids, f"there was no {victim} to kill")
            killed = time.monotonic()
            await processes.end(pids)
        if victim in ("server", "everything"):
            await _until(lambda: _ended(house))
        elif victim != "worker":  # until then the database may still answer as if nothing had happened
            await _until(lambda: not any(map(processes.alive, family)))
        seconds = await _ready(trial, house, killed)
        await asyncio.sleep(trial.random.uniform(1, 2))
    finally:
        crew.resting.set()
        await work
    return seconds


def _ended(house: House) -> bool:
    return house.process is None or house.process.poll() is not None


async def _ready(trial: Trial, house: House, killed: float) -> float:
    """Seconds until /readyz answers 200: since the kill, or since the restart of a server that ended."""
    if not _ended(house):
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                answered = await _answers(house)
        except TimeoutError:
            trial.breach("the server neither became ready nor ended")
            raise
        seconds = time.monotonic() - killed
        await _until(lambda: _ended(house) or len(processes.workers(house)) == WORKERS)
        if answered and not _ended(house):
            return seconds
    trial.tried("restarts")
    return await _restart(house)


async def _restart(house: House) -> float:
    house.end()
    began = time.monotonic()
    starting = asyncio.create_task(asyncio.to_thread(house.start, workers=WORKERS))
    async with asyncio.timeout(BOUND_SECONDS):
        while not await _answers(house):  # noqa: ASYNC110 - nobody tells when the process was started
            await asyncio.sleep(0.05)
    seconds = time.monotonic() - began
    await starting
    return seconds


async def _answers(house: House) -> bool:
    """Waits for a 200 of /readyz; False when the server has ended."""
    line = Line(house.port)
    try:
        while not _ended(house):
            with suppress(Lost):
                if (await line.ask("GET", "/readyz")).status == 200:
                    return True
            await asyncio.sleep(0.02)
        return False
    finally:
        line.close()


async def _judge_times(trial: Trial, house: House, times: dict[str, list[float]]) -> None:
    await asyncio.to_thread(house.end)
    clean = await _restart(house)
    bound = READY_SECONDS if trial.long else max(READY_SECONDS, TIMES_CLEAN * clean)
    for victim, seconds in times.items():
        trial.in_time(max(seconds) <= bound, f"after kill -9 of {victim}: ready after {max(seconds):.1f} s")
        trial.figure(f"ready after {victim}", f"at most {max(seconds):.2f} s of {len(seconds)}, bound {bound:.1f} s")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    trial.figure("ready after a clean stop", f"{clean:.2f} s (load {load} on {os.cpu_count()} cores)")


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not done():  # noqa: ASYNC110 - other processes cannot set an event here
            await asyncio.sleep(0.02)


def _check_structure(trial: Trial, house: House) -> None:
    """Every table and index, and that each row of a table is in its indexes."""
    at = endpoint(house.data_dir)
    options = ["--install-missing", "--heapallindexed", "--parent-check", "--rootdescend", "--jobs=1"]
    place = ["-h", at.host, "-p", str(at.port), "-U", at.superuser, "-d", at.database]
    done = subprocess.run(
        [str(tool("pg_amcheck")), *place, *options],
        capture_output=True, text=True, timeout=600, check=False, env=tool_environment(),
    )  # fmt: skip
    trial.expect(done.returncode == 0, f"pg_amcheck: {(done.stdout + done.stderr)[:500]}")
    trial.figure("pg_amcheck", "clean" if done.returncode == 0 else f"status {done.returncode}")
