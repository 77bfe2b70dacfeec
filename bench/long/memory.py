"""What a worker keeps in memory, after a run and as time goes by."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from bench.long.figures import Memory
from bench.usage import below

LEAST_MIB, EVERY_SECONDS = 40, 20.0
# What an import has used goes back to the system about a second after it.
GIVEN_BACK_SECONDS = 3.0


def watched(server_pid: int, minutes: float, load: Callable[[float], object]) -> list[Memory]:
    """The workers' memory now and every so often, while `load` keeps them at work for the seconds between."""
    time.sleep(GIVEN_BACK_SECONDS)
    began = time.monotonic()
    seen = [_look(server_pid, 0)]
    while (passed := time.monotonic() - began) < minutes * 60:
        load(min(EVERY_SECONDS, minutes * 60 - passed + 1))
        seen.append(_look(server_pid, time.monotonic() - began))
    return seen


def _look(server_pid: int, seconds: float) -> Memory:
    """Workers are the server's children that hold a whole application."""
    every = below(server_pid)
    kept = [_kept(pid) for pid, process in every.items() if process.parent == server_pid and not process.postgres]
    large = [(pss, rss) for pss, rss in kept if rss > LEAST_MIB]
    return Memory(seconds=round(seconds), pss=[pss for pss, _ in large], rss=[rss for _, rss in large])


def _kept(pid: int) -> tuple[float, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = dict(re.findall(r"^(Pss|Rss): +(\d+) kB$", text, re.MULTILINE))
    return tuple(round(int(found[name]) / 1024, 1) for name in ("Pss", "Rss"))  # type: ignore[return-value]  # two
