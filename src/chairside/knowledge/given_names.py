"""English first names and their short forms, from the data of the package nicknames (Apache-2.0)."""

from __future__ import annotations

from functools import lru_cache

from nicknames import NickNamer


def nicknames_of(first_name: str) -> frozenset[str]:
    """Returns the names that the same person may go by: short forms of the name, and names it is a short form of.

    In lower case, letters only; empty for names the data does not know. Of several words the first counts.
    """
    words = first_name.casefold().split()
    return _namesakes().get(_letters(words[0]), frozenset()) if words else frozenset()


@lru_cache(maxsize=1)
def _namesakes() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, short_forms in NickNamer().nickname_lookup.items():
        for short in map(_letters, short_forms):
            found.setdefault(_letters(name), set()).add(short)
            found.setdefault(short, set()).add(_letters(name))
    return {name: frozenset(others - {name}) for name, others in found.items()}


def _letters(name: str) -> str:
    return name if name.isalpha() else "".join(filter(str.isalpha, name))
