"""The last heads of all chains in a file beside the database, so that a chain cut short shows."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import msgspec

from chairside.engine.chain import Head

# A head takes about 300 bytes. The file is rewritten when it holds this many times what is still of use.
GROWTH, SMALL = 4, 1 << 16
# A head, and the one that the chain was seen to hold at the same time: what the file must still end with.
Followed = tuple[Head, Head | None]


class HeadsFault(Exception):
    """A file of heads cannot be read. One sentence for a person."""


class HeadsFile:
    """Workers append a line for each head; the last line of an org counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._offset = 0, 0
        self.known: dict[str, Head] = {}

    def read(self) -> None:
        """Take in what any worker has written since."""
        with self._held() as file:
            self._catch_up(file)

    def add(self, heads: Sequence[Followed]) -> list[str]:
        """Write heads; the orgs left out because another worker has written one that was not compared with the chain.

        Only so it is safe that the last line alone counts: a head that the chain lost is never replaced.
        """
        if all(head == known for head, known in heads):
            return []
        with self._held() as file:
            self._catch_up(file)
            late = [head.org_id for head, known in heads if self.known.get(head.org_id) not in (known, head)]
            fresh = [head for head, known in heads if head != known and head.org_id not in late]
            file.write(b"".join(_line(head) for head in fresh))
            file.flush()
            self._catch_up(file)
            if self._offset > max(SMALL, GROWTH * sum(len(_line(head)) for head in self.known.values())):
                self._rewrite()
        return late

    def _catch_up(self, file: BinaryIO) -> None:
        inode = os.fstat(file.fileno()).st_ino
        if inode != self._inode:
            self._inode, self._offset, self.known = inode, 0, {}
        file.seek(self._offset)
        text = file.read()
        self._offset += len(text)
        self.known |= {head.org_id: head for head in _heads(text)}

    def _rewrite(self) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(b"".join(_line(head) for head in self.known.values()))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    @contextmanager
    def _held(self) -> Iterator[BinaryIO]:
        """The file, for one worker at a time; anew when another has rewritten it while this one waited."""
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(handle).st_ino == self._path.stat().st_ino:
                    yield file
                    return


def kept_heads(path: Path) -> list[Head]:
    """The last heads of the server's own file; none when there is no file yet."""
    found = _heads(path.read_bytes()) if path.exists() else []
    return list({head.org_id: head for head in found}.values())


def exported_heads(path: Path) -> list[Head]:
    """The heads of a file that `audit heads --json` wrote, or of a copy of the server's own."""
    try:
        text = path.read_bytes()
    except OSError as fault:
        raise HeadsFault(f"The heads in {path} cannot be read: {fault.strerror}.") from None
    try:
        if text.lstrip().startswith(b"["):
            return msgspec.json.decode(text, type=list[Head])
        return [msgspec.json.decode(line, type=Head) for line in text.splitlines()]
    except (msgspec.MsgspecError, ValueError):
        raise HeadsFault(f"{path} holds something else than heads of audit chains.") from None


def exported(heads: Sequence[Head]) -> list[dict[str, object]]:
    return [asdict(head) for head in heads]


def _line(head: Head) -> bytes:
    return msgspec.json.encode(head) + b"\n"


def _heads(text: bytes) -> list[Head]:
    """Every line that can be read: a power failure may have torn one."""
    found = []
    for line in text.splitlines():
        try:
            found.append(msgspec.json.decode(line, type=Head))
        except (msgspec.MsgspecError, ValueError):
            continue
    return found
