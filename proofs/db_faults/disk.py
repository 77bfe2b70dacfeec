"""A disk that can be full: a file system in memory, whose size is set to what it holds. Mounting one takes root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOMY = 2 << 30  # takes no more memory than it holds
SPARE = 64 << 10
ATTEMPTS = 1000


@contextmanager
def apart() -> Iterator[Path | None]:
    """Where it is mounted, or None where that is not allowed; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    mounted = os.geteuid() == 0 and _mount(f"size={ROOMY}", "-t", "tmpfs", "tmpfs", str(folder))
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            _run("umount", str(folder))
        folder.rmdir()


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """For the time of the block there is no room but for some pages."""
    for _ in range(ATTEMPTS):  # more may have been written since it was looked at
        now = os.statvfs(disk)
        used = (now.f_blocks - now.f_bfree) * now.f_frsize
        if _mount(f"remount,size={used + SPARE}", str(disk)):
            break
        time.sleep(0.01)
    else:
        raise RuntimeError("the disk could not be made full")
    try:
        yield
    finally:
        if not _mount(f"remount,size={ROOMY}", str(disk)):
            raise RuntimeError("the disk could not be given its room back")


def _mount(options: str, *what: str) -> bool:
    return _run("mount", "-o", options, *what)


def _run(program: str, *arguments: str) -> bool:
    found = shutil.which(program)
    return found is not None and subprocess.run([found, *arguments], check=False, capture_output=True).returncode == 0
