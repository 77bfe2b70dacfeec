"""`chairside serve`: the database, the schema, the keys, perhaps a demo practice, then the server."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server
from rich.console import Console
from rich.panel import Panel

from chairside import __version__, embedded
from chairside.access.tokens import works
from chairside.app import freeze
from chairside.cli import clerk, epochs, keys, protection, upgrade
from chairside.cli.demo_command import base_url
from chairside.cli.metrics_port import serve_metrics
from chairside.cli.place import DataDir, Fault, demo_file, keep_demo, mended, say, settings_for
from chairside.cli.unfinished import refuse_unfinished
from chairside.settings import Settings, variable

SLOW_SECONDS = 1.0


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; default 127.0.0.1.", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port; default 8400.", min=1, max=65535, show_default=False)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes; default 2.", min=1, max=64, show_default=False)
    ] = None,
    with_demo: Annotated[bool, typer.Option("--demo", help="Make and show a demo practice.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Run the server until Ctrl-C or SIGTERM, on the embedded database or on CHAIRSIDE_DATABASE_URL."""
    settings = settings_for(data_dir)
    settings = replace(
        settings,
        host=host or settings.host,
        port=port or settings.port,
        workers=workers or settings.workers,
    )
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with mended():
            refuse_unfinished(settings.data_dir)
        _check_port(settings)
        with mended(), _database(settings):
            kept = asyncio.run(_prepare(settings, with_demo))
            _run(settings, kept)
    except KeyboardInterrupt:
        pass
    say("Stopped.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _check_port(settings: Settings) -> None:
    """Before anything is started, for the workers would try for ever."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as fault:
            raise Fault(f"Cannot listen on {settings.host}:{settings.port}: {fault.strerror}.") from None


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.database_url:
        protection.prepared(settings)
        yield
        return
    more = partial(protection.prepared, settings)
    # The archiver ends after the database, whose end leaves log to be archived.
    with (
        protection.archiving(settings) as archiver,
        embedded.start(settings.data_dir, progress=say, lost=_end, more=more),
    ):
        if archiver:
            archiver.start()
        yield


def _end() -> None:
    """End as if told to: without a database there is nothing to serve."""
    os.kill(os.getpid(), signal.SIGTERM)


async def _prepare(settings: Settings, with_demo: bool) -> dict[str, str]:
    refuse_unfinished(settings.data_dir)  # it may have begun while the start waited for the directory
    if settings.database_url:
        await epochs.refuse_unfinished(settings)
    for name in await upgrade.bring_up(settings, say):
        say(f"Database brought to {name}.")
    await keys.ensure(settings)
    if not with_demo:
        return {}
    # The generator's library and its names take 4 MB, which a worker, beginning with this module, would keep for good.
    from chairside.cli import demo  # noqa: PLC0415

    kept = demo_file(settings.data_dir)
    if "patient_id" not in kept:
        say("Making the demo practice: 3 locations, 6 providers, 500 patients, charts and families ...")
    async with clerk.working(settings) as (pool, work):
        if "token" not in kept or not await works(pool, kept["token"]):
            kept = await demo.make(settings, pool, work)
    if kept.get("url") != (url := base_url(settings)):
        kept = kept | {"url": url}
        keep_demo(settings.data_dir, kept)
    return kept


def _run(settings: Settings, kept: dict[str, str]) -> None:
    """The server's processes; returns when they have ended."""
    _environment(settings)
    serve_metrics(settings)
    threading.Thread(target=_announce, args=(settings, kept), daemon=True).start()
    server = Server(
        "chairside.app:create",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        backlog=1024,
        backpressure=settings.connections,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=16_384),
    )
    freeze()
    try:
        server.serve()
    except SystemExit:  # how it ends by itself: a worker that was started again did not live for six seconds
        raise Fault("A worker process ended again right after its start, so the server ends.") from None


def _environment(settings: Settings) -> None:
    """What the workers read their settings from."""
    shown = {
        "data_dir": settings.data_dir,
        "host": settings.host,
        "port": settings.port,
        "workers": settings.workers,
    }
    os.environ.update({variable(name): str(value) for name, value in shown.items()})
    shutil.rmtree(settings.metrics_folder, ignore_errors=True)
    settings.metrics_folder.mkdir(mode=0o700)


def _announce(settings: Settings, kept: dict[str, str]) -> None:
    """Say where the server is, once it answers."""
    base = base_url(settings)
    started = time.monotonic()
    said = False
    while True:
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=2):  # noqa: S310 - our own address
                break
        except (urllib.error.URLError, OSError):
            if not said and time.monotonic() - started > SLOW_SECONDS:
                say("Starting the workers ...")
                said = True
            time.sleep(0.05)
    _banner(base, settings.data_dir, kept)


def _banner(base: str, data_dir: Path, kept: dict[str, str]) -> None:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(Panel.fit(f"Chairside {__version__} is ready", style="bold green"))
    console.print(f"  API       {base}/api/v1/")
    console.print(f"  Explorer  {base}/docs")
    console.print(f"  Data      {data_dir}")
    if kept:
        org, auth = f"{base}/api/v1/{kept['org_id']}", f"-H 'Authorization: Bearer {kept['token']}'"
        console.print(f"\n  Demo org  {kept['org_id']}\n  Token     {kept['token']}  (admin)")
        console.print("  `chairside demo` prints them again.")
        console.print("\nTry, in another terminal:\n")
        console.print(f"curl -s {auth} '{org}/patients?page_size=2'\n", markup=False)
        console.print(f"curl -s {auth} '{org}/patients/search?q=mar'\n", markup=False)
        body = """{"first_name": "Ana", "last_name": "Lindqvist", "mobile_phone": "(312) 555-0142"}"""
        console.print(
            f"curl -s {auth} -H 'Content-Type: application/json' -H 'Idempotency-Key: first-try' "
            f"-d '{body}' '{org}/patients'\n",
            markup=False,
        )
    console.print("Ctrl-C stops it.")
    sys.stdout.flush()
