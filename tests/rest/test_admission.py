"""Who is worked on when more is asked for than can be done: the bounds of one worker, stepped through by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chairside.rest.admission import ASKING_SECONDS, PRESSED_SECONDS, Admission, Refusal, Share

LONG = 3600.0
Waiting = asyncio.Task[Refusal | None]


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def doors(
    at_once: int = 4, share: int = 2, line: int = 8, patience: float = LONG, clock: Clock | None = None
) -> Admission:
    return Admission(at_once=at_once, share=share, line=line, patience=patience, clock=clock or Clock())


def orgs(doors: Admission, number: int) -> list[Share]:
    return [doors.learn(key + 1, f"org {key}") for key in range(number)]


async def ask(doors: Admission, share: Share) -> Waiting | None:
    """None where work begins at once, else the request in line."""
    if doors.enter(share):
        return None
    waiting = asyncio.create_task(doors.wait(share))
    await asyncio.sleep(0)
    return waiting


async def ends(*requests: Waiting) -> list[Refusal | None]:
    for request in requests:
        request.cancel()
    return [
        None if isinstance(end, BaseException) else end
        for end in await asyncio.gather(*requests, return_exceptions=True)
    ]


def stepped(steps: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(steps, 60))


def test_one_org_alone_may_use_the_whole_worker_and_its_line_moves_in_order() -> None:
    """A share is for contention: without it nobody is held back, and nobody is passed over."""

    async def steps() -> None:
        clock = Clock()
        worker = doors(at_once=3, share=1, clock=clock)
        (alone,) = orgs(worker, 1)
        assert [await ask(worker, alone) for _ in range(3)] == [None] * 3
        clock.now = ASKING_SECONDS
        first, second = await ask(worker, alone), await ask(worker, alone)
        assert first
        assert second
        worker.leave(alone)
        assert await first is None
        assert not second.done()
        worker.leave(alone)
        assert await second is None
        assert (worker.working, worker.waiting) == (3, 0)

    stepped(steps())


def test_while_two_orgs_ask_the_one_with_less_under_way_comes_first() -> None:
    """Eight of a flood wait already; the next place is of the one request of the other org, not of the ninth's."""

    async def steps() -> None:
        worker = doors(at_once=4, share=2, line=16)
        flood, quiet = orgs(worker, 2)
        assert [await ask(worker, flood) for _ in range(4)] == [None] * 4
        queue = [await ask(worker, flood) for _ in range(8)]
        one = await ask(worker, quiet)
        assert one
        worker.leave(flood)
        assert await one is None
        worker.leave(flood)
        await asyncio.sleep(0)
        assert (flood.working, quiet.working, worker.waiting) == (2, 1, 8)
        await ends(*filter(None, queue))

    stepped(steps())


def test_a_flood_whose_line_is_empty_for_a_moment_still_keeps_to_its_share() -> None:
    """All that came together have waited too long together; what comes next must not take every place."""

    async def steps() -> None:
        clock = Clock()
        worker = doors(at_once=4, share=2, clock=clock)
        flood, quiet = orgs(worker, 2)
        assert [await ask(worker, flood) for _ in range(4)] == [None] * 4
        queue = [await ask(worker, flood) for _ in range(3)]
        await ends(*filter(None, queue))
        for _ in range(4):
            worker.leave(flood)
        assert (worker.working, worker.waiting) == (0, 0)
        assert await ask(worker, quiet) is None
        assert [await ask(worker, flood) for _ in range(2)] == [None] * 2
        third = await ask(worker, flood)
        assert third
        await ends(third)
        clock.now = PRESSED_SECONDS
        worker.leave(quiet)
        assert [await ask(worker, share) for share in (quiet, flood)] == [None] * 2

    stepped(steps())


def test_who_asks_every_few_seconds_never_meets_a_flood_that_has_every_place() -> None:
    """Else the one request of a small practice would wait behind all that a flood has under way."""

    async def steps() -> None:
        clock = Clock()
        worker = doors(at_once=8, share=2, clock=clock)
        flood, quiet = orgs(worker, 2)
        assert await ask(worker, quiet) is None
        worker.leave(quiet)
        assert [await ask(worker, flood) for _ in range(8)] == [None] * 8  # nobody has waited yet
        queue = [await ask(worker, flood) for _ in range(4)]
        clock.now = ASKING_SECONDS / 2
        for _ in range(7):
            worker.leave(flood)
        await asyncio.sleep(0)
        assert (flood.working, worker.waiting) == (2, 3)
        clock.now = ASKING_SECONDS
        worker.leave(flood)
        assert (flood.working, worker.waiting) == (4, 0)
        await ends(*filter(None, queue))

    stepped(steps())


def test_a_full_line_gives_the_place_of_its_newest_to_who_has_less_of_it() -> None:
    """A flood fills its own part of the line, never that of others."""

    async def steps() -> None:
        worker = doors(at_once=1, share=1, line=3)
        flood, quiet = orgs(worker, 2)
        assert await ask(worker, flood) is None
        queue = [await ask(worker, flood) for _ in range(4)]
        refused = queue.pop()
        assert refused
        assert (end := await refused) is not None
        assert (end.status, end.reason) == (429, "line_full")
        one = await ask(worker, quiet)
        assert one
        assert not one.done()
        newest = queue.pop()
        assert newest
        assert (pushed := await newest) is not None
        assert (pushed.status, pushed.reason) == (429, "pushed_out")
        await ends(one, *filter(None, queue))
        assert worker.waiting == 0

    stepped(steps())


def test_who_waits_too_long_is_told_whose_fault_it_is() -> None:
    """429 for an org that has its share under way; 503 for one that has nothing, and for callers who are not known."""

    async def steps() -> None:
        worker = doors(at_once=2, share=2, patience=0.0)
        flood, quiet = orgs(worker, 2)
        assert [await ask(worker, flood) for _ in range(2)] == [None] * 2
        ends = [await worker.wait(share) for share in (flood, quiet, worker.share_of(99))]
        assert [(end.status, end.reason) for end in ends if end] == [
            (429, "too_late"),
            (503, "too_late"),
            (503, "too_late"),
        ]
        assert (worker.working, worker.waiting) == (2, 0)
        full = doors(at_once=1, share=1, patience=0.0)
        assert await ask(full, full.share_of(99)) is None
        assert (unknown := await full.wait(full.share_of(99))) is not None
        assert unknown.status == 503

    stepped(steps())


def test_a_request_that_ends_while_it_waits_takes_no_place_with_it() -> None:
    """Neither in line nor when its turn has come in the same moment."""

    async def steps() -> None:
        worker = doors(at_once=1, share=1)
        (alone,) = orgs(worker, 1)
        assert await ask(worker, alone) is None
        gone, called, last = [await ask(worker, alone) for _ in range(3)]
        assert gone
        assert called
        assert last
        await ends(gone)
        worker.leave(alone)  # the turn of `called`, which has not seen it yet
        await ends(called)
        assert await last is None
        assert (worker.working, worker.waiting) == (1, 0)

    stepped(steps())


def test_a_token_that_is_no_longer_good_has_no_share_of_its_org() -> None:
    """Else whoever was sent away could still take places from the org."""
    worker = doors()
    known = worker.learn(1, "org")
    assert worker.share_of(1) is known
    assert worker.shown(known)
    worker.forget(1)
    assert worker.shown(worker.share_of(1)) == []


def test_the_headers_count_down_what_would_be_begun_at_once() -> None:
    """RateLimit says how many more; the policy says of how many, and of what."""
    worker = doors(at_once=2)
    (alone,) = orgs(worker, 1)
    shown = []
    for _ in range(3):
        shown.append(dict(worker.shown(alone)))
        worker.enter(alone)
    assert [headers[b"ratelimit"] for headers in shown] == [b'"org";r=2', b'"org";r=1', b'"org";r=0']
    assert {headers[b"ratelimit-policy"] for headers in shown} == {b'"org";q=2;qu="concurrent-requests"'}


@given(st.lists(st.tuples(st.sampled_from("askleavegone"), st.integers(0, 3)), max_size=120), st.integers(1, 4))
def test_whatever_comes_the_counts_are_true_and_no_place_stays_free(moves: list[tuple[str, int]], share: int) -> None:
    """Asked, left and given up in any order: never more than the bound, and nobody waits beside a free place."""

    async def steps() -> None:
        worker = doors(at_once=4, share=share, line=6)
        shares = [*orgs(worker, 3), worker.share_of(0)]
        requests: list[tuple[Share, Waiting]] = []
        working: list[Share] = []
        for move, which in moves:
            if move in "ask":
                waiting = await ask(worker, shares[which])
                working += [shares[which]] if waiting is None else []
                requests += [(shares[which], waiting)] if waiting is not None else []
            elif move in "leave" and working:
                worker.leave(working.pop(which % len(working)))
            elif requests:
                await ends(requests.pop(which % len(requests))[1])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            working += [s for s, w in requests if w.done() and w.result() is None]
            requests = [(s, w) for s, w in requests if not w.done()]
            assert worker.working == len(working) == sum(s.working for s in shares) <= 4
            assert worker.waiting == len(requests) == sum(len(s.line) for s in shares) <= 6
            free = worker.working < 4
            assert not free or all(s.working >= share for s, _ in requests)
        await ends(*(w for _, w in requests))

    stepped(steps())


@pytest.mark.parametrize("number", [3, 30_000])
def test_what_is_remembered_of_tokens_and_orgs_is_bounded(number: int) -> None:
    """Neither a million tokens nor a million orgs may fill a worker's memory."""
    worker = doors()
    for key in range(number):
        worker.learn(key, f"org {key}")
    assert len(worker._known) == min(number, 10_000)
    assert len(worker._shares) <= 20_000
