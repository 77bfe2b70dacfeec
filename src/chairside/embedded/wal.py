"""Names of files of the write-ahead log, and the hand-over of finished ones from the database to the archiver.

PostgreSQL's own `archive_command` waits for a mark that the archiver leaves in the cluster's folder. So the database
keeps each file until it is archived, retries, and recycles by its usual rules, while the archiver runs as the server's
user, with its environment, and not as the database's.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chairside.embedded.cluster import CLUSTER
from chairside.embedded.folder import Folder, names_in, open_private_file, opened, subfolder

KEPT = "archiving.json"
MARKS = "chairside_archived"
SEGMENT = re.compile(r"[0-9A-F]{24}")
HISTORY = re.compile(r"([0-9A-F]{8})\.history")
_READY = ".ready"
_SEGMENTS_PER_FILE = 0x100  # of 16 MiB, in 4 GiB
# Longer than the archiver needs for a file in a directory; PostgreSQL tries three times, then once a minute.
_WAIT = f"n=0; until [ -e {MARKS}/%f ]; do [ $n -lt 20 ] || exit 1; n=$((n+1)); sleep 0.1; done"


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A file of 16 MiB of the log: its place, and the timeline that it belongs to."""

    number: int
    timeline: int

    @classmethod
    def named(cls, name: str) -> "Segment":
        return cls(int(name[8:16], 16) * _SEGMENTS_PER_FILE + int(name[16:24], 16), int(name[:8], 16))

    @property
    def name(self) -> str:
        high, low = divmod(self.number, _SEGMENTS_PER_FILE)
        return f"{self.timeline:08X}{high:08X}{low:08X}"

    def on(self, timeline: int) -> "Segment":
        return Segment(self.number, timeline)

    def __add__(self, count: int) -> "Segment":
        return Segment(self.number + count, self.timeline)


def settings(seconds: int) -> dict[str, str]:
    """Settings of a database whose archiver is there; a segment is ended after so many seconds with a write."""
    return {"archive_mode": "on", "archive_command": _WAIT, "archive_timeout": str(seconds)}


def settings_without_archiver(data_dir: Path) -> dict[str, str]:
    """Settings for a command without a server: what it writes must wait for the archiver of the next one.

    With an empty command PostgreSQL keeps the files and tries nothing; one that fails would be tried three times when
    the database stops, which takes four seconds.
    """
    return {"archive_mode": "on", "archive_command": ""} if (data_dir / KEPT).exists() else {}


def keep(data_dir: Path, storage: str) -> None:
    """Note that this directory is archived, and where to, before its database is started so."""
    if kept(data_dir).get("storage") != storage:
        begin_anew(data_dir, storage)


def begin_anew(data_dir: Path, storage: str) -> None:
    """From now on only a base backup that is still to be made can be restored with what is archived."""
    write_json(data_dir / KEPT, {"storage": storage, "since": now()})


def forget(data_dir: Path) -> None:
    (data_dir / KEPT).unlink(missing_ok=True)


def kept(data_dir: Path) -> Mapping[str, str]:
    return {key: str(value) for key, value in read_json(data_dir / KEPT).items()}


def waiting(data_dir: Path) -> dict[str, float]:
    """Names of finished files that wait to be archived, timelines' histories first, with when they were finished."""
    found = {}
    with suppress(FileNotFoundError):
        for path in (data_dir / CLUSTER / "pg_wal" / "archive_status").iterdir():
            if path.name.endswith(_READY):
                with suppress(FileNotFoundError):
                    found[path.name.removesuffix(_READY)] = path.stat().st_mtime
    return dict(sorted(found.items(), key=lambda item: (not HISTORY.fullmatch(item[0]), item[0])))


def mark(folder: Folder, names: list[str]) -> None:
    """Tell the database that these files are archived, and take back the marks of files that it knows of."""
    place = opened(folder.path / CLUSTER)
    with place as cluster, subfolder(cluster, MARKS, folder.server) as marks:
        there = set(names_in(marks))
        for name in set(names) - there:
            os.close(open_private_file(marks, name, folder.server, os.O_WRONLY))
        for name in there - set(names):
            os.unlink(name, dir_fd=marks)


def finished_backups(data_dir: Path) -> Iterator[dict[str, str]]:
    """The notes that the database kept of recent base backups."""
    for path in (data_dir / CLUSTER / "pg_wal").glob("*.backup"):
        with suppress(FileNotFoundError):
            found = re.findall(r"^([A-Z ]+): (.*)$", path.read_text(), re.MULTILINE)
            yield dict(found)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_json(path: Path) -> dict[str, object]:
    """The object in a file; {} without one that can be read."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Replace a file at once, readable only by its owner."""
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(handle)
    fresh.replace(path)
