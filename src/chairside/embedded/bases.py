"""Base backups: whole copies of the cluster in an archive, from which the log leads to any later moment."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chairside.embedded.archive import archived
from chairside.embedded.clients import client, piped
from chairside.embedded.contents import packed, pressed, unpacked
from chairside.embedded.encryption import Secret, write_encrypted
from chairside.embedded.endpoint import SUPERUSER, endpoint
from chairside.embedded.storage import BASES, FILES, OWNER, WAL, ArchiveFault, MissingFault, Storage
from chairside.embedded.wal import SEGMENT, Segment, finished_backups, now, read_json, write_json

CLUSTER_TAR = "cluster.tar.gz"
LISTED, _LIST = "archive-list.json", "list.json"
_FORMAT, _VERSION = "chairside-archive", 1
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Base:
    """A base backup: its file, the time it took, and the first and last file of the log that it needs."""

    name: str
    began: str
    ended: str
    first: str
    last: str

    @property
    def began_at(self) -> datetime:
        return datetime.fromisoformat(self.began)

    @property
    def ended_at(self) -> datetime:
        return datetime.fromisoformat(self.ended)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of one data directory: where it is, to whom it is encrypted, and whether keys go into it."""

    storage: Storage
    data_dir: Path
    recipients: Sequence[str] = ()
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)  # the list's: a base is made beside

    def take_ownership(self, system: str) -> None:
        """Claim a new archive for this data directory; ArchiveFault when it is another's, or was there and is gone.

        A restored server has no part in the archive that it came from: its log is another one from some moment on.
        """
        own = read_json(self.data_dir / LISTED)
        server = str(own.get("server") or os.urandom(8).hex())
        try:
            owner = read_owner(self.storage)
        except MissingFault:
            if self.listed().bases:
                raise ArchiveFault(
                    f"The archive {self.storage} is empty, and was not before; mount its file system, or choose another"
                    " directory."
                ) from None
            write_json(self.data_dir / LISTED, own | {"server": server})
            owner = {"format": _FORMAT, "version": _VERSION, "system": system, "server": server}
            with self.storage.writing(OWNER) as file:
                file.write(json.dumps(owner).encode())
            owner = read_owner(self.storage)  # of two that come at once, one is first
        if (owner.get("system"), owner.get("server")) != (system, server):
            raise ArchiveFault(f"The archive {self.storage} belongs to another data directory; choose a new one.")

    def listed(self) -> "Listed":
        """Contents of the archive by this server's own list."""
        kept = read_json(self.data_dir / LISTED)
        return _listed(kept) if kept.get("storage") == str(self.storage) else Listed()

    def list_anew(self, bases: Sequence[Base], files: Sequence[str]) -> None:
        """Replace both lists: the one in the archive, which a restore reads, and this server's own."""
        content = {"bases": [asdict(base) for base in bases], "files": list(files)}
        with self.storage.writing(f"{BASES}/{_LIST}", replace=True) as file:
            file.write(json.dumps(content).encode())
        own = read_json(self.data_dir / LISTED)
        write_json(self.data_dir / LISTED, own | {"storage": str(self.storage)} | content)

    def put_files(self, files: Mapping[str, bytes]) -> None:
        """Keep files beside the database that have changed, the key file above all."""
        name = stamp()
        text = json.dumps({key: value.decode("latin-1") for key, value in files.items()}).encode()
        with self.storage.writing(f"{FILES}/{name}") as file:
            file.write(packed(text, self.recipients))
        with self.turn:
            listed = self.listed()
            self.list_anew(listed.bases, [*listed.files, name])

    def add(self, base: Base) -> None:
        with self.turn:
            listed = self.listed()
            self.list_anew([*listed.bases, base], listed.files)


@dataclass(frozen=True, slots=True)
class Listed:
    """Contents of an archive beside the log: base backups, and files that were kept when they changed; oldest first."""

    bases: Sequence[Base] = ()
    files: Sequence[str] = ()


def _listed(content: Mapping[str, Any]) -> Listed:
    bases = sorted((Base(**base) for base in content["bases"]), key=lambda base: base.ended)
    return Listed(bases, sorted(str(name) for name in content["files"]))


def read_owner(storage: Storage) -> dict[str, object]:
    with storage.reading(OWNER) as path:
        found = read_json(path)
    if found.get("format") != _FORMAT or found.get("version") != _VERSION:
        raise ArchiveFault(f"The archive {storage} is of a kind that this version of Chairside does not know.")
    return found


def read_listed(storage: Storage) -> Listed:
    """Contents of an archive by the list in it."""
    try:
        with storage.reading(f"{BASES}/{_LIST}") as path:
            return _listed(json.loads(path.read_text()))
    except (ValueError, TypeError, KeyError):
        raise ArchiveFault(f"The list of base backups in the archive {storage} is damaged.") from None


def read_files(storage: Storage, names: Sequence[str], base: Base, secret: Secret) -> Iterator[dict[str, bytes]]:
    """The files that were kept since a base backup was begun, oldest first."""
    for name in names:
        if name >= base.name.partition(".")[0]:
            with storage.reading(f"{FILES}/{name}") as path:
                text = unpacked(path.read_bytes(), secret, name)
            yield {key: value.encode("latin-1") for key, value in json.loads(text).items()}


def make(archive: Archive, files: Callable[[], Mapping[str, bytes]], about: Mapping[str, str]) -> Base:
    """Write a base backup and wait until the log that it needs is archived too; the archiver must run meanwhile."""
    label, began = stamp(), now()
    told = dict(about) | {"kind": "base", "label": label}
    archive.put_files(files())  # the copy may hold values sealed with keys that a rotation drops meanwhile

    def contents() -> Iterator[tuple[str, Iterator[bytes]]]:
        yield CLUSTER_TAR, pressed(_copied(archive.data_dir, label))
        for name, data in files().items():
            yield f"files/{name}", iter([data])

    name = f"{label}.backup"
    with archive.storage.writing(f"{BASES}/{name}") as file:
        pieces = archived(contents(), told)
        if archive.recipients:
            write_encrypted(file, pieces, Secret(recipients=archive.recipients))
        else:
            file.writelines(pieces)
    noted = _noted(archive.data_dir, label)
    first, last = (noted[f"{end} WAL LOCATION"].partition("file ")[2].rstrip(")") for end in ("START", "STOP"))
    return Base(name, began, now(), first, last)


def _noted(data_dir: Path, label: str) -> Mapping[str, str]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for noted in finished_backups(data_dir):
            if noted.get("LABEL") == label:
                return noted
        time.sleep(_LOOK_SECONDS)
    raise ArchiveFault("The database left no note of the base backup.")


def _copied(data_dir: Path, label: str) -> Iterator[bytes]:
    """The bytes of a tar of the cluster with its manifest; pg_basebackup waits for the log to be archived."""
    at = endpoint(data_dir)
    options = [
        "--no-password", f"--host={at.host}", f"--port={at.port}", f"--username={SUPERUSER}", "--pgdata=-",
        "--format=tar", "--wal-method=none", "--checkpoint=fast", f"--label={label}", "--manifest-checksums=SHA256",
    ]  # fmt: skip
    with client("pg_basebackup", options, database=None, stdin=subprocess.DEVNULL) as process:
        while piece := piped(process.stdout).read(1 << 20):
            yield piece


def stamp() -> str:
    """A name that sorts by time."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ").replace(".", "")


def needed(bases: Sequence[Base], keep: timedelta, today: datetime) -> list[Base]:
    """The bases to keep, oldest first: all of the last days, and the one before, which leads to the first of them."""
    recent = [base for base in bases if base.ended_at >= today - keep]
    older = [base for base in bases if base.ended_at < today - keep]
    return [*older[-1:], *recent]


def retain(archive: Archive, keep: timedelta) -> None:
    """Delete base backups that are too old, then what no base that is kept needs; the list is shortened first."""
    with archive.turn:
        listed = archive.listed()
        kept = needed(listed.bases, keep, datetime.now(UTC))
        if not kept:
            return
        since = kept[0].name.partition(".")[0]
        files = [name for name in listed.files if name >= since]
        if len(kept) < len(listed.bases) or len(files) < len(listed.files):
            archive.list_anew(kept, files)
    storage, names = archive.storage, {base.name for base in kept}
    for name in storage.names(BASES) or []:
        if name.endswith(".backup") and name not in names and name < max(names):
            storage.delete(f"{BASES}/{name}")
    for name in storage.names(FILES) or []:
        if name < since:
            storage.delete(f"{FILES}/{name}")
    oldest = min(Segment.named(base.first).number for base in kept)
    for name in storage.names(WAL) or []:
        if SEGMENT.fullmatch(name[:24]) and Segment.named(name[:24]).number < oldest:
            storage.delete(f"{WAL}/{name}")
