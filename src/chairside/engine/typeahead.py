"""Typeahead: the best few people for what was typed so far, and after them those whom nicknames lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from chairside.changes import Record
from chairside.days import last_day
from chairside.questions import Word, question
from chairside.store import typeahead as store
from chairside.words import after, longest

if TYPE_CHECKING:
    from chairside.engine.desk import Desk

# The names that somebody of a first name may also go by.
Alike = Callable[[str], frozenset[str]]


async def typeahead(desk: Desk, typed: str, limit: int, alike: Alike) -> tuple[list[Record], int]:
    """The best `limit` people, and how many match, counted up to 1,000; `by_nickname` marks who matches by nickname."""
    words = question(typed, desk.region, last_day(desk.now))
    if not words:
        return [], 0
    rows = await _exact(desk, words, limit)
    found: list[Record] = [dict(row) | {"by_nickname": False} for row in rows]
    total = rows[0]["total"] if rows else 0
    if len(found) < limit:
        more = await _by_nickname(desk, words, limit, alike, [row["id"] for row in found])
        found, total = found + more, total + len(more)
    return found, total


async def _exact(desk: Desk, words: Sequence[Word], limit: int) -> list[Record]:
    starts = [w.start for w in words]
    told = longest(starts)
    implied = sorted(set(starts).difference(told))
    numbers: tuple[str, ...] = words[0].numbers if len(words) == 1 and words[0].tail else ()
    extra = _spans([words[0].tail, *numbers]) if numbers else []
    statement = store.statement(len(told), limit, len(implied), len(numbers))
    return await desk.fetch(statement, "".join(starts), *_spans(told), *extra, *implied)


async def _by_nickname(
    desk: Desk, words: Sequence[Word], limit: int, alike: Alike, found: Sequence[str]
) -> list[Record]:
    """Those who have another name of somebody called so, as a whole word, in place of one typed word."""
    more: list[Record] = []
    for place, word in enumerate(words):
        names, others = alike(word.start), longest(w.start for n, w in enumerate(words) if n != place)
        if names and len(found) + len(more) < limit:
            known = [*found, *(row["id"] for row in more)]
            statement = store.nickname_statement(len(others), limit - len(known))
            rows = await desk.fetch(statement, sorted(names), known, *_spans(others))
            more += [dict(row) | {"by_nickname": True} for row in rows]
    return more


def _spans(starts: Iterable[str]) -> list[str]:
    """Start and end of what begins with each."""
    return [bound for start in starts for bound in (start, after(start))]
