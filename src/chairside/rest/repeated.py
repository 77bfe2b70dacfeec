"""Bounds the shape of a JSON body, and finds fields that stand more than once in an object; readers keep one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from chairside.errors import CODES, Problem, refuse

MOST_NAMED = 100
# Levels of a body: an import nests five. What reads bodies gives up at about a thousand.
MOST_LEVELS = 32
# Entries of all lists of a body: an import has 5,000 rows. Millions of numbers would keep the processor for seconds.
MOST_ENTRIES = 200_000
_REPEATED = object()
_NESTED = (dict, list)
Place = tuple[str | int, ...]


def repeated_fields(raw: bytes | str, fields: int) -> list[Problem]:
    """Returns a problem for each such field, up to 100; `raw` is JSON, of which a reader has kept so many fields.

    Each field has its colon. Where there are no more colons than fields were kept, as mostly, none stands twice.
    """
    if (raw.count(b":") if isinstance(raw, bytes) else raw.count(":")) == fields:
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
    places = islice(_places(again), MOST_NAMED)
    return [Problem(("body", *at), CODES["repeated_field"], "repeated_field") for at in places]


def fields_in(read: object) -> int:
    """Returns the number of fields of all objects; refuses what is nested too deep or has too many entries.

    Level by level and not by recursion, because what was sent may be as deep as what reads it goes.
    """
    fields = entries = levels = 0
    level = [read] if type(read) in _NESTED else []
    while level:
        levels += 1
        if levels > MOST_LEVELS:
            raise refuse("too_deep", "body", msg=f"must not be nested more than {MOST_LEVELS} levels deep")
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                fields += len(one)
                below += [value for value in one.values() if type(value) in _NESTED]
            elif isinstance(one, list):
                entries += len(one)
                below += [value for value in one if type(value) in _NESTED]
        if entries > MOST_ENTRIES:
            raise refuse("too_long", "body", msg=f"must not have more than {MOST_ENTRIES} entries in its lists")
        level = below
    return fields


def _places(read: object, *at: str | int) -> Iterator[Place]:
    if read is _REPEATED:
        yield at
    elif isinstance(read, dict):
        for key, value in read.items():
            yield from _places(value, *at, key[:64].encode("utf-8", "replace").decode())
    elif isinstance(read, list):
        for index, value in enumerate(read):
            yield from _places(value, *at, index)
