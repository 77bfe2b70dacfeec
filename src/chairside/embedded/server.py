"""Starts, watches over and stops the one PostgreSQL server of a data directory."""

import fcntl
import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from chairside.embedded.cluster import (
    CLUSTER,
    PID_LINE,
    STATE_LINE,
    accepts,
    ensure_cluster,
    is_served_by,
    logged_since,
    ready_for_start,
    state_lines,
)
from chairside.embedded.endpoint import Endpoint, endpoint
from chairside.embedded.errors import EmbeddedError
from chairside.embedded.folder import Folder, disk_is_full, opened, prepare
from chairside.embedded.locks import SERVING, Lock, outwait_commands
from chairside.embedded.program import PATIENCE_WITH_STOP_SECONDS, Program, fault_in, stop
from chairside.embedded.wal import settings_without_archiver

Progress = Callable[[str], None]
More = Callable[[], Mapping[str, str]]

# One that ends so often does not end by accident.
_MOST_REVIVALS, _REVIVALS_SECONDS = 5, 60
_LOOK_SECONDS = 0.5


def start(
    data_dir: Path,
    *,
    progress: Progress,
    lost: Callable[[], None] = lambda: None,
    purpose: str = SERVING,
    more: More = dict,
) -> "Server":
    """Make the cluster when missing and start it; returns when it accepts connections.

    `more` gives further settings; the directory is locked when they are asked for.
    Waits while a management command uses the directory. EmbeddedError when another server does, or the server cannot
    be started. `lost` is called when it ended by itself later and could not be started again.
    """
    folder = prepare(data_dir)
    lock = Lock(folder, "lock")
    try:
        outwait_commands(lock, folder.path, progress)
    except BaseException:
        lock.close()
        raise
    return _start_locked(folder, lock, progress, lost, purpose, more)


@contextmanager
def attached(data_dir: Path, *, progress: Progress, purpose: str = "a chairside command") -> Iterator[Endpoint]:
    """The endpoint of the server running on this directory, or of one started for this block only."""
    folder = prepare(data_dir)
    with ExitStack() as closing:
        lock, users = Lock(folder, "lock"), Lock(folder, "users")
        closing.callback(users.close)
        closing.callback(lock.close)
        began, told = time.monotonic(), 0
        while not lock.take():
            if users.take(fcntl.LOCK_SH) and accepts(folder):
                yield endpoint(folder.path)
                return
            # Not held while waiting: a server started for one command stops when no one uses it.
            fcntl.flock(users.descriptor, fcntl.LOCK_UN)
            time.sleep(0.05)
            if (seconds := int(time.monotonic() - began)) > told:
                told = seconds
                progress(f"Waiting for the database of another chairside process to be ready ({seconds} s)")
        more = partial(settings_without_archiver, folder.path)
        with _start_locked(folder, lock, progress, lambda: None, purpose, more) as server:
            try:
                yield server.endpoint
            finally:
                users.take_patiently(
                    lambda seconds: progress(f"Waiting for another chairside command to finish ({seconds} s)")
                )


def discard(data_dir: Path, *, progress: Progress) -> None:
    """Remove the cluster of a data directory once the server that may still be stopping there is gone."""
    folder = prepare(data_dir)
    with closing(Lock(folder, "lock")) as lock, closing(Lock(folder, "alive")) as alive:
        outwait_commands(lock, folder.path, progress)
        _outwait_previous(folder, alive, progress)
        with opened(folder.path) as top, suppress(FileNotFoundError):
            shutil.rmtree(CLUSTER, dir_fd=top)


class Server:
    """A running server that this process started; it stops when this process ends, however that happens.

    When it is the one that ended, killed for want of memory for instance, it is started again.
    """

    def __init__(
        self, folder: Folder, lock: Lock, progress: Progress, lost: Callable[[], None], more: Mapping[str, str]
    ) -> None:
        self.endpoint, self._more = endpoint(folder.path), more
        self._folder, self._lock, self._progress, self._lost = folder, lock, progress, lost
        self._starter = os.getpid()
        self._turn, self._stopping = threading.Lock(), threading.Event()
        self._fault: EmbeddedError | None = None
        self._program = self._launch()

    def run(self) -> None:
        """Return when it accepts connections; from then on it is watched over."""
        try:
            _until_accepting(self._folder, self._program, self._progress)
        except BaseException:
            stop(self._program)
            raise
        threading.Thread(target=self._watch, name="chairside-watch", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id, another one after it was started again."""
        return self._program.pid

    def stop(self) -> None:
        """Shut down cleanly, waiting until the server is gone; a second time does nothing."""
        if os.getpid() == self._starter:  # a worker forked from the starter must not
            self._stopping.set()
            with self._turn:
                program = self._program
            stop(program)
            self._lock.close()

    def _launch(self) -> Program:
        # Every process of a server holds this one, so whoever gets it knows that none is left.
        alive = Lock(self._folder, "alive")
        try:
            _outwait_previous(self._folder, alive, self._progress)
            ensure_cluster(self._folder, alive, self._progress)
            return _launched(self._folder, alive, self._more)
        finally:
            alive.close()

    def _watch(self) -> None:
        revived: deque[float] = deque([-_REVIVALS_SECONDS] * _MOST_REVIVALS, maxlen=_MOST_REVIVALS)
        while not self._stopping.is_set():
            self._program.ended.wait()
            if disk_is_full(self._folder):  # starting it would fail
                self._progress("The disk is full; the database starts again as soon as there is room")
            while disk_is_full(self._folder) and not self._stopping.wait(_LOOK_SECONDS):
                pass
            try:
                if time.monotonic() - revived[0] < _REVIVALS_SECONDS:
                    raise EmbeddedError(f"The database in {self._folder.path} ended again and again.")
                revived.append(time.monotonic())
                with _explaining(self._folder):
                    self._revive()
            except EmbeddedError as fault:
                if disk_is_full(self._folder):
                    revived.extend([-_REVIVALS_SECONDS] * _MOST_REVIVALS)
                    continue
                if not self._stopping.is_set():
                    self._fault = fault
                    self._lost()
                return

    def _revive(self) -> None:
        with self._turn:  # whoever stops it meanwhile must stop the new one
            if self._stopping.is_set():
                return
            self._progress("The database ended by itself; starting it again")
            self._program = self._launch()
        _until_accepting(self._folder, self._program, self._progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._fault is not None:
            raise self._fault


def _start_locked(
    folder: Folder, lock: Lock, progress: Progress, lost: Callable[[], None], purpose: str, more: More
) -> Server:
    with _explaining(folder), ExitStack() as undoing:
        undoing.callback(lock.close)
        lock.sign(purpose)
        server = Server(folder, lock, progress, lost, more())
        server.run()
        undoing.pop_all()
        return server


def _outwait_previous(folder: Folder, alive: Lock, progress: Progress) -> None:
    """After a kill -9 of its starter a server is still shutting down; it is told so again to be sure."""

    def waiting(seconds: int) -> None:
        progress(f"Waiting for the previous database server to finish ({seconds} s)")
        with suppress(FileNotFoundError), _cluster(folder) as cluster:
            pid = state_lines(cluster)[PID_LINE]
            if is_served_by(cluster, pid):
                patient = seconds <= PATIENCE_WITH_STOP_SECONDS
                os.kill(int(pid), signal.SIGINT if patient else signal.SIGQUIT)

    alive.take_patiently(waiting)


def _launched(folder: Folder, alive: Lock, more: Mapping[str, str]) -> Program:
    with _cluster(folder) as cluster, opened(folder.path / "run" / "socket") as sockets:
        ready_for_start(folder, cluster, sockets, more)
        # Named by descriptor, the cluster may lie below folders that the server's user cannot enter, and
        # have a path longer than PostgreSQL takes.
        return Program(
            folder,
            ("postgres", "-D", f"/proc/self/fd/{cluster}"),
            death_signal=signal.SIGINT,
            share=[cluster, sockets, alive.descriptor],
        )


def _until_accepting(folder: Folder, program: Program, progress: Progress) -> None:
    """However long that takes: recovery after a power cut may need minutes, and giving up would not help."""
    began, told = time.time(), 0
    with _cluster(folder) as cluster:
        while not program.ended.wait(0.01):
            state = state_lines(cluster)
            if state[PID_LINE] == str(program.pid) and state[STATE_LINE] == "ready":
                return
            if (seconds := int(time.time() - began)) > told:
                told = seconds
                progress(f"Starting the database; after an unclean stop it recovers first ({seconds} s)")
        reason = program.complaint() or fault_in(logged_since(cluster, began)) or "it gave no reason"
    raise EmbeddedError(f"The database in {folder.path} did not start: {reason}.")


def _cluster(folder: Folder) -> AbstractContextManager[int]:
    return opened(folder.path / CLUSTER)


@contextmanager
def _explaining(folder: Folder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedError(f"The database in {folder.path} cannot be started: {error.strerror}.") from error
