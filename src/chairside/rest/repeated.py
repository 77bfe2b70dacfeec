"""Finds fields that stand more than once in an object of a body: readers of JSON keep one of them, each its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chairside.errors import CODES, Problem

MOST_NAMED = 100
_REPEATED = object()
Place = tuple[str | int, ...]


def repeated_fields(raw: bytes | str) -> list[Problem]:
    """A problem for each such field; `raw` is JSON that was read already."""
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
    read = json.loads(raw, object_pairs_hook=pairs, parse_int=str, parse_float=str)
    if not found:
        return []
    named = [Problem(("body", *at), CODES["repeated_field"], "repeated_field") for at in _places(read)]
    return named[:MOST_NAMED]


def _places(read: object, *at: str | int) -> Iterator[Place]:
    if read is _REPEATED:
        yield at
    elif isinstance(read, dict):
        for key, value in read.items():
            yield from _places(value, *at, key[:64].encode("utf-8", "replace").decode())
    elif isinstance(read, list):
        for index, value in enumerate(read):
            yield from _places(value, *at, index)
