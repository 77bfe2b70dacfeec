"""Settings of the process that every command and every server process runs with."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path


def forbid_core_dumps() -> None:
    """Keeps memory, which holds patient records and keys, out of core files; child processes inherit it.

    The limit stops core files. A kernel that pipes dumps to a program ignores the limit, so the filter leaves every
    mapping out of such a dump (core(5)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # no such file outside Linux, and read-only in some containers
        Path("/proc/self/coredump_filter").write_text("0")
