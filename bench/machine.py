"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chairside.embedded import tool


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """`load` is the average of the last minute before the run, which other work on the machine adds to."""

    at: str
    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    postgres: str
    load: float


def describe() -> Machine:
    return Machine(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        postgres=_postgres(),
        load=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _postgres() -> str:
    return subprocess.run([tool("postgres"), "--version"], capture_output=True, text=True, check=True).stdout.strip()
