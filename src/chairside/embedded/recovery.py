"""Restores a cluster from an archive: a base backup, then the log up to a moment or to its end."""

import re
import shutil
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from chairside.embedded.archive import DamagedError, Reading
from chairside.embedded.bases import CLUSTER_TAR, Base, Listed, read_files
from chairside.embedded.clients import client, piped
from chairside.embedded.cluster import CLUSTER, logged_since
from chairside.embedded.contents import unpacked, unpressed
from chairside.embedded.encryption import Secret, opened
from chairside.embedded.errors import EmbeddedError
from chairside.embedded.folder import PRIVATE
from chairside.embedded.folder import opened as opened_folder
from chairside.embedded.server import Server, start
from chairside.embedded.storage import BASES, WAL, ArchiveFault, MissingFault, Storage, digest_of
from chairside.embedded.wal import MARKS, Segment

UNFINISHED = "postgres.restoring"
_MOST_TIMELINES_MISSED = 3
_LOG_SECONDS = 30
_PIECE = 1 << 20
_LAST = re.compile(r"last completed transaction was at log time (\S+ \S+)")
_DONE, _SHORT = "archive recovery complete", "recovery ended before configured recovery target was reached"


@dataclass(frozen=True, slots=True)
class Source:
    """An archive to restore from, by its own list, with the means to decrypt it."""

    storage: Storage
    listed: Listed
    secret: Secret

    def base_for(self, at: datetime | None) -> Base:
        """The newest base backup from which a moment can be reached; None means the newest moment."""
        fit = [base for base in self.listed.bases if at is None or base.ended_at <= at]
        if fit:
            return fit[-1]
        if not self.listed.bases:
            raise ArchiveFault(f"The archive {self.storage} has no base backup yet.")
        oldest = self.listed.bases[0].ended_at
        raise ArchiveFault(f"The archive {self.storage} reaches back to {oldest:%Y-%m-%dT%H:%M:%SZ} only.")


def lay_down(source: Source, at: datetime | None, data_dir: Path) -> list[dict[str, bytes]]:
    """Put the cluster and its log into a data directory, checked, and ready to be recovered by `recovering`.

    Returns the files that were kept beside the database since the base backup, oldest first.
    """
    base, folder = source.base_for(at), data_dir / UNFINISHED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=PRIVATE)
    files = [_extracted(source, base, folder), *read_files(source.storage, source.listed.files, base, source.secret)]
    with client("pg_verifybackup", ["--no-parse-wal", "--quiet", str(folder)], database=None) as process:
        piped(process.stdout).read()
    shutil.rmtree(folder / MARKS, ignore_errors=True)
    _fetch_log(source, base, at, folder / "pg_wal")
    (folder / "recovery.signal").touch(mode=0o600)
    folder.rename(data_dir / CLUSTER)
    return files


def _extracted(source: Source, base: Base, folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    place = source.storage.reading(f"{BASES}/{base.name}")
    with _telling_damage(base), place as path, opened(path, source.secret) as file:
        stream = cast("IO[bytes]", _Stream(unpressed(_split(Reading(file).pieces(), files))))
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_PIECE) as tar:
            tar.extractall(folder, filter="data")
        while stream.read(_PIECE):
            """To the digest at the end."""
    return files


def _split(pieces: Iterator[tuple[str, bytes]], files: dict[str, bytes]) -> Iterator[bytes]:
    for name, piece in pieces:
        if name == CLUSTER_TAR:
            yield piece
        elif name.startswith("files/"):
            plain = name.removeprefix("files/")
            files[plain] = files.get(plain, b"") + piece


class _Stream:
    """A file to be read once, made of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""

    def read(self, size: int) -> bytes:
        while len(self._held) < size and (piece := next(self._pieces, None)) is not None:
            self._held += piece
        taken, self._held = self._held[:size], self._held[size:]
        return taken


def _fetch_log(source: Source, base: Base, at: datetime | None, folder: Path) -> None:
    """Every file of the log from the base on, up to the next base that was begun after the moment."""
    first = Segment.named(base.first)
    later = [b for b in source.listed.bases if at is not None and b.began_at > at]
    end = Segment.named(later[0].last).number if later else None
    timelines = [first.timeline, *_newer_timelines(source, first.timeline, folder)]
    number = first.number
    while end is None or number <= end:
        fetched = [_fetch(source, Segment(number, timeline).name, folder) for timeline in timelines]
        if not any(fetched):
            break
        number += 1
    if number <= Segment.named(base.last).number:
        missing = Segment(number, first.timeline).name
        raise ArchiveFault(f"The archive {source.storage} lacks {missing}, which the base backup {base.name} needs.")


def _newer_timelines(source: Source, timeline: int, folder: Path) -> list[int]:
    """Timelines that descend from this one, whose histories are fetched."""
    found, missed, number = [], 0, timeline
    while missed < _MOST_TIMELINES_MISSED:
        number += 1
        name = f"{number:08X}.history"
        if not _fetch(source, name, folder):
            missed += 1
            continue
        parents = re.findall(r"^(\d+)\t", (folder / name).read_text(), re.MULTILINE)
        if str(timeline) in parents:
            found.append(number)
        else:
            (folder / name).unlink()
    return found


def _fetch(source: Source, name: str, folder: Path) -> bool:
    with suppress(MissingFault), source.storage.reading(f"{WAL}/{name}") as path:
        content = unpacked(path.read_bytes(), source.secret, name)
        if source.storage.digest(f"{WAL}/{name}") not in (None, digest_of(content)):
            raise ArchiveFault(f"The file {name} of the archive is damaged.")
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
        return True
    return False


@contextmanager
def recovering(
    data_dir: Path, at: datetime | None, *, progress: Callable[[str], None], purpose: str
) -> Iterator[tuple[Server, datetime | None]]:
    """The server of a laid down cluster once it has replayed its log, and when its last transaction was committed."""
    more = {
        "restore_command": "false",  # all of the log that there is lies in the cluster
        "recovery_target_timeline": "latest",
        "recovery_target_action": "promote",
    }
    if at is not None:
        more["recovery_target_time"] = at.isoformat()
    began = time.time()
    try:
        with start(data_dir, progress=progress, purpose=purpose, more=lambda: more) as server:
            yield server, _reached(data_dir, began)
    except EmbeddedError as fault:
        if _SHORT not in str(fault):
            raise
        newest = _last(_logged(data_dir, began))
        told = f"{newest:%Y-%m-%dT%H:%M:%S.%fZ}" if newest else "that of the base backup"
        raise ArchiveFault(
            f"The archive ends before the moment that was asked for; its last transaction is of {told}. Use --at latest"
            " to restore that."
        ) from None


def _reached(data_dir: Path, began: float) -> datetime | None:
    """Read from the database's log, which is written by a process of its own and may come a little later."""
    end = time.monotonic() + _LOG_SECONDS
    while _DONE not in (text := _logged(data_dir, began)) and time.monotonic() < end:
        time.sleep(0.05)
    return _last(text)


def _logged(data_dir: Path, began: float) -> str:
    with opened_folder(data_dir / CLUSTER) as cluster:
        return logged_since(cluster, began)


def _last(text: str) -> datetime | None:
    found: Sequence[str] = _LAST.findall(text)
    return datetime.fromisoformat(found[-1].removesuffix(".")).astimezone(UTC) if found else None


@contextmanager
def _telling_damage(base: Base) -> Iterator[None]:
    try:
        yield
    except (DamagedError, zlib.error, tarfile.TarError) as fault:
        raise ArchiveFault(f"The base backup {base.name} is damaged: {fault}.") from fault
