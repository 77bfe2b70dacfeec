"""Finds the drugs and drug classes that a code or a piece of text speaks of.

Only whole words count, never parts of one ("penicillamine" is not a penicillin), and no distance between
spellings is computed: the misspellings that charts hold are listed beside the right word in the data.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from types import MappingProxyType

import msgspec

from chairside.knowledge.data_files import csv_rows, split_list, toml_table

_DENIALS = frozenset(
    (
        *("no", "not", "non", "never", "without", "sans", "negative"),
        *("deny", "denies", "denied", "tolerates", "tolerated"),
    )
)
_RESETS = frozenset(("but", "except", "however", "besides", "only"))

# "Lidocaine 2%, no epi": within a medication a denial reaches the next words, not to the end of the line,
# because "do not crush" must never silence the drug that follows.
_REACH_IN_A_MEDICATION = 2

_MARKS = str.maketrans(dict.fromkeys("™®©℠", " "))
# "1:100,000", "1/100k", and "1:100" as it is said at the chair; "1/100" alone is not, for a dose may be written so.
_VASOCONSTRICTOR_RATIO = re.compile(r"\b1\s*(?:[:/]\s*\d{2,3}(?:[ ,.]?000|\s?k)|:\s*(?:20|50|100|200))\b")
# "Local anesthetics (amide type)" is one name, not a class and a remark.
_KIND_IN_BRACKETS = re.compile(r"[(\[,]\s*(amide|ester)s?\b")
_NUMBERED = re.compile(r"(?:#|\bno\.)\s*(?=\d)")
_INITIALS = re.compile(r"\b(?:[a-z]\.){2,}[a-z]?\b")
_CLAUSE = re.compile(r"[;.,()\[\]{}|\r\n]+")
_WORD = re.compile(r"[^\W\d_]+|\d+")


class Drug(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ingredient, or a class of drugs; `groups` are the groups of reactions.toml it belongs to."""

    label: str
    groups: frozenset[str]
    is_ingredient: bool
    article: str = ""

    @property
    def with_article(self) -> str:
        return f"{self.article or _article(self.label)} {self.label}"


def drugs_named_in(text: str, *, in_an_allergy: bool) -> frozenset[Drug]:
    """The drugs that free text names; what it denies ("no known penicillin allergy") is left out."""
    reach = len(text) if in_an_allergy else _REACH_IN_A_MEDICATION
    found = (drug for clause in _clauses(text) for drug in _asserted(clause, reach))
    return frozenset(found)


def drug_with_code(rx_cui: str | None) -> frozenset[Drug]:
    """The drug with this RxNorm code, if the code is one of an ingredient of the table."""
    return frozenset(_by_code().get((rx_cui or "").strip(), ()))


def ingredient(label: str) -> Drug:
    """The ingredient of this name in the table; KeyError if there is none."""
    return _ingredients()[label]


def plain_words(text: str) -> tuple[str, ...]:
    """The words of a text without its numbers, units of dose and punctuation, for comparing two names."""
    words = (word for clause in _clauses(text) for word in clause)
    return tuple(word for word in words if not word.isdigit() and word not in _DOSE_WORDS)


def _asserted(words: tuple[str, ...], reach: int) -> Iterator[Drug]:
    position, denied_until = 0, 0
    while position < len(words):
        length, drugs = _longest_match(words, position)
        if not drugs:
            word = words[position]
            if word in _DENIALS:
                denied_until = position + 1 + reach
            elif word in _RESETS:
                denied_until = position
        elif position >= denied_until and words[position + length : position + length + 1] != ("free",):
            yield from drugs
        position += length


def _longest_match(words: tuple[str, ...], start: int) -> tuple[int, tuple[Drug, ...]]:
    phrases, longest = _phrases()
    for length in range(min(longest, len(words) - start), 0, -1):
        phrase = words[start : start + length]
        singular = (*phrase[:-1], phrase[-1].removesuffix("s"))
        drugs = phrases.get(phrase) or phrases.get(singular)
        if drugs:
            return length, drugs
    return 1, ()


def _clauses(text: str) -> Iterator[tuple[str, ...]]:
    for clause in _CLAUSE.split(_folded(text)):
        words = tuple(_WORD.findall(clause))
        if words:
            yield words


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_MARKS)).casefold()
    kept = "".join(char for char in decomposed if unicodedata.category(char) not in {"Mn", "Cf"})
    kept = kept.replace("w/o", " without ").replace("w/", " w ")
    kept = _VASOCONSTRICTOR_RATIO.sub(" vasoconstrictor ", kept)
    kept = _KIND_IN_BRACKETS.sub(r" \1 ", kept)
    kept = _NUMBERED.sub(" no ", kept)
    return _INITIALS.sub(lambda initials: initials.group().replace(".", "") + " ", kept)


@cache
def _phrases() -> tuple[MappingProxyType[tuple[str, ...], tuple[Drug, ...]], int]:
    table: dict[tuple[str, ...], tuple[Drug, ...]] = {}
    for spellings, drugs in _spellings():
        for spelling in spellings:
            table[tuple(_WORD.findall(spelling))] = drugs
    return MappingProxyType(table), max(len(phrase) for phrase in table)


def _spellings() -> Iterator[tuple[Iterable[str], tuple[Drug, ...]]]:
    for row in csv_rows("data/ingredients.csv"):
        yield split_list(row["words"]), (ingredient(row["name"]),)
    for row in csv_rows("data/combinations.csv"):
        yield split_list(row["words"]), tuple(ingredient(name) for name in split_list(row["ingredients"]))
    for drug_class in toml_table("data/drug_classes.toml", _ClassFile).drug_class:
        yield drug_class.words, (drug_class.as_drug(),)


@cache
def _ingredients() -> MappingProxyType[str, Drug]:
    rows = csv_rows("data/ingredients.csv")
    return MappingProxyType(
        {
            row["name"]: Drug(
                label=row["name"],
                groups=frozenset((row["name"], *split_list(row["groups"]))),
                is_ingredient=True,
            )
            for row in rows
        }
    )


@cache
def _by_code() -> MappingProxyType[str, tuple[Drug, ...]]:
    rows = csv_rows("data/ingredients.csv")
    return MappingProxyType({row["rx_cui"]: (ingredient(row["name"]),) for row in rows if row["rx_cui"]})


class _Class(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: str
    groups: tuple[str, ...]
    words: tuple[str, ...]
    article: str = ""

    def as_drug(self) -> Drug:
        return Drug(self.label, frozenset(self.groups), is_ingredient=False, article=self.article)


class _ClassFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    drug_class: tuple[_Class, ...]


def _article(label: str) -> str:
    return "an" if label[0].lower() in "aeiou" else "a"


_DOSE_WORDS = frozenset(
    (
        *("mg", "mcg", "g", "ml", "l", "iu", "unit", "units", "meq", "x"),
        *("tab", "tabs", "tablet", "tablets", "cap", "caps", "capsule", "capsules", "cream", "gel"),
        *("po", "iv", "im", "sl", "oral", "bid", "tid", "qid", "qd", "daily", "prn", "hs"),
        *("suspension", "solution", "injection"),
    )
)
