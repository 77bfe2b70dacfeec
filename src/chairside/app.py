"""Puts the server together: the one file that knows everything."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from chairside import embedded
from chairside.access.tokens import Doorkeeper
from chairside.delivery.feed import feed_of
from chairside.engine.answers import Shapes
from chairside.engine.audit import Trail
from chairside.engine.heads import HeadsFile
from chairside.engine.operations import Operation, operations
from chairside.engine.retention import Retention
from chairside.engine.sealer import Sealer
from chairside.engine.shown import Finders
from chairside.engine.trail import AUDIT
from chairside.engine.vault import Vault
from chairside.engine.verbs import VERBS
from chairside.engine.volumes import Volumes
from chairside.engine.work import Work
from chairside.logs import configure
from chairside.records import ALL, BODIES, SCHEMAS
from chairside.rest import metrics
from chairside.rest.admission import Admission
from chairside.rest.front import App
from chairside.rest.handlers import House
from chairside.rest.listening import Connections, limit_unread
from chairside.rest.openapi import document
from chairside.rest.outbox import Outbox
from chairside.rest.schemas import SHARED
from chairside.rest.server import application
from chairside.settings import Settings, from_environment
from chairside.store import constraints
from chairside.store.lending import Connection
from chairside.store.pool import AWAY, ROLE, Place, Pool, connect
from chairside.store.sql import queries
from chairside.store.tables import tables

TIDY_SECONDS, FOLD_SECONDS = 60, 1


def every_operation() -> list[Operation]:
    """The whole API in reading order."""
    return [*operations(ALL, VERBS), feed_of(ALL), AUDIT]


def openapi() -> dict[str, Any]:
    return document(every_operation(), ALL, SCHEMAS, BODIES)


def server_place(settings: Settings) -> Place:
    """The database as the server goes there: as a role that owns nothing."""
    if settings.database_url:
        return Place(dsn=settings.database_url, role=ROLE)
    at = embedded.endpoint(settings.data_dir)
    return Place(host=at.host, port=at.port, user=at.app, database=at.database)


def owner_place(settings: Settings) -> Place:
    """The database as migrations go there: as the role that owns the tables."""
    if settings.database_url:
        return Place(dsn=settings.database_url)
    at = embedded.endpoint(settings.data_dir)
    return Place(host=at.host, port=at.port, user=at.owner, database=at.database)


def house_of(settings: Settings, pool: Pool) -> tuple[House, Trail]:
    trail = Trail(pool)
    finders = Finders(ALL, {**SHARED, **SCHEMAS})
    vault, known = Vault(settings.key_file), constraints.by_name(ALL)
    volumes = Volumes(finders, pool, trail, vault, settings.unusual_patients)
    work = Work(pool, trail, tables(ALL), Shapes(ALL), vault, known, volumes)
    return House(work, Doorkeeper(pool), settings.body_seconds, settings.trusted_proxies), trail


def sealer_of(settings: Settings, house: House, trail: Trail) -> Sealer:
    return Sealer(house.work.pool, trail, house.work.vault, HeadsFile(settings.heads_file))


@asynccontextmanager
async def as_owner(settings: Settings) -> AsyncIterator[Connection]:
    """A connection as the owner of the tables, who may do what the server's own role may not."""
    owner = await connect(owner_place(settings))
    try:
        yield owner
    finally:
        await owner.close()


async def all_orgs(settings: Settings) -> list[str]:
    """The ids of every org, which the server's own role may not list."""
    async with as_owner(settings) as owner:
        return [row["id"] for row in await owner.fetch(queries()["orgs.all"])]


def create() -> App:
    """The application of one worker process, as its environment describes it."""
    settings = from_environment()
    configure(settings.log_format, settings.log_level)
    _end_with_parent()
    pool = Pool(server_place(settings), size=settings.pool_size)
    house, trail = house_of(settings, pool)
    outbox = Outbox(Connections().reset)
    metrics.meter.share_in(settings.metrics_folder, settings.archive_status_file)
    sealer = sealer_of(settings, house, trail)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        trail.start()
        sealer.start(partial(all_orgs, settings))
        tidying = [
            asyncio.create_task(_tidy(house)),
            asyncio.create_task(_fold(house, outbox)),
            asyncio.create_task(house.work.volumes.run_forever()),
            asyncio.create_task(Retention(pool, partial(as_owner, settings)).run_forever()),
            asyncio.create_task(limit_unread(settings.write_seconds)),
        ]
        try:
            yield
        finally:
            for task in tidying:
                task.cancel()
            await asyncio.gather(*tidying, return_exceptions=True)
            await trail.stop()
            await sealer.stop()
            await pool.close()

    doors = Admission(
        at_once=settings.at_once,
        share=settings.org_share,
        line=settings.line,
        patience=settings.patience / 1000,
    )
    app = application(house, every_operation(), openapi(), lifespan, doors, outbox)
    freeze()
    # Nor need what is read of an import be looked through every few rows: it holds nothing that holds it.
    gc.set_threshold(50_000, 10, 10)
    return app


def freeze() -> None:
    """What is there now stays, so it need not be looked through again whenever a large body is read.

    Before workers are forked it also keeps what they share: to look through an object writes to it, and what a worker
    writes to is copied for it.
    """
    gc.collect()
    gc.freeze()


async def _tidy(house: House) -> None:
    """Each minute: close idle connections, and write when tokens were last used."""
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        with contextlib.suppress(*AWAY):
            await house.work.pool.rest()
            await house.doorkeeper.note_use()


async def _fold(house: House, outbox: Outbox) -> None:
    """Every second: share the metrics, shorten the totals that writes have made long, and give unused memory back."""
    while True:
        await asyncio.sleep(FOLD_SECONDS)
        metrics.meter.share()
        if house.work.over_strain() or outbox.over_strain():
            await asyncio.to_thread(_give_back)
        with contextlib.suppress(*AWAY):
            await house.work.fold_summaries()


def _give_back() -> None:
    """Memory that is free again goes back to the system; by itself the C library of Linux keeps most of it."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def _end_with_parent() -> None:
    """A worker whose supervisor was killed must not hold the port; the kernel tells it (PR_SET_PDEATHSIG is 1)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        supervisor = multiprocessing.parent_process()
        if supervisor is not None and supervisor.pid != os.getppid():
            os.kill(os.getpid(), signal.SIGKILL)  # it was gone before the kernel could be asked to tell
