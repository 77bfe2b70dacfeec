"""Compares personal names: suffixes, double surnames, exchanged names, initials, preferred names."""

from __future__ import annotations

import re
from typing import Literal, get_args

from chairside.changes import Record
from chairside.knowledge.given_names import nicknames_of
from chairside.knowledge.placeholders import is_placeholder_first_name
from chairside.words import squeeze

HowNamed = Literal["last_name", "suffix", "part_of_last_name", "exchanged_names"]
# From the closest to the farthest.
FirstNameMatch = Literal["same", "nickname", "unclear", "different"]
FIRST_NAME_MATCHES: tuple[FirstNameMatch, ...] = get_args(FirstNameMatch)
# Each suffix with the form that it is compared in.
SUFFIXES = {
    "jr": "jr", "jnr": "jr", "junior": "jr", "sr": "sr", "snr": "sr", "senior": "sr",
    "ii": "ii", "2nd": "ii", "iii": "iii", "3rd": "iii", "iv": "iv", "4th": "iv",
}  # fmt: skip
# Words that belong to the surname after them, so that no half of a surname ends with one.
PARTICLES = frozenset({
    "abu", "af", "al", "av", "bin", "binti", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du",
    "el", "ibn", "la", "las", "le", "les", "los", "mac", "mc", "san", "santa", "st", "ten", "ter", "van", "vom", "von",
    "zu", "zum", "zur",
})  # fmt: skip
# Words between the two halves of a surname, as in Ortega y Gasset.
CONNECTORS = frozenset({"e", "i", "y"})
_BETWEEN = re.compile(r"[\s,;/\-\u2010-\u2015]+")


def _words(name: str) -> list[str]:
    return [word for word in map(squeeze, _BETWEEN.split(name)) if word]


def split_suffix(name: str) -> tuple[list[str], str | None]:
    """The words of a name, squeezed, without a suffix at its end, and the suffix."""
    words = _words(name)
    if len(words) > 1 and words[-1] in SUFFIXES:
        return words[:-1], SUFFIXES[words[-1]]
    return words, None


def last_and_first(typed: str) -> tuple[str, str | None]:
    """Splits `Last, First` as people write names in lists; a suffix stays with the last name.

    The first name is None where no word but a suffix stands behind a comma, or none before it.
    """
    last, *others = (part.strip() for part in typed.split(","))
    suffixes = [part for part in others if squeeze(part) in SUFFIXES]
    first = " ".join(part for part in others if part and part not in suffixes)
    return (" ".join([last, *suffixes]), first) if squeeze(last) and squeeze(first) else (typed, None)


def bare(name: str, key: str | None = None) -> str:
    """A name squeezed without its suffix; `key` is the name squeezed where that is known, and is it for one word."""
    return key if key is not None and name.isalnum() else "".join(split_suffix(name)[0])


def halves(name: str) -> tuple[str, ...]:
    """The surnames that a double surname is made of, squeezed; none for a single one."""
    parts: list[str] = []
    held = ""
    for word in split_suffix(name)[0]:
        if word in CONNECTORS:
            continue
        held += word
        if word not in PARTICLES:
            parts.append(held)
            held = ""
    return tuple(parts) if len(parts) > 1 else ()


def surname_match(one: str, other: str) -> HowNamed | None:
    """How two last names match, if they do: as they are, but for a suffix, or one as a half of the other."""
    if squeeze(one) == squeeze(other):
        return "last_name"
    (words, _), (others, _) = split_suffix(one), split_suffix(other)
    first, second = "".join(words), "".join(others)
    if first == second:
        return "suffix"
    if first in halves(other) or second in halves(one):
        return "part_of_last_name"
    return None


def exchanged(one: Record, other: Record) -> bool:
    """True where the first name of each is the last name of the other."""
    first, last = bare_names(one)
    return (last, first) == bare_names(other) and first != last


def exchanged_by_nickname(one: Record, other: Record) -> bool:
    """True where first and last name are exchanged and the first names are nicknames of each other."""
    (first, last), (other_first, other_last) = bare_names(one), bare_names(other)
    return (last == other_first and other_last in nicknames_of(one["first_name"])) or (
        first == other_last and other_first in nicknames_of(one["last_name"])
    )


def bare_names(person: Record) -> tuple[str, str]:
    """First and last name squeezed, without suffixes."""
    first, last = person["first_name"], person["last_name"]
    return bare(first, person.get("first_name_key")), bare(last, person.get("last_name_key"))


def suffixes_differ(one: Record, other: Record) -> bool:
    """True where one of two people is a Jr. and the other is not, or is a Sr."""
    return _suffix(one) != _suffix(other)


def _suffix(person: Record) -> str | None:
    return split_suffix(person["last_name"])[1] or split_suffix(person["first_name"])[1]


def first_names_agree(one: Record, other: Record) -> bool | None:
    """True where two first names are of one person, False where they are not, None where they do not tell.

    The preferred name counts as a first name, a middle name may stand with the first. An initial or the first of
    several names tells nothing, nor does a word that stands for a missing name.
    """
    words, others = split_suffix(one["first_name"])[0], split_suffix(other["first_name"])[0]
    first, second = "".join(words), "".join(others)
    if is_placeholder_first_name(first) or is_placeholder_first_name(second):
        return None
    if _called(one, first) & _called(other, second) or exchanged(one, other):
        return True
    if _initial(first, second) or _initial(second, first):
        return None
    if words == others[: len(words)] or others == words[: len(others)]:
        return None
    return False


def first_name_match(one: Record, other: Record) -> FirstNameMatch:
    """Tells how close two first names are; a nickname shows a likely duplicate and proves nothing."""
    agree = first_names_agree(one, other)
    if agree is not False:
        return "same" if agree else "unclear"
    called = _called(other, squeeze(other["first_name"]))
    close = nicknames_of(one["first_name"]) & called or exchanged_by_nickname(one, other)
    return "nickname" if close else "different"


def _called(person: Record, first: str) -> set[str]:
    """The names a person may be called; first and middle name together count as one first name."""
    names = {first}
    if preferred := person.get("preferred_name"):
        names.add(squeeze(preferred))
    if middle := person.get("middle_name"):
        names.add(first + squeeze(middle))
    names.discard("")
    return names


def _initial(short: str, name: str) -> bool:
    """A single letter that the other name begins with; a single character of other scripts is a whole name."""
    return len(short) == 1 and short.isascii() and name.startswith(short)
