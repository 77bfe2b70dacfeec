"""What a server and its database cost in processor time, which other work on the machine hardly changes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PATIENCE_SECONDS = 2.0


@dataclass(slots=True)
class Usage:
    """Seconds of processor time."""

    workers: float = 0.0
    database: float = 0.0


@dataclass(frozen=True, slots=True)
class Process:
    parent: int
    postgres: bool
    own: float
    children: float  # of those that have ended


@contextmanager
def used_by(server_pid: int) -> Iterator[Usage]:
    """What the server's processes and its database's use while the block runs, known at its end."""
    usage = Usage()
    before = below(server_pid)
    yield usage
    after = below(server_pid)
    end = time.monotonic() + PATIENCE_SECONDS
    while len(after) > len(before) and time.monotonic() < end:
        time.sleep(0.02)  # backends whose client has gone, and whose time counts once they have, too
        after = below(server_pid)
    for sign, found in ((-1, before), (1, after)):
        for process in found.values():
            if not process.postgres:
                usage.workers += sign * process.own
                continue
            usage.database += sign * process.own
            if not (process.parent in found and found[process.parent].postgres):
                usage.database += sign * process.children


def below(root: int) -> dict[int, Process]:
    """A process and all that it and they have started."""
    every = {
        int(entry.name): found
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and (found := _read(entry))
    }
    below = {root}
    while more := {pid for pid, process in every.items() if process.parent in below} - below:
        below |= more
    return {pid: every[pid] for pid in below if pid in every}


def _read(entry: Path) -> Process | None:
    """From proc(5): the name in parentheses, then parent (4), own time (14, 15) and that of ended children (16, 17)."""
    try:
        name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return None
    columns = rest.split()
    own, children = (sum(map(int, columns[at : at + 2])) / TICK for at in (11, 13))
    return Process(int(columns[1]), name.startswith("postgres"), own, children)
