"""One kept connection to the server, speaking plain HTTP at little cost in processor time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

PATIENCE_SECONDS = 60
# The server hangs up on whoever was silent for ten.
IDLE_SECONDS = 5
# What a worker that was killed, or a server that is not there yet, does to a connection.
_GONE = (OSError, EOFError, TimeoutError)


class Lost(Exception):
    """No whole answer came, so nobody can tell whether the request was carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; header names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The error code of a refusal."""
        return str(self.json()["detail"][0]["type"])

    @property
    def replayed(self) -> bool:
        return "idempotent-replayed" in self.headers

    @property
    def later(self) -> bool:
        """Whether it asks to come again: nothing is decided yet."""
        return "retry-after" in self.headers and (self.status in (429, 503) or self.code == "idempotency_in_progress")

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Line:
    """A caller's connection, opened anew whenever it broke."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self._port, self._token = port, token or ""
        self._used = 0.0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """The answer, or Lost."""
        if time.monotonic() - self._used > IDLE_SECONDS:
            self.close()
        self._used = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                self._streams[1].write(self._request(method, path, body, headers or {}))
                return await _answer(self._streams[0])
        except _GONE as gone:
            self.close()
            raise Lost(type(gone).__name__) from None
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """Hang up; the next request opens a new connection."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Authorization: Bearer {self._token}"]
        if body or method != "GET":
            lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Answer(int(head[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0))))
