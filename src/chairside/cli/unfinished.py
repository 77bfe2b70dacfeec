"""The mark of a restore that has begun and not ended: nothing else may use the data directory until it has."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "restore-unfinished.json"


class UnfinishedFault(Exception):
    """A data directory holds half of a backup. One sentence for a person."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The restore that a mark was written for."""

    digest: str = ""
    files: tuple[str, ...] = ()


def begun(data_dir: Path) -> Begun | None:
    """Returns the restore that was begun and has not ended, None without one."""
    try:
        text = (data_dir / MARK).read_text()
    except FileNotFoundError:
        return None
    with suppress(ValueError, KeyError, TypeError):
        kept = json.loads(text)
        return Begun(str(kept["digest"]), tuple(str(name) for name in kept["files"]))
    return Begun()  # cut off before the mark was written, so before anything else was


def refuse_unfinished(data_dir: Path) -> None:
    """UnfinishedFault when a restore into this directory is under way, or was cut off."""
    if begun(data_dir) is None:
        return
    with suppress(FileNotFoundError), (data_dir / MARK).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnfinishedFault(f"A restore into {data_dir} is under way; wait until it has ended.") from None
        raise UnfinishedFault(
            f"{data_dir} holds half of a restore that was cut off: run `chairside restore FILE --data-dir {data_dir}`"
            " again, which begins anew, or delete the folder."
        )


@contextmanager
def marked(data_dir: Path, digest: str, files: Sequence[str]) -> Iterator[None]:
    """Keeps the mark during the block, and after it when it was cut off; a foreseen failure must clear up in it."""
    handle = os.open(data_dir / MARK, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnfinishedFault(f"Another restore into {data_dir} is under way; wait until it has ended.") from None
        file.truncate()
        file.write(json.dumps({"digest": digest, "files": list(files)}).encode())
        file.flush()
        os.fsync(handle)
        synced(data_dir)
        try:
            yield
        except Exception:
            (data_dir / MARK).unlink()
            raise
        synced(data_dir)
        (data_dir / MARK).unlink()
        synced(data_dir)


def synced(folder: Path) -> None:
    """Returns when the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
