"""Archives the write-ahead log as it is finished, makes base backups when they are due, and tells how that goes."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chairside.embedded import bases, wal
from chairside.embedded.bases import Archive, Base
from chairside.embedded.binaries import MAJOR_VERSION
from chairside.embedded.clients import client, piped
from chairside.embedded.cluster import CLUSTER
from chairside.embedded.contents import packed
from chairside.embedded.errors import EmbeddedError
from chairside.embedded.folder import prepare
from chairside.embedded.locks import Lock
from chairside.embedded.storage import WAL, digest_of

STATUS = "archive-status.json"
_LOOK_SECONDS, _STATUS_SECONDS = 0.2, 1.0
_RETRY_SECONDS, _BASE_RETRY_SECONDS = 1.0, 30.0
_BATCH = 64  # files between two looks at the disk, and two statuses
# So much of the disk of the database, at most a tenth of it, stays free of log that waits for its archive.
_ROOM = 1 << 30


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times between base backups, and for how long back a restore must be possible."""

    every: timedelta
    keep: timedelta


class Archiver:
    """The one archiver of a running data directory. `files` gives the files that belong into a base backup."""

    def __init__(
        self,
        archive: Archive,
        schedule: Schedule,
        files: Callable[[], Mapping[str, bytes]],
        *,
        made_by: str,
        say: Callable[[str], None],
    ) -> None:
        self._archive, self._schedule, self._files, self._made_by, self._say = archive, schedule, files, made_by, say
        self._folder = prepare(archive.data_dir)
        self._stopping = threading.Event()
        self._fault, self._failing_since, self._next_try = "", "", 0.0
        self._base_fault, self._next_base, self._making = "", 0.0, threading.Thread()
        self._last = wal.read_json(archive.data_dir / STATUS)
        self._owned, self._filed, self._told = False, b"", 0.0
        self._archived: set[str] = set()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Archive until told to stop, and then what is finished by then."""
        with closing(Lock(self._folder, "archiver")) as lock:
            lock.take_patiently(lambda seconds: self._say(f"Waiting for the archiver of before to end ({seconds} s)"))
            self._archive.storage.remove_unfinished()
            self._run()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            self._turn()
        self._turn()

    def _turn(self) -> None:
        if not (self._archive.data_dir / CLUSTER).is_dir():
            return
        waiting = wal.waiting(self._archive.data_dir)
        if time.monotonic() >= self._next_try or self._stopping.is_set():
            try:
                self._work(waiting)
                if self._fault:
                    self._say("The archive takes files again.")
                self._fault, self._failing_since = "", ""
            except EmbeddedError as fault:
                if str(fault) != self._fault:
                    self._say(f"Nothing is archived: {fault}")
                self._fault, self._failing_since = str(fault), self._failing_since or wal.now()
                self._next_try = time.monotonic() + _RETRY_SECONDS
                self._owned = False  # what comes back may be another file system
                self._spare_the_disk(waiting)
        self._archived &= set(waiting)
        wal.mark(self._folder, sorted(self._archived))
        if time.monotonic() >= self._told + _STATUS_SECONDS or self._stopping.is_set():
            self._told = time.monotonic()
            self._tell()

    def _work(self, waiting: Mapping[str, float]) -> None:
        if not self._owned:
            self._archive.take_ownership(system_identifier(self._archive.data_dir))
            self._owned = True
        for name in [name for name in waiting if name not in self._archived][:_BATCH]:
            self._store(name)
        self._keep_files()
        if not self._making.is_alive() and not self._stopping.is_set() and self._base_is_due():
            self._making = threading.Thread(target=self._make_base, name="chairside-base", daemon=True)
            self._making.start()

    def _store(self, name: str) -> None:
        # The unfinished end of a timeline that was left; its records are in the first file of the next one too.
        if not name.endswith(".partial"):
            with suppress(FileNotFoundError):
                content = (self._archive.data_dir / CLUSTER / "pg_wal" / name).read_bytes()
                storage, place = self._archive.storage, f"{WAL}/{name}"
                if storage.claim(place, digest_of(content)):
                    with storage.writing(place) as file:
                        file.write(packed(content, self._archive.recipients))
                self._last = self._last | {"archived": name, "archived_at": wal.now()}
        self._archived.add(name)

    def _keep_files(self) -> None:
        """A key that was made since the last base backup opens what was written since."""
        files = self._files()
        mark = repr(sorted(files.items())).encode()
        if mark != self._filed and self._archive.listed().bases:
            self._archive.put_files(files)
            self._filed = mark

    def _base_is_due(self) -> bool:
        if time.monotonic() < self._next_base:
            return False
        made = self._archive.listed().bases
        since = wal.kept(self._archive.data_dir).get("since", "")
        return not made or made[-1].began < since or made[-1].ended_at < datetime.now(UTC) - self._schedule.every

    def _make_base(self) -> None:
        try:
            about = {"made_by": self._made_by, "made_at": wal.now(), "postgresql": MAJOR_VERSION}
            base = bases.make(self._archive, self._files, about)
            self._archive.add(base)
            bases.retain(self._archive, self._schedule.keep)
            self._base_fault = ""
        except EmbeddedError as fault:
            self._say(f"No base backup was made: {fault}")
            self._base_fault, self._next_base = str(fault), time.monotonic() + _BASE_RETRY_SECONDS

    def _spare_the_disk(self, waiting: Mapping[str, float]) -> None:
        """Give up log that cannot be archived before it fills the disk: writes go on, and a new base is due."""
        disk = shutil.disk_usage(self._archive.data_dir)
        if waiting and disk.free < min(_ROOM, disk.total // 10):
            self._archived.update(waiting)
            wal.begin_anew(self._archive.data_dir, str(self._archive.storage))
            self._last = self._last | {"given_up": len(waiting), "given_up_at": wal.now()}
            self._say("The disk is nearly full: log that could not be archived is given up, and a base backup is due.")

    def _tell(self) -> None:
        waiting = {n: t for n, t in wal.waiting(self._archive.data_dir).items() if n not in self._archived}
        made = self._archive.listed().bases
        status = self._last | {
            "at": wal.now(), "fault": self._fault, "failing_since": self._failing_since, "waiting": len(waiting),
            "oldest_waiting_at": _time(min(waiting.values())) if waiting else "", "base_fault": self._base_fault,
            "base_at": made[-1].ended if made and not self._outdated(made[-1]) else "",
        }  # fmt: skip
        with suppress(OSError):  # a full disk
            wal.write_json(self._archive.data_dir / STATUS, status)

    def _outdated(self, base: Base) -> bool:
        return base.began < wal.kept(self._archive.data_dir).get("since", "")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def system_identifier(data_dir: Path) -> str:
    """The number that initdb gave to the cluster; copies and restored ones have the same."""
    with client("pg_controldata", [str(data_dir / CLUSTER)], database=None) as process:
        for line in piped(process.stdout).read().decode().splitlines():
            if line.startswith("Database system identifier:"):
                return line.partition(":")[2].strip()
    raise EmbeddedError(f"The database in {data_dir} has no system identifier.")
