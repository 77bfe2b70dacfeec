"""Finds fields that stand more than once in an object of a body: readers of JSON keep one of them, each its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chairside.errors import CODES, Problem

MOST_NAMED = 100
_REPEATED = object()
_NESTED = (dict, list)
Place = tuple[str | int, ...]


def repeated_fields(raw: bytes | str, read: object) -> list[Problem]:
    """A problem for each such field; `raw` is JSON, of which `read` was read already.

    Each field has its colon. Where there are no more colons than fields were kept, as mostly, none stands twice.
    """
    if (raw.count(b":") if isinstance(raw, bytes) else raw.count(":")) == _fields_in(read):
        return []
    found = False

    def pairs(given: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        made: dict[str, Any] = dict(given)
        if len(made) < len(given):
            found = True
            once: set[str] = set()
            for key, _ in given:
                if key in once:
                    made[key] = _REPEATED
                once.add(key)
        return made

    # Numbers stay text: nobody looks at them here, and Python refuses to read very long ones.
    again = json.loads(raw, object_pairs_hook=pairs, parse_int=str, parse_float=str)
    if not found:
        return []
    named = [Problem(("body", *at), CODES["repeated_field"], "repeated_field") for at in _places(again)]
    return named[:MOST_NAMED]


def _fields_in(read: object) -> int:
    """Not by recursion, for what was sent may be as deep as what reads it goes."""
    number, left = 0, [read]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            number += len(one)
            left += [value for value in one.values() if type(value) in _NESTED]
        elif isinstance(one, list):
            left += [value for value in one if type(value) in _NESTED]
    return number


def _places(read: object, *at: str | int) -> Iterator[Place]:
    if read is _REPEATED:
        yield at
    elif isinstance(read, dict):
        for key, value in read.items():
            yield from _places(value, *at, key[:64].encode("utf-8", "replace").decode())
    elif isinstance(read, list):
        for index, value in enumerate(read):
            yield from _places(value, *at, index)
