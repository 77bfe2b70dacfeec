"""Connections of one worker, each lent to one user at a time and taken back only when it is provably idle."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = Any

IDLE_SECONDS = 300.0
Turn = asyncio.Future[Connection | None]


class Lender:
    """Up to `size` connections, opened when there is need of them; the one used last is lent first.

    The driver's own pool costs more than BEGIN and COMMIT: a proxy, a task and two locks for each time.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int, patience: float) -> None:
        self._connect, self._size, self._patience = connect, size, patience
        self._free: list[tuple[Connection, float]] = []
        self._lent: set[Connection] = set()
        self._expired: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[Turn] = deque()
        self._closed = False

    async def borrow(self) -> Connection:
        """A connection that nobody else has; TimeoutError when none comes free within the patience."""
        if self._closed:
            raise ConnectionError("the pool is closed")
        while self._free:
            connection, _ = self._free.pop()
            if not connection.is_closed():
                return self._lend(connection)
        if len(self._lent) + self._opening < self._size:
            self._opening += 1
            return await self._open()
        return await self._turn() or await self._open()

    def give_back(self, connection: Connection) -> None:
        """Take a connection back; one in the middle of something is closed, and its place is free."""
        self._lent.discard(connection)
        unfit = self._closed or connection in self._expired
        self._expired.discard(connection)
        if not connection.is_closed() and (unfit or connection.is_in_transaction()):
            connection.terminate()
        if connection.is_closed():
            self._call(None)
        elif not self._call(connection):
            self._free.append((connection, asyncio.get_running_loop().time()))

    def expire(self) -> None:
        """Lend none of the present connections again: those that are free end now, the others when they come back."""
        for connection, _ in self._free:
            connection.terminate()
        self._free.clear()
        self._expired |= self._lent

    async def rest(self) -> None:
        """Close what nobody has needed for a while."""
        before = asyncio.get_running_loop().time() - IDLE_SECONDS
        old = [connection for connection, since in self._free if since < before]
        self._free = [held for held in self._free if held[1] >= before]
        await asyncio.gather(*(connection.close(timeout=self._patience) for connection in old), return_exceptions=True)

    async def close(self) -> None:
        """Lend no more, close what is free, and cut off what is still lent."""
        self._closed = True
        while self._waiting:
            self._call(None)
        free, self._free = self._free, []
        closing = (connection.close(timeout=self._patience) for connection, _ in free)
        await asyncio.gather(*closing, return_exceptions=True)
        for connection in self._lent:
            connection.terminate()

    def _lend(self, connection: Connection) -> Connection:
        self._lent.add(connection)
        return connection

    async def _open(self) -> Connection:
        """A new connection in a place that is counted as being opened."""
        try:
            if self._closed:
                raise ConnectionError("the pool is closed")
            connection = await self._connect()
        except BaseException:
            self._pass_on(None)
            raise
        self._opening -= 1
        return self._lend(connection)

    async def _turn(self) -> Connection | None:
        """Wait in line: for a connection, or for None, the place of one to be opened."""
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._pass_on(turn.result())
            raise

    def _pass_on(self, given: Connection | None) -> None:
        """What somebody has no use for any more goes to the next in line."""
        if given is None:
            self._opening -= 1
            self._call(None)
        else:
            self.give_back(given)

    def _call(self, given: Connection | None) -> bool:
        """Give a connection, or the place of one, to the first in line; False when nobody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                if given is None:
                    self._opening += 1
                else:
                    self._lent.add(given)
                turn.set_result(given)
                return True
        return False
