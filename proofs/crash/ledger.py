"""What was acknowledged, on disk before the next request leaves."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec


class Change(msgspec.Struct, frozen=True):
    """What an acknowledged write made of one record."""

    record: str
    version: int
    event: str
    value: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was answered with success; of a write also how to send it again, and its answer's digest."""

    act: str
    request_id: str
    status: int
    record: str | None = None
    method: str = "GET"
    path: str = ""
    sent: str = ""
    key: str = ""
    digest: str = ""
    retried: bool = False
    changes: list[Change] = []


class Ledger:
    """A file that only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    async def note(self, entry: Entry) -> None:
        """Returns when the entry is on disk."""
        os.write(self._file, msgspec.json.encode(entry) + b"\n")
        await asyncio.to_thread(os.fdatasync, self._file)

    def entries(self) -> list[Entry]:
        """All that was acknowledged so far."""
        return [msgspec.json.decode(line, type=Entry) for line in self._path.read_bytes().splitlines()]

    def close(self) -> None:
        os.close(self._file)
