"""From the database's complaint about a constraint to the refusal it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import asyncpg

from chairside.errors import CODES, Problem, Refused
from chairside.resource import Kind, Unique

# A distributed engine appends the number of the shard to a constraint's name.
_SHARD = re.compile(r"_\d{5,}$")


def by_name(kinds: Iterable[Kind]) -> dict[str, Unique]:
    return {u.constraint: u for k in kinds for u in k.unique}


def refusal(
    error: asyncpg.IntegrityConstraintViolationError,
    known: Mapping[str, Unique],
    elsewhere: tuple[str, str] | None = None,
) -> Refused | None:
    """The refusal a violated constraint was declared to stand for, or None for one that nobody declared.

    Its place is the field of the body, or `elsewhere` for a request whose body does not hold it.
    """
    unique = known.get(_SHARD.sub("", error.constraint_name or ""))
    if unique is None:
        return None
    return Refused([Problem(elsewhere or ("body", unique.key), CODES[unique.code], unique.code)])
