"""The processes of a running server, found by their parents, and their end by kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.house import House

VICTIMS = ("worker", "server", "backend", "postmaster", "everything")
# A worker that ends twice within 5.5 s ends the whole server.
RESPAWN_SECONDS = 6
BOUND_SECONDS = 120


def parent(house: House) -> int:
    """The process that the normal command is; the others are its descendants."""
    if house.process is None or house.process.poll() is not None:
        raise RuntimeError("the server is not running")
    return house.process.pid


def workers(house: House) -> list[int]:
    """The processes that answer requests."""
    return [p for p in _children(parent(house)) if _is_worker(p)]


def postmaster(house: House) -> int | None:
    """The database's first process, None in the moment when there is none."""
    return next((p for p in _children(parent(house)) if _name(p) == "postgres"), None)


def backends(house: House) -> list[int]:
    """The database's processes that carry out the server's statements."""
    first = postmaster(house)
    return [p for p in _children(first) if b" chairside_app " in _command(p)] if first else []


def doomed(house: House, victim: str, draw: int) -> list[int]:
    """Which processes a kill of this sort ends; `draw` chooses among several."""
    first = [p for p in [postmaster(house)] if p]
    if victim == "everything":
        database = [q for p in first for q in _children(p)]
        return [parent(house), *workers(house), *first, *database]
    if victim == "server":
        return [parent(house)]
    if victim == "postmaster":
        return first
    found = workers(house) if victim == "worker" else backends(house)
    return [found[draw % len(found)]] if found else []


async def end(pids: list[int]) -> None:
    """kill -9, one right after the other; returns when they are gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(BOUND_SECONDS):
        while any(map(alive, pids)):  # noqa: ASYNC110 - other processes set no event here
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    return _state(pid)[0] not in ("", "Z")


def _is_worker(pid: int) -> bool:
    command = _command(pid)
    return _name(pid) != "postgres" and b"resource_tracker" not in command and b"launch.py" not in command


def _children(pid: int) -> list[int]:
    every = (int(f.name) for f in Path("/proc").iterdir() if f.name.isdecimal())
    return sorted(p for p in every if _state(p)[0] not in ("", "Z") and _state(p)[1] == str(pid))


def _state(pid: int) -> tuple[str, str]:
    """State and parent, empty when there is no such process."""
    fields = _read(pid, "stat").rpartition(b")")[2].decode().split()
    return (fields[0], fields[1]) if fields else ("", "")


def _name(pid: int) -> str:
    return _read(pid, "comm").decode().strip()


def _command(pid: int) -> bytes:
    return _read(pid, "cmdline").replace(b"\0", b" ")


def _read(pid: int, what: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""
