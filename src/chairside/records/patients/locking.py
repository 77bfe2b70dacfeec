"""Locks the values by which patients match, so that two who add one person at once see each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zlib import crc32

from chairside.changes import Desk, Record
from chairside.records.patients.names import bare, halves
from chairside.records.patients.signals import Signals


async def lock_signals(desk: Desk, people: Iterable[tuple[Record, Signals]], charts: Iterable[str] = ()) -> None:
    """Waits for the open transactions that add patients with one of these signals, and keeps later ones waiting.

    All locks are taken by one statement in one order and before any other lock, so that nobody waits in a circle. The
    next statement sees what the transactions waited for have committed.
    """
    keys = {_key(name, value) for person, signals in people for name, value in _values(desk, person, signals)}
    keys.update(_key("chart", chart.encode()) for chart in charts)
    if keys:
        ordered = sorted(keys)
        await desk.ask("matching.lock", ordered)
        await desk.ask("matching.release", ordered)


def _values(desk: Desk, person: Record, signals: Signals) -> Iterator[tuple[str, bytes]]:
    """Every value that the finder looks for, in a form that is equal wherever it finds."""
    if signals.email:
        yield "email", signals.email.encode()
    for number in signals.phones:
        yield "phone", number.encode()
    if signals.ssn:
        for index in desk.blind(signals.ssn):
            yield "ssn", index
    if born := person["date_of_birth"]:
        for surname in _surnames(person):
            yield "name", f"{born} {surname}".encode()


def _surnames(person: Record) -> tuple[str, ...]:
    """The last name without its suffix, and its halves."""
    last = person["last_name"]
    whole = bare(last, person["last_name_key"])
    return (whole,) if last.isalnum() else (whole, *halves(last))


def _key(signal: str, value: bytes) -> int:
    """A number for a value; two values with one number only wait for each other without need."""
    return crc32(value, crc32(signal.encode()))
