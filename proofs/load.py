"""Sends requests at a fixed rate, however slowly the answers come, and keeps what was answered and when."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections import deque
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from time import perf_counter

import msgspec
import uvloop

from bench.volley import Wire

SMALL_BUFFER = 1 << 16
STEP = 0.001
PATIENCE = 60  # a bound against hanging; whoever waits shorter is measured
OPENED_AT_ONCE = 50
NICENESS, AUTOGROUP = 5, Path("/proc/self/autogroup")
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *\d+\r", re.IGNORECASE)
_RATE_LIMIT = re.compile(rb'\r\nratelimit: *"org";r=\d+\r', re.IGNORECASE)
_POLICY = re.compile(rb'\r\nratelimit-policy: *"org";q=\d+;qu="concurrent-requests"\r', re.IGNORECASE)
SUCCESS, REFUSALS = 200, (429, 503)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests per second for so many seconds, over at most so many connections; `kind` to other processes."""

    host: str = "127.0.0.1"
    port: int
    rate: float
    seconds: float
    connections: int
    requests: list[bytes]
    kind: bool = False
    statuses: tuple[int, ...] = (SUCCESS,)


class Heard(msgspec.Struct, kw_only=True):
    """What came back: answers by status, milliseconds of the accepted, and everything that must not be.

    `unsent` found no free connection: the client's own bound, which keeps the load what it is meant to be.
    """

    answers: dict[int, int] = {}
    took: list[float] = []
    unsent: int = 0
    unanswered: int = 0
    no_retry_after: int = 0
    no_rate_limit: int = 0
    faults: list[str] = []

    @property
    def accepted(self) -> int:
        return len(self.took)

    @property
    def refused(self) -> int:
        return sum(self.answers.get(status, 0) for status in REFUSALS)

    def at(self, share: float) -> float:
        """The latency that this share of the accepted stays below."""
        ordered = sorted(self.took)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("inf")


class Running:
    """A load in a process of its own."""

    def __init__(self, load: Load) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "proofs.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        with self._process.stdin as told:  # type: ignore[union-attr]  # it was asked for
            told.write(msgspec.msgpack.encode(load))
        self._process.stdin = None
        self._seconds = load.seconds

    def heard(self) -> Heard:
        out, _ = self._process.communicate(timeout=self._seconds + 2 * PATIENCE)
        if self._process.returncode:
            raise RuntimeError("a load ended with an error; see above")
        return msgspec.msgpack.decode(out, type=Heard)


def main() -> None:
    load = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Load)
    if load.kind:
        _give_way()
    sys.stdout.buffer.write(msgspec.msgpack.encode(uvloop.run(_run(load))))


def _give_way() -> None:
    """Take what others leave of the processors.

    Linux may weigh sessions against each other (sched_autogroup_enabled). Then niceness counts only within one, and
    a session has its own, so the load gets a session and that gets the same.
    """
    os.nice(NICENESS)
    os.setsid()
    with suppress(OSError):  # it may be for reading only, and whoever is not root is put off while others set theirs
        AUTOGROUP.write_text(str(NICENESS))


async def _run(load: Load) -> Heard:
    loop, heard = asyncio.get_running_loop(), Heard()
    free: deque[_Line] = deque()  # in turns, since the server ends connections that rest for ten seconds
    lines: list[_Line] = []
    for start in range(0, load.connections, OPENED_AT_ONCE):
        number = min(OPENED_AT_ONCE, load.connections - start)
        opening = (
            loop.create_connection(lambda: _Line(load, heard, free), load.host, load.port) for _ in range(number)
        )
        lines += [line for _, line in await asyncio.gather(*opening)]
    free.extend(lines)
    requests = cycle(load.requests)
    begun, sent = perf_counter(), 0
    while (passed := perf_counter() - begun) < load.seconds:
        for _ in range(int(passed * load.rate) - sent):
            sent += 1
            if free:
                free.popleft().send(next(requests))
            else:
                heard.unsent += 1
        await asyncio.sleep(STEP)
    for _ in range(int(PATIENCE / STEP)):
        if not any(line.busy for line in lines):
            break
        await asyncio.sleep(STEP)
    heard.unanswered = sum(line.busy for line in lines)
    for line in lines:
        line.close()
    return heard


class _Line(Wire):
    """Sends when it is told to; between answer and request it is free."""

    def __init__(self, load: Load, heard: Heard, free: deque[_Line]) -> None:
        super().__init__(SMALL_BUFFER)
        self._load, self._heard, self._free = load, heard, free
        self._sent, self._status = 0.0, 0
        self.busy = self._closed = False

    def send(self, request: bytes) -> None:
        self.busy, self._sent = True, perf_counter()
        self.transport.write(request)

    def expected(self, head: bytearray, end: int) -> bool:
        status, heard = int(head[9:12]), self._heard
        self._status = status
        if status in REFUSALS and not _RETRY_AFTER.search(head, 0, end):
            heard.no_retry_after += 1
        if status == SUCCESS and not (_RATE_LIMIT.search(head, 0, end) and _POLICY.search(head, 0, end)):
            heard.no_rate_limit += 1
        return status in self._load.statuses or status in REFUSALS

    def answered(self) -> None:
        heard, status = self._heard, self._status
        heard.answers[status] = heard.answers.get(status, 0) + 1
        if status not in REFUSALS:
            heard.took.append((perf_counter() - self._sent) * 1000)
        self.busy = False
        self._free.append(self)

    def failed(self, why: str) -> None:
        if not self._closed:
            self._closed = True
            self.busy = False
            self._heard.faults.append(why)
            self.transport.close()
            if self in self._free:
                self._free.remove(self)

    def close(self) -> None:
        self._closed = True
        self.transport.close()


if __name__ == "__main__":
    main()
