"""Response bodies on their way to readers: sent in pieces, bounded in all, and ended for clients that do not read."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Peer = tuple[str, int]
# Bytes of one piece. The HTTP library keeps four of them for a connection, beside its own buffer.
PIECE = 16 << 10
# Bytes that the HTTP library keeps of one response.
KEPT = 7 * PIECE
# A body of at most this size is sent at once.
SMALL = 2 * PIECE
# Bytes of larger bodies that one worker keeps for readers; more wait.
MOST = 2 << 20
# A response that makes no progress for this long may be ended for one of a caller who has less on its way, and after
# PATIENCE for any other (seconds).
STALLED, PATIENCE = 0.25, 2.0
LOOK, RESET = 0.05, 0.1


@dataclass(eq=False, slots=True)
class Outgoing:
    """One large response: its owner, the bytes it keeps, its last progress, and the task that sends it."""

    owner: object
    peer: Peer
    size: int
    task: asyncio.Task[Any]
    moved: float = field(default_factory=time.monotonic)
    ended: bool = False


class Outbox:
    """The large responses of one worker. `owner` is the share of the org that asks, or that of unknown callers."""

    def __init__(
        self,
        reset: Callable[[set[Peer]], None],
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reset, self._most, self._clock = reset, most, clock
        self._going: set[Outgoing] = set()
        self._kept = self._waiting = 0
        self._strained = False
        self._ended: set[Peer] = set()
        self._left = asyncio.Event()

    @contextlib.contextmanager
    def _entered(self, going: Outgoing) -> Iterator[None]:
        self._going.add(going)
        self._kept += going.size
        try:
            yield
        finally:
            self._going.discard(going)
            self._kept -= going.size
            self._left.set()

    async def room(self, owner: object, size: int, *, must: bool) -> bool:
        """Wait until a body of this many bytes fits, while responses whose readers do not read are ended.

        False at once where bodies of as many bytes wait already; never for one that `must` be sent.
        """
        size += KEPT
        if not self._full(size):
            return True
        if self._waiting + size > self._most and not must:
            return False
        started = self._clock()
        self._waiting += size
        try:
            while self._full(size):
                if not self._end_one(owner, patient=self._clock() - started > PATIENCE):
                    self._left.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):
                            await self._left.wait()
        finally:
            self._waiting -= size
        return True

    def _full(self, size: int) -> bool:
        return self._kept > 0 and self._kept + size > self._most

    def _end_one(self, owner: object, *, patient: bool) -> bool:
        """End the response that has stalled for longest, of the owner who keeps most; False when none may be ended."""
        now, kept = self._clock(), Counter[object]()
        for going in self._going:
            kept[going.owner] += going.size
        stalled = [
            going
            for going in self._going
            if not going.ended
            and now - going.moved > STALLED
            and (patient or kept[going.owner] > kept[owner] or now - going.moved > PATIENCE)
        ]
        if not stalled:
            return False
        last = max(stalled, key=lambda going: (kept[going.owner], now - going.moved))
        last.ended = self._strained = True
        last.task.cancel()
        self._kept -= last.size
        last.size = 0
        if not self._ended:
            asyncio.get_running_loop().call_later(RESET, self._reset_ended)
        self._ended.add(last.peer)
        return True

    def _reset_ended(self) -> None:
        """Close the connections of ended responses together, for finding them takes a look at every connection."""
        ended, self._ended = self._ended, set()
        self._reset(ended)

    async def send(self, send: Send, owner: object, peer: Peer, body: bytes, *, shared: bool) -> None:
        """Send a body in pieces. A `shared` body stays in memory anyway, so only its pieces count.

        A response that is ended meanwhile is left incomplete, upon which the HTTP library closes the connection.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a response is sent by a task")
        going = Outgoing(owner, peer, KEPT if shared else KEPT + len(body), task, self._clock())
        with self._entered(going):
            try:
                for start in range(0, len(body), PIECE):
                    more = start + PIECE < len(body)
                    await send({"type": "http.response.body", "body": body[start : start + PIECE], "more_body": more})
                    going.moved = self._clock()
            except asyncio.CancelledError:
                if not going.ended:
                    raise
                task.uncancel()

    def over_strain(self) -> bool:
        """Whether responses were ended since this was last asked, and none is on its way now."""
        over = self._strained and not self._going
        self._strained &= not over
        return over
