"""Runs one PostgreSQL program as the server's user, to end when this process does, even by kill -9."""

import os
import pwd
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from chairside.embedded.binaries import PROGRAMS, packages_folder, tool, tool_environment
from chairside.embedded.errors import EmbeddedError
from chairside.embedded.folder import Folder, open_private_file, opened, user_name

_SAID = "last-start.log"
PATIENCE_WITH_STOP_SECONDS = 60


class Program:
    """A running program in a session of its own, so that Ctrl-C in the terminal is the parent's alone."""

    def __init__(
        self,
        folder: Folder,
        command: Sequence[str],
        *,
        death_signal: signal.Signals,
        share: Sequence[int],
        statements: bytes = b"",
    ) -> None:
        """Start it, sharing these descriptors with it; `statements` are its standard input."""
        self._folder, self._command, self._death_signal = folder, list(command), death_signal
        self._share, self._statements = list(share), statements
        self._started, self.ended = threading.Event(), threading.Event()
        self._failure: OSError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        tool(command[0])
        threading.Thread(target=self._keep, name="chairside-postgres", daemon=True).start()
        self._started.wait()
        if self._failure:
            raise EmbeddedError(f"The program {command[0]} cannot be started: {self._failure.strerror}.")

    def _keep(self) -> None:
        # The kernel ties a child's death signal to the thread that started it, so this one stays as long.
        try:
            with opened(self._folder.path) as top, opened("run", parent=top) as run:
                said = open_private_file(run, _SAID, self._folder.owner, os.O_WRONLY | os.O_TRUNC)
            try:
                self._process = self._launch(said)
            finally:
                os.close(said)
        except OSError as failure:
            self._failure = failure
            return
        finally:
            self._started.set()
        self._process.communicate(self._statements)
        self.ended.set()

    def _launch(self, said: int) -> subprocess.Popen[bytes]:
        server = self._folder.server
        order = (os.getpid(), self._death_signal.value, server.uid, server.gid, named_uid(server.uid))
        launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
        program = [str(packages_folder()), str(PROGRAMS / self._command[0]), *self._command[1:]]
        return subprocess.Popen(
            [*launcher, *map(str, order), *program],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            pass_fds=self._share,
            env=tool_environment(),
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id; the launcher becomes the program, so it is the program's own."""
        return self._process.pid if self._process else 0

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self._process and not self.ended.is_set():
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it and what it started at once, and wait until it is gone."""
        if self._process and not self.ended.is_set():
            os.killpg(self._process.pid, signal.SIGKILL)
            self.ended.wait()

    def finish(self, waiting: Callable[[int], None]) -> None:
        """Wait for it, telling `waiting` the seconds gone; EmbeddedError with its complaint if it failed."""
        try:
            seconds = 0
            while not self.ended.wait(1):
                seconds += 1
                waiting(seconds)
        finally:
            self.kill()
        if self._process and self._process.returncode != 0:
            raise EmbeddedError(f"The database could not be made: {self.complaint() or 'it gave no reason'}.")

    def complaint(self) -> str | None:
        """The last thing it said that names a fault, without the time stamp and the full stop."""
        with opened(self._folder.path) as top, opened("run", parent=top) as run:
            descriptor = os.open(_SAID, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=run)
        with os.fdopen(descriptor, "rb") as said:
            return fault_in(said.read(1_000_000).decode("utf-8", "replace"))


_FAULT = re.compile(r"\b(?:FATAL|PANIC|ERROR|error):\s+(.*?)\.?$", re.MULTILINE)


def fault_in(text: str) -> str | None:
    """The last line of a program's output that names a fault, None when there is none."""
    faults: list[str] = _FAULT.findall(text)
    return faults[-1] if faults else None


def named_uid(uid: int) -> int:
    """The user number to appear as: its own when it has a name, else that of some named, powerless user."""
    if os.geteuid() == 0 or user_name(uid):
        return uid
    # Strangers appear as this number inside the namespace; taking its name would let them in as us.
    stranger = int(Path("/proc/sys/kernel/overflowuid").read_text())
    return next((user.pw_uid for user in pwd.getpwall() if user.pw_uid not in (0, stranger)), uid)


def stop(program: Program) -> None:
    """Shuts a server down cleanly, or after a minute at once."""
    program.signal(signal.SIGINT)
    # PostgreSQL 18 never ends when told so in the moment between a crashed backend and its recovery.
    if not program.ended.wait(PATIENCE_WITH_STOP_SECONDS):
        program.signal(signal.SIGQUIT)  # no checkpoint: nothing committed is lost, the next start recovers
        program.ended.wait(10)
        program.kill()
