"""How names, numbers and dates are compared: folding, search words of a record, and the words of a question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
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


def phone_words(digits: Iterable[str | None]) -> set[str]:
    """What a telephone number is found by: all digits, the number from the area code, and its last four."""
    found: set[str] = set()
    for number in digits:
        if number:
            found |= {number, number[-4:]}
            if len(number) == 11 and number.startswith("1"):
                found.add(number[1:])
    return found


def birth_word(born: date) -> str:
    """A birth date as a search word; its sign keeps it out of every prefix search."""
    return "@" + born.isoformat()


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question: matches records with a search word that starts so, or that equals the date."""

    start: str
    born: str | None

    @property
    def end(self) -> str:
        """The least text after all that begin with `start`, in code-point order."""
        return self.start + "\U0010ffff"


def question(text: str) -> list[Word]:
    """The words somebody typed; digit groups of one telephone number count as one word."""
    joined = _GROUPED_DIGITS.sub(lambda m: re.sub(r"\D", "", m.group()), text)
    return list(dict.fromkeys(_words(joined)))


def _words(text: str) -> Iterator[Word]:
    for raw in text.split():
        start = squeeze(raw)
        born = _birth(raw)
        if start or born:
            yield Word(start, born)


def _birth(raw: str) -> str | None:
    for pattern, order in ((_ISO, (1, 2, 3)), (_US, (3, 1, 2))):
        if found := pattern.fullmatch(raw):
            year, month, day = (int(found.group(i)) for i in order)
            try:
                return birth_word(date(year, month, day))
            except ValueError:
                return None
    return None
