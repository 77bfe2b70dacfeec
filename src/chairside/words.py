"""How names, numbers and dates are compared: folding, and the search words of a record."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from chairside.characters import APOSTROPHES, INVISIBLE

# Letters that Unicode does not take apart into a base letter and a mark; letters of the Arabic script that keyboards of
# different countries write differently; and the tatweel, which only stretches a word.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
    | {"ک": "ك", "ی": "ي", "ى": "ي", "ـ": ""}
)
# Scripts whose accents people leave out when they type: Latin, Greek, Cyrillic.
_ACCENTED = (
    (0x0000, 0x02AF), (0x0370, 0x052F), (0x1C80, 0x1C8F), (0x1D00, 0x1DBF), (0x1E00, 0x1FFF), (0x2C60, 0x2C7F),
    (0x2DE0, 0x2DFF), (0xA640, 0xA69F), (0xA720, 0xA7FF), (0xAB30, 0xAB6F),
)  # fmt: skip
# Points that Hebrew and Arabic do without in everyday writing.
_POINTS = re.compile("[\u0591-\u05c7\u0610-\u061a\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06ed\u08d3-\u08ff]")
_HAMZA_ON_ALEF = re.compile("(?<=ا)[\u0653-\u0655]+")
_SYLLABLE = re.compile("[가-힣]")
LONGEST = 64


def fold(text: str) -> str:
    """Returns the text in lower case, with one apostrophe and ASCII digits, without accents and invisible characters.

    For comparing and sorting, never for showing. Marks are part of the letter but in Latin, Greek and Cyrillic.
    """
    if text.isascii():
        return text.casefold()
    apart = unicodedata.normalize("NFKD", text.translate(APOSTROPHES)).casefold()
    if apart.isascii():
        return apart
    kept = "".join(_without_accents(INVISIBLE.sub("", apart))).translate(_LETTERS)
    if kept.isascii():
        return kept
    kept = _HAMZA_ON_ALEF.sub("", _POINTS.sub("", kept))
    whole = unicodedata.normalize("NFC", kept)
    # A syllable of Hangul stays apart, so that it begins with what has been typed of it.
    return _SYLLABLE.sub(lambda found: unicodedata.normalize("NFD", found.group()), whole)


def _without_accents(text: str) -> Iterator[str]:
    accented = False
    for c in text:
        if _is_mark(c):
            if not accented:
                yield c
            continue
        accented = any(first <= ord(c) <= last for first, last in _ACCENTED)
        yield str(unicodedata.decimal(c)) if c.isdecimal() else c


def _is_mark(c: str) -> bool:
    return unicodedata.category(c)[0] == "M"


def squeeze(text: str) -> str:
    """Returns the letters and digits of a text alone, folded: `O'Brien-Łoś` becomes `obrienlos`."""
    return _letters(fold(text))[:LONGEST]


def _letters(folded: str) -> str:
    if folded.isalnum():
        return folded
    if folded.isascii():
        return "".join(filter(str.isalnum, folded))
    return "".join(c for c in folded if c.isalnum() or _is_mark(c))


def name_words(*names: str | None) -> set[str]:
    """Returns what a name is found by: each of its parts, and each blank-separated word as one."""
    found: set[str] = set()
    for name in filter(None, names):
        for word in fold(name).split():
            if word.isalnum():
                found.add(word[:LONGEST])
            else:
                parts = "".join(c if c.isalnum() or _is_mark(c) else " " for c in word).split()
                found.update(part[:LONGEST] for part in ("".join(parts), *parts))
    found.discard("")
    return found


def longest(words: Iterable[str]) -> list[str]:
    """Those that none of the others begins with, in order; a record with a longer word has all words it begins with."""
    ordered = sorted(set(words))
    return [w for place, w in enumerate(ordered, 1) if place == len(ordered) or not ordered[place].startswith(w)]


def in_pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """Each word first in at least one pair, and any two of them together in one: in a ring, with the next half of it.

    One word alone stands beside nothing.
    """
    count = len(words)
    if count == 1:
        return [(words[0], "")]
    half = count // 2
    return [
        (words[place], words[(place + step) % count])
        for step in range(1, half + 1)
        for place in range(step if 2 * step == count > 2 else count)  # across the ring once
    ]


def birth_word(born: date) -> str:
    """A birth date as a search word; its sign keeps it out of every prefix search."""
    return "@" + born.isoformat()


def tail_word(digits: str) -> str:
    """A telephone number as a search word that begins with its last digits; its sign keeps it out of other searches."""
    return "#" + digits[::-1]


def after(start: str) -> str:
    """The least text after all that begin so, in code-point order."""
    return start + "\U0010ffff"
