"""The clocks of a server's processes, each of which can be stepped while it runs."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("step.c")
PAIR = struct.Struct("=qq")
SIZE = 256 * PAIR.size


class Steps:
    """A small library that a process loads before all others; it adds an offset to the time of the machine.

    The processes are those of the server as it is installed. Only what the C library tells them of the time differs.
    """

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "step.so", folder / "steps"
        compiler = shutil.which("cc")
        if compiler is None:
            raise RuntimeError("this proof compiles a library of 60 lines and needs a C compiler, cc")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)], check=True)
        self._file.write_bytes(bytes(SIZE))
        for made in (library, self._file):
            made.chmod(0o755)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_STEPS": str(self._file)}

    def set(self, seconds: float, pids: dict[int, float] | None = None) -> None:
        """Every process is so many seconds off, but for those with an offset of their own, by process id."""
        pairs = [*(pids or {}).items(), (0, seconds)]
        content = b"".join(PAIR.pack(pid, int(off * 1e9)) for pid, off in pairs)
        with self._file.open("r+b") as file, mmap.mmap(file.fileno(), SIZE) as shared:
            shared[:] = content.ljust(SIZE, b"\0")
