"""How names, numbers and dates are compared: folding, search words of a record, and the words of a question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)
# A birth date beside digits is not part of their telephone number.
_GROUP = r"(?!\d{4}-\d{1,2}-\d{1,2}(?!\S))[\d(][\d().\-]*"
_GROUPED_DIGITS = re.compile(rf"(?<!\S)\+?{_GROUP}(?:\s+{_GROUP})+(?!\S)")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
LONGEST = 64


def fold(text: str) -> str:
    """Lower case without accents; for comparing and sorting, never for showing."""
    plain = text.casefold()
    if plain.isascii():
        return plain
    apart = unicodedata.normalize("NFKD", plain)
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(_LETTERS)


def squeeze(text: str) -> str:
    """The letters and digits of a text alone, folded: `O'Brien-Łoś` becomes `obrienlos`."""
    plain = fold(text)
    if not plain.isalnum():
        plain = "".join(filter(str.isalnum, plain))
    return plain[:LONGEST]


def name_words(*names: str | None) -> set[str]:
    """What a name is found by: each of its parts, and each blank-separated word as one."""
    found: set[str] = set()
    for name in names:
        for word in (name or "").split():
            found.add(squeeze(word))
            if not word.isalnum():
                found.update(squeeze(part) for part in re.split(r"[^\w]+", word))
    found.discard("")
    return found


def longest(words: Iterable[str]) -> list[str]:
    """Those that none of the others begins with, in order; whoever is found by one left out is found by the longer."""
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


def phone_words(e164: str | None, from_area_code: str, digits: str) -> set[str]:
    """What a telephone number is found by: its international form, its last four digits, and what tells more.

    One of country code 1 is found from its area code, and in full, by the international form alone; its sign keeps
    that out of every other search. Of other countries the number from the area code is a word, and any number as it
    was typed, where that is neither.
    """
    whole = (e164 or "").lstrip("+")
    found = {e164 or "", whole[-4:], digits[-4:]}
    if not whole.startswith("1"):
        found.add(from_area_code)
    if digits not in (whole, from_area_code):
        found.add(digits)
    found.discard("")
    return found


def birth_word(born: date) -> str:
    """A birth date as a search word; its sign keeps it out of every prefix search."""
    return "@" + born.isoformat()


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question: its letters and digits, all of it as addresses are compared, and the date it may be.

    It matches records with a search word or an e-mail address that begins so, with such a telephone number, or with
    this birth date.
    """

    start: str
    whole: str
    born: date | None

    @property
    def numbers(self) -> tuple[str, ...]:
        """How international telephone numbers may begin that begin so: with the country code, or after code 1."""
        return (f"+{self.start}", f"+1{self.start}") if self.start.isascii() and self.start.isdecimal() else ()


def after(start: str) -> str:
    """The least text after all that begin so, in code-point order."""
    return start + "\U0010ffff"


def question(text: str) -> list[Word]:
    """The words somebody typed; digit groups of one telephone number count as one word."""
    joined = _GROUPED_DIGITS.sub(lambda m: re.sub(r"\D", "", m.group()), text)
    return list(dict.fromkeys(_words(joined)))


def _words(text: str) -> Iterator[Word]:
    for raw in text.split():
        start = squeeze(raw)
        born = _birth(raw)
        if start or born:
            yield Word(start, fold(raw), born)


def _birth(raw: str) -> date | None:
    for pattern, order in ((_ISO, (1, 2, 3)), (_US, (3, 1, 2))):
        if found := pattern.fullmatch(raw):
            year, month, day = (int(found.group(i)) for i in order)
            try:
                return date(year, month, day)
            except ValueError:
                return None
    return None
