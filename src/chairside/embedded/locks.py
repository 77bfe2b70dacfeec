"""Locks that the kernel drops with the last process holding them, so that none is ever stale."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from chairside.embedded.errors import EmbeddedError
from chairside.embedded.folder import Folder, open_private_file, opened

SERVING = "chairside serve"
_LOOK_SECONDS, _LOOKS, _WORD_EVERY_SECONDS = 0.05, 10, 10.0
_SIGNATURE = 80  # bytes; of one length, so that one write replaces the whole of the last signature


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

    def sign(self, purpose: str) -> None:
        """Writes the holder's process id and purpose into the file, for messages of the processes that wait."""
        os.pwrite(self.descriptor, f"{os.getpid()}\n{purpose}\n".encode().ljust(_SIGNATURE, b"\n"), 0)

    def holder(self) -> tuple[str, str]:
        """Returns the process id and the purpose that the last holder wrote; "unknown" and "" for a damaged file."""
        text = os.pread(self.descriptor, _SIGNATURE, 0).decode("utf-8", "replace")
        pid, _, purpose = text.partition("\n")
        return (pid, purpose.strip()) if pid.isascii() and pid.isdecimal() else ("unknown", "")

    def close(self) -> None:
        """Let go, unless a child was given the descriptor: then when that child ends."""
        if self in _held:
            _held.discard(self)
            os.close(self.descriptor)


def outwait_commands(lock: Lock, place: Path, progress: Callable[[str], None]) -> None:
    """Takes the lock; EmbeddedError when another server holds it."""
    began, next_word, servers = time.monotonic(), 0.0, 0
    while not lock.take():
        pid, purpose = lock.holder()
        # A new holder signs right after it took the lock, so one look may still see the signature of the one before.
        servers = servers + 1 if purpose in (SERVING, "") else 0
        if servers > _LOOKS:
            raise EmbeddedError(f"Another chairside server (pid {pid}) is using {place}.")
        seconds = time.monotonic() - began
        if not servers and seconds >= next_word:
            next_word = seconds + _WORD_EVERY_SECONDS
            progress(f"Waiting for `{purpose}` (pid {pid}) to finish with {place} ({seconds:.0f} s)")
        time.sleep(_LOOK_SECONDS)


_held: set[Lock] = set()


def _forget_in_forked_worker() -> None:
    # A forked worker that outlives a killed supervisor would otherwise keep the data directory locked.
    for lock in list(_held):
        lock.close()


os.register_at_fork(after_in_child=_forget_in_forked_worker)
