"""Who is worked on at once: a bound for the worker, a share of it for each org, a short line, and quick refusals."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chairside.errors import refuse
from chairside.rest import errors

# How many tokens are remembered as good; at most twice as many shares are kept.
MOST_KNOWN = 10_000
# For how long an org counts as one that asks: somebody at a desk asks every few seconds.
ASKING_SECONDS = 10.0
# For how long a worker counts as one that has too much to do.
PRESSED_SECONDS = 1.0
SHARE_FULL, SERVER_FULL = "too_many_requests", "unavailable"
# Reasons of a refusal: no place in line, pushed out of it by a shorter one, no turn in time, or too much that other
# clients have not read yet.
LINE_FULL, PUSHED_OUT, TOO_LATE, OUTBOX_FULL = "line_full", "pushed_out", "too_late", "outbox_full"
Headers = list[tuple[bytes, bytes]]
Turn = asyncio.Future["Refusal | None"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A whole answer, made once, and the reason that is counted."""

    code: str
    status: int
    headers: Headers
    body: bytes
    reason: str


def _refusals(code: str) -> dict[str, Refusal]:
    problems = refuse(code).problems
    body = errors.body_of(problems)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *((name.encode(), value.encode()) for name, value in errors.headers_of(problems).items()),
    ]
    return {reason: Refusal(code, errors.status_of(code), headers, body, reason) for reason in REASONS}


REASONS = (LINE_FULL, PUSHED_OUT, TOO_LATE, OUTBOX_FULL)
REFUSALS = {code: _refusals(code) for code in (SHARE_FULL, SERVER_FULL)}


class Share:
    """What one org has under way, and its line. Callers who are not known yet have one share together."""

    __slots__ = ("line", "listed", "working")

    def __init__(self) -> None:
        self.working = 0
        self.line: deque[Turn] = deque()
        self.listed = False


class Admission:
    """One worker's bounds. Without contention a request costs a few comparisons and counts, and nothing is made.

    At most `at_once` requests are worked on; up to `line` more wait up to `patience` seconds. While some wait, or did
    a moment ago, and several orgs ask, each org has at most `share` worked on, and those with less take turns. The
    fewer of a flood are worked on beside another org's request, the sooner that one is done: they have one processor
    together. Where the line is full, the newest of the longest goes.
    """

    def __init__(
        self, *, at_once: int, share: int, line: int, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._share_size = at_once, min(share, at_once)
        self._most_waiting, self._patience, self._clock = line, patience, clock
        self._last: Share | None = None  # whose request came last
        # The times from which one org is the only one that asks, and from which a worker without a line has time again.
        self._alone_from = self._calm_from = 0.0
        self.working = self.waiting = 0
        self._turns: deque[Share] = deque()  # shares with a line that may have more under way, in the order of turns
        self._lines: set[Share] = set()
        self._strangers = Share()
        self._shares: dict[str, Share] = {}
        self._known: dict[int, Share] = {}
        policy = f'"org";q={at_once};qu="concurrent-requests"'.encode()
        self._shown: list[Headers] = [
            [(b"ratelimit-policy", policy), (b"ratelimit", f'"org";r={left}'.encode())] for left in range(at_once + 1)
        ]

    def share_of(self, key: int) -> Share:
        """The share of whoever sent this; `key` is what `key_of` made of the headers."""
        return self._known.get(key, self._strangers)

    def forget(self, key: int) -> None:
        """The token is no longer good: whoever sends it is a stranger again."""
        self._known.pop(key, None)

    def learn(self, key: int, org_id: str) -> Share:
        """Remember that such requests go by the share of this org, and return that share."""
        share = self._known.get(key)
        if share is None:
            if len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
            share = self._known[key] = self._share(org_id)
        return share

    def _share(self, org_id: str) -> Share:
        share = self._shares.get(org_id)
        if share is None:
            if len(self._shares) >= 2 * MOST_KNOWN:  # twice, so that sorting out is rare
                used = set(self._known.values())
                self._shares = {o: s for o, s in self._shares.items() if s in used or s.working or s.line}
            share = self._shares[org_id] = Share()
        return share

    def shown(self, share: Share) -> Headers:
        """The RateLimit headers: how many more requests of the org would be begun at once. None for strangers."""
        if share is self._strangers:
            return []
        most = min(self._at_once - self.working, self._limit(self._clock()) - share.working)
        return self._shown[max(0, most)]

    def enter(self, share: Share) -> bool:
        """Whether work may begin now. Nobody is passed over: who waits does so because one of these is not so."""
        now = self._clock()
        if share is not self._last:
            self._last, self._alone_from = share, now + ASKING_SECONDS
        if self.working < self._at_once and share.working < self._limit(now):
            self.working += 1
            share.working += 1
            return True
        return False

    def _limit(self, now: float) -> int:
        """How many requests of one org may be worked on now.

        A flood's line is empty for a moment whenever all who came together have waited too long together; the next
        of it would take every place then.
        """
        pressed = self.waiting or now < self._calm_from
        return self._share_size if pressed and now < self._alone_from else self._at_once

    def leave(self, share: Share) -> None:
        """Work has ended: whose turn it is may begin."""
        self.working -= 1
        share.working -= 1
        if share.line and not share.listed:
            self._list(share)
        if self._turns:
            self._begin(self._clock())

    async def wait(self, share: Share) -> Refusal | None:
        """Wait in line; None once work may begin, else the answer."""
        if self.waiting >= self._most_waiting and not self._make_room(share):
            return self._refusal(share, LINE_FULL)
        loop = asyncio.get_running_loop()
        turn: Turn = loop.create_future()
        now = self._clock()
        self.waiting, self._calm_from = self.waiting + 1, now + PRESSED_SECONDS
        share.line.append(turn)
        self._lines.add(share)
        if not share.listed and share.working < self._limit(now):
            self._list(share)
        timer = loop.call_later(self._patience, self._send_away, share, turn, TOO_LATE)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in share.line:
                self._step_out(share, turn)
            elif not turn.cancelled() and turn.result() is None:
                self.leave(share)
            raise
        finally:
            timer.cancel()

    def _list(self, share: Share) -> None:
        share.listed = True
        self._turns.append(share)

    def _begin(self, now: float) -> None:
        while self._turns and self.working < self._at_once:
            share = self._turns.popleft()
            share.listed = False
            while share.line and share.working < self._limit(now):
                turn = share.line[0]
                self._step_out(share, turn)
                if not turn.done():
                    self.working += 1
                    share.working += 1
                    turn.set_result(None)
                    break
            if share.line and share.working < self._limit(now):
                self._list(share)

    def _make_room(self, share: Share) -> bool:
        """Whether there is a place now: who has less than an equal part of the line takes it from who has the most."""
        if not self._lines or len(share.line) * len(self._lines) >= self.waiting:
            return False
        longest = max(self._lines, key=lambda other: len(other.line))
        self._send_away(longest, longest.line[-1], PUSHED_OUT)
        return True

    def _send_away(self, share: Share, turn: Turn, reason: str) -> None:
        if not turn.done():
            self._step_out(share, turn)
            turn.set_result(self._refusal(share, reason))

    def _step_out(self, share: Share, turn: Turn) -> None:
        """Out of the line, mostly at one of its ends."""
        if share.line[-1] is turn:
            share.line.pop()
        else:
            share.line.remove(turn)
        self.waiting -= 1
        if not share.line:
            self._lines.discard(share)

    def _refusal(self, share: Share, reason: str) -> Refusal:
        """It is the org that is over its share, or else the server that is full; strangers are no org."""
        own = share is not self._strangers and share.working >= self._share_size
        return REFUSALS[SHARE_FULL if own else SERVER_FULL][reason]


def key_of(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Stands for the credentials that were sent. Python's keyed hash: nobody outside can find two alike, and a
    mistake would cost a place in line, never grant access."""
    for name, value in headers:
        if name == b"authorization":
            return hash(value)
    return 0
