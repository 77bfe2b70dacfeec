"""Connections of one worker, each lent to one user at a time and taken back only when it is provably idle."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = Any

IDLE_SECONDS = 300.0
# How often is looked for those that are kept too long. A timer for each would cost as much as half an exchange.
LOOK_SECONDS = 0.2
Turn = asyncio.Future[Connection | None]


class Lender:
    """Up to `size` connections, opened when there is need of them; the one used last is lent first.

    The driver's own pool costs more than BEGIN and COMMIT: a proxy, a task and two locks for each time.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        size: int,
        patience: float,
        silent: Callable[[], None] = lambda: None,
    ) -> None:
        """`silent` is told when one had to be closed because it was kept too long."""
        self._connect, self._size, self._patience, self._silent = connect, size, patience, silent
        self._free: list[tuple[Connection, float]] = []
        self._lent: dict[Connection, float] = {}
        self._expired: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[tuple[Turn, float]] = deque()
        self._closed = self._looking = False

    async def borrow(self, longest: float) -> Connection:
        """A connection that nobody else has; TimeoutError when none comes free within the patience.

        Whoever keeps it for more than `longest` seconds finds it closed.
        """
        if self._closed:
            raise ConnectionError("the pool is closed")
        connection = self._take() or await self._come()
        self._lent[connection] = self._until(longest)
        return connection

    def _until(self, seconds: float) -> float:
        """The time so many seconds from now, after which `_look` acts."""
        loop = asyncio.get_running_loop()
        if not self._looking:
            self._looking = True
            loop.call_later(LOOK_SECONDS, self._look)
        return loop.time() + seconds

    def _take(self) -> Connection | None:
        while self._free:
            connection, _ = self._free.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _come(self) -> Connection:
        if len(self._lent) + self._opening < self._size:
            self._opening += 1
            return await self._open()
        return await self._turn() or await self._open()

    def _look(self) -> None:
        """Close those that are kept too long, which tells whoever waits for answers there, and call off long waits."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [connection for connection, until in self._lent.items() if until < now and not connection.is_closed()]
        for connection in late:
            connection.terminate()
        if late:
            self._silent()
        for turn, until in self._waiting:
            if until < now and not turn.done():
                turn.set_exception(TimeoutError())
        self._looking = bool(self._lent or self._waiting)
        if self._looking:
            loop.call_later(LOOK_SECONDS, self._look)

    @property
    def wanted(self) -> bool:
        """Whether somebody waits who takes a connection as soon as it is given back."""
        return any(not turn.done() for turn, _ in self._waiting)

    def give_back(self, connection: Connection) -> None:
        """Take a connection back. One in a transaction goes to the next in line, who ends that; it never lies free."""
        self._lent.pop(connection, None)
        if not connection.is_closed() and (self._closed or connection in self._expired):
            connection.terminate()
        self._expired.discard(connection)
        if connection.is_closed():
            self._call(None)
        elif not self._call(connection):
            if connection.is_in_transaction():
                connection.terminate()
            else:
                self._free.append((connection, asyncio.get_running_loop().time()))

    def expire(self) -> None:
        """Lend none of the present connections again: those that are free end now, the others when they come back."""
        for connection, _ in self._free:
            connection.terminate()
        self._free.clear()
        self._expired.update(self._lent)

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
        self._lent[connection] = math.inf
        return connection

    async def _turn(self) -> Connection | None:
        """Wait in line: for a connection, or for None, the place of one to be opened."""
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, self._until(self._patience)))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
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
            turn, _ = self._waiting.popleft()
            if not turn.done():
                if given is None:
                    self._opening += 1
                else:
                    self._lent[given] = math.inf  # until it has gone on from here
                turn.set_result(given)
                return True
        return False
