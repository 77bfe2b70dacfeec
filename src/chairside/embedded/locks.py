"""Locks that the kernel drops with the last process holding them, so that none is ever stale."""

import fcntl
import os
import time
from collections.abc import Callable

from chairside.embedded.folder import Folder, open_private_file, opened


class Lock:
    """A file in run/ to be locked; the lock belongs to this process, and not to workers forked from it."""

    def __init__(self, folder: Folder, name: str) -> None:
        with opened(folder.path) as top, opened("run", parent=top) as run:
            self.descriptor = open_private_file(run, name, folder.owner, os.O_RDWR)
        _held.add(self)

    def take(self, how: int = fcntl.LOCK_EX) -> bool:
        """Whether the lock could be taken now (LOCK_EX alone, LOCK_SH with others)."""
        try:
            fcntl.flock(self.descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take_patiently(self, waiting: Callable[[int], None]) -> None:
        """Take it alone, however long that lasts; `waiting` is told the seconds gone, once a second."""
        began, told = time.monotonic(), 0
        while not self.take():
            time.sleep(0.02)
            seconds = int(time.monotonic() - began)
            if seconds > told:
                told = seconds
                waiting(seconds)

    def sign(self) -> None:
        """Write who holds it, for the message to whoever is refused."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)

    def holder(self) -> str:
        """The signature of whoever holds it: digits of a process id, or "unknown" while it is written."""
        text = os.pread(self.descriptor, 20, 0).decode("ascii", "replace").strip()
        return text if text.isdecimal() else "unknown"

    def close(self) -> None:
        """Let go, unless a child was given the descriptor: then when that child ends."""
        if self in _held:
            _held.discard(self)
            os.close(self.descriptor)


_held: set[Lock] = set()


def _forget_in_forked_worker() -> None:
    # A forked worker that outlives a killed supervisor would otherwise keep the data directory locked.
    for lock in list(_held):
        lock.close()


os.register_at_fork(after_in_child=_forget_in_forked_worker)
