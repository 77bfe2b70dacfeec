"""Sends requests over a fixed number of kept connections and times the answers, at little cost in CPU."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast

import msgspec
import uvloop

BUFFER = 1 << 18
clock = time.monotonic  # uvloop's own counts whole milliseconds
FINE, NOT_NOW = (b"200", b"201"), (b"429", b"503")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Volley(msgspec.Struct, frozen=True, kw_only=True):
    """Whole requests for each connection, sent one after another; `again` starts over at their end.

    `seconds` is the whole time, of which the first `warm` are not counted; every answer must have `status`, or where
    that is 0 one that says that all went well. Where `patient`, one that says "not now" is counted and sent again.
    """

    host: str
    port: int
    seconds: float
    warm: float
    status: int
    requests: list[list[bytes]]
    again: bool = True
    patient: bool = False


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Answers per second after the warming, and the middle and the 99th of a hundred latencies in milliseconds.

    `answers` are all, those while warming too, and `seconds` the processor time that sending for them took; `refused`
    are those that said "not now".
    """

    rate: float
    p50: float
    p99: float
    answers: int
    seconds: float
    refused: int = 0


class VolleyFault(Exception):
    """The server answered something else than it must."""


def fire(volley: Volley) -> Score:
    """Run a volley in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.volley"],
        input=msgspec.msgpack.encode(volley),
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise VolleyFault(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    return msgspec.msgpack.decode(done.stdout, type=Score)


def main() -> None:
    volley = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Volley)
    sys.stdout.buffer.write(msgspec.msgpack.encode(uvloop.run(_run(volley))))


async def _run(volley: Volley) -> Score:
    loop = asyncio.get_running_loop()
    lines = []
    for requests in volley.requests:
        _, line = await loop.create_connection(lambda r=requests: Line(r, volley), volley.host, volley.port)  # type: ignore[misc]  # mypy does not follow the default
        lines.append(line)
    started = time.process_time()
    begin = clock() + volley.warm
    end = clock() + volley.seconds
    for line in lines:
        line.start(begin, end)
    await asyncio.gather(*(line.done for line in lines))
    took, within = sorted(t for line in lines for t in line.took), end - begin
    if not took:
        # So slow that nothing but the first answers came: they say how slow.
        took = sorted(line.latest for line in lines if line.latest)
        if not took:
            raise VolleyFault("no answer came in time")
        within = took[-1]
    return Score(
        rate=len(took) / within,
        p50=_at(took, 0.5),
        p99=_at(took, 0.99),
        answers=sum(line.answers for line in lines),
        seconds=time.process_time() - started,
        refused=sum(line.refused for line in lines),
    )


def _at(took: list[float], share: float) -> float:
    return took[min(int(len(took) * share), len(took) - 1)] * 1000


class Wire(asyncio.BufferedProtocol):
    """One connection that reads no more of an answer than its head and its length."""

    def __init__(self, size: int = BUFFER) -> None:
        self._buffer = bytearray(size)
        self._held = self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio calls it so
        return memoryview(self._buffer)[self._held :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._missing:
            self._missing -= nbytes
        else:
            self._head(self._held + nbytes)
        if not self._missing and not self._held:
            self.answered()

    def _head(self, held: int) -> None:
        """Where the head is whole, how much of the body is still to come."""
        blank = self._buffer.find(b"\r\n\r\n", 0, held)
        if blank < 0:
            self._held = held
            return
        self._held = 0
        length = _LENGTH.search(self._buffer, 0, blank + 2)
        if length is None or not self.expected(self._buffer, blank + 2):
            self.failed(f"unexpected answer: {bytes(self._buffer[: min(held, 600)])!r}")
            self._missing = sys.maxsize
            return
        self._missing = blank + 4 + int(length.group(1)) - held

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the same
        self.failed("the server closed a connection")

    def expected(self, head: bytearray, end: int) -> bool:
        """Whether an answer may have this head, which ends at `end`."""
        raise NotImplementedError

    def answered(self) -> None:
        """The answer has come whole."""
        raise NotImplementedError

    def failed(self, why: str) -> None:
        """No answer that counts will come any more."""
        raise NotImplementedError


class Line(Wire):
    """Sends a request, counts the answer's bytes, sends the next."""

    def __init__(self, requests: list[bytes], volley: Volley) -> None:
        super().__init__()
        self._requests: Iterator[bytes] = cycle(requests) if volley.again else iter(requests)
        self._good = (str(volley.status).encode(),) if volley.status else FINE
        self._not_now = NOT_NOW if volley.patient else ()
        self._again, self._request = False, b""
        self._sent = self._begin = self._end = 0.0
        self.took: list[float] = []
        self.latest = 0.0
        self.answers = self.refused = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, begin: float, end: float) -> None:
        self._begin, self._end = begin, end
        self._send()

    def _send(self) -> None:
        request = self._request if self._again else next(self._requests, None)
        self._again = False
        if request is None:
            self._finish(VolleyFault("a connection ran out of requests"))
            return
        self._request, self._sent = request, clock()
        self.transport.write(request)

    def expected(self, head: bytearray, end: int) -> bool:  # noqa: ARG002 - here the status is all that counts
        status = bytes(head[9:12])
        if status in self._good:
            return True
        self._again = status in self._not_now
        return self._again

    def answered(self) -> None:
        now = clock()
        if self._again:
            self.refused += 1
        else:
            self.answers += 1
            self.latest = now - self._sent
            if self._begin <= now < self._end:
                self.took.append(self.latest)
        if now < self._end:
            self._send()
        else:
            self._finish(None)

    def failed(self, why: str) -> None:
        self._finish(VolleyFault(why))

    def _finish(self, fault: VolleyFault | None) -> None:
        if not self.done.done():
            if fault is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(fault)
        self.transport.close()


if __name__ == "__main__":
    main()
