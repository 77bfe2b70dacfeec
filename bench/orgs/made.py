"""Makes a data directory by plan: the pattern through the product, the others by COPY, then indexes and summaries."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import asyncpg
import msgspec

from bench.orgs import clones, indexes
from bench.orgs.loading import COPIED, Job, Stretch, load, ready
from bench.orgs.pattern import BESIDE, TABLES, enter, read
from bench.orgs.plans import Plan
from chairside import embedded
from chairside.app import owner_place
from chairside.cli import keys
from chairside.cli.clerk import create_org, working
from chairside.engine.ids import new_id
from chairside.settings import Settings
from chairside.store.migrate import migrate
from chairside.store.pool import Place, connect

# How many the product makes itself; more would look more alike to nobody and take longer.
PATTERN = 300
STRETCH = 20_000
NAME, REGION = "Bench Dental Group", "US"
Says = Callable[[str], None]


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in a data directory: orgs with their sizes, the largest first, and ids of its catalogs by kind.

    `seconds` tells how long each step of making it took.
    """

    orgs: list[tuple[str, int]]
    ids: dict[str, list[str]]
    seconds: dict[str, float]

    @property
    def org_id(self) -> str:
        return self.orgs[0][0]


def make(data_dir: Path, plan: Plan, says: Says, pattern: int = PATTERN) -> Made:
    """Make it; the database is stopped again at the end."""
    data_dir.mkdir(mode=0o700, parents=True)
    settings = Settings(data_dir=data_dir)
    with embedded.start(data_dir, progress=lambda _: None):
        return asyncio.run(_make(settings, plan, min(pattern, plan.sizes[0]), says))


async def _make(settings: Settings, plan: Plan, pattern: int, says: Says) -> Made:
    clock = _Clock(says)
    clock.begin("pattern", f"{pattern} patients with charts through the product")
    org_id = new_id()
    await migrate(owner_place(settings))
    await keys.ensure(settings)
    async with working(settings) as (pool, work):
        ids = await enter(await create_org(settings, pool, work, org_id, NAME, REGION), pattern)
    place = superuser(settings.data_dir)
    connection = await connect(place)
    try:
        job = Job(place, settings.key_file, await read(connection, org_id, ids))
        orgs = [org_id, *(new_id() for _ in plan.sizes[1:])]
        await clones.add(connection, org_id, orgs[1:])
        dropped = await indexes.drop(connection, [*COPIED, *(TABLES[kind] for kind in BESIDE)])
        clock.begin("copy", f"{plan.patients - pattern:,} patients by COPY")
        await asyncio.to_thread(_load, job, list(_stretches(orgs, plan.sizes, pattern)), clock)
        clock.begin("indexes", f"{len(dropped)} indexes")
        await indexes.restore(connection, dropped)
        clock.begin("settling", "summaries, statistics and a checkpoint")
        await _settle(connection)
    finally:
        await connection.close()
    clock.end()
    return Made(orgs=list(zip(orgs, plan.sizes, strict=True)), ids=ids, seconds=clock.took)


def superuser(data_dir: Path) -> Place:
    at = embedded.endpoint(data_dir)
    return Place(host=at.host, port=at.port, user=at.superuser, database=at.database)


def _stretches(orgs: Sequence[str], sizes: Sequence[int], pattern: int) -> Iterator[list[Stretch]]:
    """Parts of about equal work."""
    part: list[Stretch] = []
    for number, (org_id, size) in enumerate(zip(orgs, sizes, strict=True)):
        for first in range(0 if number else pattern, size, STRETCH):
            part.append(Stretch(org_id, number, first, min(first + STRETCH, size), size))
            if sum(s.end - s.first for s in part) >= STRETCH:
                yield part
                part = []
    if part:
        yield part


def _load(job: Job, parts: Sequence[Sequence[Stretch]], clock: _Clock) -> None:
    """One process more than there are cores, for each waits while the database takes in what it has made."""
    processes = len(os.sched_getaffinity(0)) + 1
    with ProcessPoolExecutor(
        min(processes, max(len(parts), 1)), mp_context=get_context("spawn"), initializer=ready, initargs=(job,)
    ) as pool:
        for done in pool.map(load, parts):
            clock.add(done)


async def _settle(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Summaries as writes would have kept them and folding left them; the tables as they are some time after."""
    await connection.execute("DELETE FROM patient_counts")
    await connection.execute(
        "INSERT INTO patient_counts (org_id, id, archived, status, location_id, primary_provider_id, n)"
        " SELECT org_id, gen_random_uuid(), deleted_at IS NOT NULL, status, location_id, primary_provider_id, count(*)"
        " FROM patients GROUP BY org_id, deleted_at IS NOT NULL, status, location_id, primary_provider_id"
    )
    await connection.execute("DELETE FROM tag_counts")
    await connection.execute(
        "INSERT INTO tag_counts (org_id, id, archived, tag_definition_id, n)"
        " SELECT t.org_id, gen_random_uuid(), p.deleted_at IS NOT NULL, t.tag_definition_id, count(*)"
        " FROM patient_tags t JOIN patients p ON p.org_id = t.org_id AND p.id = t.patient_id"
        " WHERE t.deleted_at IS NULL GROUP BY t.org_id, p.deleted_at IS NOT NULL, t.tag_definition_id"
    )
    await connection.execute("VACUUM (FREEZE, ANALYZE)")
    await connection.execute("CHECKPOINT")


class _Clock:
    """Says what is being done, and remembers how long each step took."""

    def __init__(self, says: Says) -> None:
        self._says, self._step, self._began, self._done = says, "", 0.0, 0
        self.took: dict[str, float] = {}

    def begin(self, step: str, text: str) -> None:
        self.end()
        self._says(f"  {text}")
        self._step, self._began = step, time.monotonic()

    def add(self, done: int) -> None:
        self._done += done
        if self._done // 100_000 > (self._done - done) // 100_000:
            self._says(f"  {self._done:,} patients, {time.monotonic() - self._began:.0f} s")

    def end(self) -> None:
        if self._step:
            self.took[self._step] = round(time.monotonic() - self._began, 1)
            self._says(f"    {self.took[self._step]} s")
