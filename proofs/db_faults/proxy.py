"""A line between a server and its PostgreSQL that can be made slow, silent, cut or torn, and that can ask through it.

It reads the messages of PostgreSQL's protocol as they pass, so it knows when a connection is in a transaction, and can
put a question of its own to the backend behind a connection that rests.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
IDLE, IN_TRANSACTION = b"I", b"T"
READY, ROW, QUERY = b"Z", b"D", b"Q"
BOUND_SECONDS = 60


class Line:
    """One connection of the server, and the connection to the database it goes on as."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter | None) -> None:
        self.near, self.far = near, far
        self.dead = False
        self.state = b""
        self.waiting = True  # for an answer of the database
        self.swallow = False  # and the next answer not passed on
        self.asked: asyncio.Future[list[bytes]] | None = None
        self.rows: list[bytes] = []
        self.turn = asyncio.Lock()

    @property
    def rests(self) -> bool:
        return self.state == IDLE and not self.waiting and not self.dead

    def silence(self) -> None:
        """Who asked behind it hears nothing more."""
        if self.asked is not None and not self.asked.done():
            self.asked.set_result([])

    def tear(self) -> None:
        """A reset in both directions."""
        for writer in (self.near, None if self.dead else self.far):  # a dead line tells neither end of the other
            if writer is not None:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                writer.transport.abort()


class Proxy:
    """Listens on a port of its own; `mode` says what happens to what passes."""

    def __init__(self, target: int, dice: random.Random) -> None:
        self._target, self._dice = target, dice
        self.mode = "calm"
        self.lines: set[Line] = set()
        self.struck: list[Line] = []
        self.cuts = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._calm: asyncio.Event
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._do(self._listen())

    def stop(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def set(self, mode: str) -> None:
        """calm, delay, stall, silent, reset or cut; silence outlives its mode on the lines it has struck."""
        self._do(self._set(mode))

    def ask_resting(self, query: str) -> list[bytes]:
        """What every backend behind a resting line answers: the pooled connections themselves, not others like them."""
        return self._do(self._ask_resting(query))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(2 * BOUND_SECONDS)

    async def _listen(self) -> None:
        self._calm = asyncio.Event()
        self._calm.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for line in [*self.lines, *self.struck]:
            line.dead = False
            line.tear()

    async def _set(self, mode: str) -> None:
        self.mode = mode
        if mode == "stall":
            self._calm.clear()
        else:
            self._calm.set()
        for line in list(self.lines):
            line.dead |= mode == "silent"
            if mode == "reset":
                line.tear()

    async def _accept(self, near_in: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        line = Line(near, None)
        self.lines.add(line)
        try:
            if self.mode == "reset":
                return
            if self.mode == "silent":
                line.dead = True
            await self._calm.wait()
            far_in, line.far = await asyncio.open_connection("127.0.0.1", self._target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._down(line, far_in))
                both.create_task(self._up(line, near_in))
        except* (OSError, asyncio.IncompleteReadError, _Cut):
            pass
        finally:
            line.tear()
            line.silence()
            self.lines.discard(line)
            if line.dead:
                self.struck.append(line)

    async def _up(self, line: Line, near_in: asyncio.StreamReader) -> None:
        """From the server to the database."""
        await self._pass(line, line.far, await _startup(near_in))
        while True:
            kind, message = await _message(near_in)
            if self.mode == "cut" and line.state == IN_TRANSACTION and self._dice.random() < 0.15:
                self.cuts += 1
                if self._dice.random() < 0.5:
                    raise _Cut
                line.swallow = True
            async with line.turn:
                line.waiting = True
                await self._pass(line, line.far, message)
            if kind == b"X":
                raise _Cut

    async def _down(self, line: Line, far_in: asyncio.StreamReader) -> None:
        """From the database to the server."""
        while True:
            kind, message = await _message(far_in)
            if kind == READY:
                line.state = message[5:6]
                line.waiting = False
            if line.asked is not None:
                self._answer(line, kind, message)
            elif line.swallow:
                if kind == READY:
                    raise _Cut
            else:
                await self._pass(line, line.near, message)

    async def _pass(self, line: Line, to: asyncio.StreamWriter | None, message: bytes) -> None:
        if self.mode == "delay":
            await asyncio.sleep(self._dice.uniform(0, 0.05))
        await self._calm.wait()
        if not line.dead and to is not None:
            to.write(message)
            await to.drain()

    def _answer(self, line: Line, kind: bytes, message: bytes) -> None:
        if kind == ROW:
            line.rows.append(message[11:])  # one column: after the counts of columns and bytes
        if kind == READY and line.asked is not None:
            line.asked.set_result(line.rows)
            line.asked, line.rows = None, []

    async def _ask_resting(self, query: str) -> list[bytes]:
        answers = []
        for line in list(self.lines):
            async with line.turn:
                if line.rests and line.far is not None:
                    line.asked, line.rows = self._loop.create_future(), []
                    text = query.encode() + b"\0"
                    line.far.write(QUERY + struct.pack("!i", len(text) + 4) + text)
                    answers += await asyncio.wait_for(line.asked, BOUND_SECONDS)
        return answers


class _Cut(Exception):
    """The line ends here."""


async def _startup(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(struct.unpack("!i", length)[0] - 4)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)


@contextmanager
def between(target: int, dice: random.Random) -> Iterator[Proxy]:
    """A proxy to a port of this machine."""
    proxy = Proxy(target, dice)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
