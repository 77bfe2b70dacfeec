"""Continuous archiving as `chairside serve` runs it: the settings, and the archiver's process beside the database."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from chairside import __version__
from chairside.cli.kept_files import held_files
from chairside.cli.place import DataDir, Fault, say, settings_for
from chairside.embedded import wal
from chairside.embedded.archiver import Archiver, Schedule
from chairside.embedded.bases import Archive
from chairside.embedded.encryption import recipient_of
from chairside.embedded.errors import EmbeddedError
from chairside.embedded.storage import Command, Directory, Storage
from chairside.settings import Settings, variable

_SCRATCH = "archive-scratch"
_AGAIN_SECONDS, _LAST_SECONDS = 1.0, 60.0
_PR_SET_PDEATHSIG = 1


def storage_of(settings: Settings, directory: Path | None = None) -> Storage | None:
    """The archive that a directory or the settings name; None when nothing is archived."""
    if directory is not None:
        return Directory(directory.absolute())
    if settings.archive_dir and settings.archive_command:
        raise Fault(f"Set {variable('archive_dir')} or {variable('archive_command')}, not both.")
    if settings.archive_command and not settings.archive_fetch:
        raise Fault(
            f"{variable('archive_command')} needs {variable('archive_fetch')}, without which nothing is restored."
        )
    if settings.archive_command:
        return Command(settings.archive_command, settings.archive_fetch or "", settings.data_dir / _SCRATCH)
    return Directory(settings.archive_dir) if settings.archive_dir else None


def recipients(settings: Settings) -> list[str]:
    """The recipients of the archive; Fault when one is none."""
    found = [text.strip() for text in settings.archive_encrypt_to.split(",") if text.strip()]
    try:
        for text in found:
            recipient_of(text)
    except EmbeddedError:
        raise Fault(
            f"{variable('archive_encrypt_to')} must be age recipients (age1... or ssh public keys) with commas between."
        ) from None
    return found


def prepared(settings: Settings) -> Mapping[str, str]:
    """The database's settings for archiving; notes in the data directory whether it is archived."""
    storage = storage_of(settings)
    if storage is None:
        wal.forget(settings.data_dir)
        return {}
    if settings.database_url:
        raise Fault(
            f"{variable('archive_dir')} and {variable('archive_command')} are for the embedded database; for your own"
            " PostgreSQL see docs/protection.md."
        )
    _check_place(settings)
    recipients(settings)
    wal.keep(settings.data_dir, str(storage))
    return wal.settings(settings.archive_seconds)


def _check_place(settings: Settings) -> None:
    if settings.archive_dir and settings.data_dir in (settings.archive_dir, *settings.archive_dir.parents):
        raise Fault(f"{variable('archive_dir')} lies in the data directory, and would be lost with it.")


class Beside:
    """The archiver's process beside a server; started again when it ends by itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping, self._started = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel ties the process to the thread that starts it, so one thread does for as long as it is needed.
        self._thread = threading.Thread(target=self._keep, name="chairside-archiver", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def _keep(self) -> None:
        command = [sys.executable, "-m", "chairside", "archiver", "--data-dir", str(self._settings.data_dir)]
        while not self._stopping.is_set():
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
            self._started.set()
            self._process.wait()
            self._stopping.wait(_AGAIN_SECONDS)

    def stop(self) -> None:
        """End it once it has archived what the database left when it stopped."""
        self._stopping.set()
        if self._process is None:
            return
        self._process.terminate()
        self._thread.join(_LAST_SECONDS)
        if self._thread.is_alive():
            say("The archive takes too long; the rest of the log is archived after the next start.")
            self._process.kill()
            self._thread.join()


@contextmanager
def archiving(settings: Settings) -> Iterator[Beside | None]:
    """An archiver to be started with the database, and ended after it."""
    if storage_of(settings) is None:
        yield None
        return
    beside = Beside(settings)
    try:
        yield beside
    finally:
        beside.stop()


def archiver(data_dir: DataDir = None) -> None:
    """Archive the database of a running server; `chairside serve` starts this itself."""
    settings = settings_for(data_dir)
    storage = storage_of(settings)
    if storage is None:
        raise Fault(f"Set {variable('archive_dir')} or {variable('archive_command')} first.")
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    schedule = Schedule(timedelta(hours=settings.archive_base_hours), timedelta(days=settings.archive_keep_days))
    running = Archiver(
        Archive(storage, settings.data_dir, recipients(settings)),
        schedule,
        lambda: held_files(settings, with_keys=settings.archive_keys == "yes"),
        made_by=f"chairside {__version__}",
        say=say,
    )
    signal.signal(signal.SIGTERM, lambda *_: running.stop())
    if os.getppid() == parent:
        running.run()
