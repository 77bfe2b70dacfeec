"""The words of what somebody typed to find a person, each with the dates and telephone numbers that it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import phonenumbers

from chairside.characters import APOSTROPHES
from chairside.telephones import EXTENSION, ascii_digits, telephones
from chairside.words import fold, squeeze, tail_word

# From CLDR: regions that write the month first, and those that write the year first also in two digits. Canada writes
# both, so there a date is read both ways.
_MONTH_FIRST = frozenset(["US", "PH", "PR", "GU", "AS", "VI", "MP", "UM", "FM", "MH", "PW"])
_YEAR_FIRST = frozenset(["CN", "JP", "KR", "KP", "TW", "HK", "MO", "HU", "LT", "MN", "SE", "BT", "IR", "ZA"])
_EITHER = frozenset(["CA"])
_MARK = r"[-/.]"
_DATE = rf"(?:\d{{4}}{_MARK}\d{{1,2}}{_MARK}\d{{1,2}}|\d{{1,2}}{_MARK}\d{{1,2}}{_MARK}\d{{4}})"
_GROUP = r"[\d(][\d().\-/]*"
_BREAK = r"[\s,;|/\\،؛、]"
_TOKEN = re.compile(
    rf"(?<!\S)(?P<date>{_DATE})(?=[\s,;|]|$)"
    rf"|(?<![^\s,;|])(?P<run>(?:[+(]+\s*)?\d[\d().\-/]*(?:\s+(?!{_DATE}(?:[\s,;|]|$)){_GROUP})*)(?=[\s,;|#x]|$)"
    rf"|(?P<word>(?:(?!{_BREAK}).)+)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})")
_COMPACT = re.compile(r"\d{8}")
FIRST_YEAR = 1900
FEWEST_LAST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question: its letters and digits, all of it as addresses are compared, and what else it may be.

    It matches records with a search word or an e-mail address that begins so, a telephone number whose international
    form begins with one of `numbers` or whose last digits are those of `tail`, or one of the birth dates.
    """

    start: str
    whole: str
    born: tuple[date, ...] = ()
    numbers: tuple[str, ...] = ()
    tail: str = ""


def question(text: str, region: str, today: date) -> list[Word]:
    """Returns the words typed, in order; digit groups of one telephone number count as one word.

    `region` is the org's country code of two letters: its order of dates, and the form of its telephone numbers.
    `today` is the last day that a date may mean, that of the place where the day begins first.
    """
    plain = ascii_digits(text.translate(APOSTROPHES))
    return list(dict.fromkeys(_words(plain, region, today)))


def _words(text: str, region: str, today: date) -> Iterator[Word]:
    at = 0
    while found := _TOKEN.search(text, at):
        at = found.end()
        if found["word"] is not None:
            if start := squeeze(found["word"]):
                yield Word(start, fold(found["word"]))
            continue
        typed = found.group()
        if found["run"] is not None and (extension := EXTENSION.match(text, at)):
            at = extension.end()
        yield from _numbers(typed, region, today)


def _numbers(typed: str, region: str, today: date) -> Iterator[Word]:
    several = telephones(typed, region)
    if len(several) > 1:
        for number in several:
            yield Word(number.national, number.e164, (), (number.e164,), "")
        return
    digits = re.sub(r"\D", "", typed)
    tail = tail_word(digits) if len(digits) >= FEWEST_LAST_DIGITS else ""
    whole = tuple(number.e164 for number in several)
    yield Word(digits, fold(typed), dates(typed, region, today), _beginnings(typed, digits, region, whole), tail)


def _beginnings(typed: str, digits: str, region: str, whole: tuple[str, ...]) -> tuple[str, ...]:
    """How international numbers may begin that were typed so, none of which begins with another."""
    if "+" in typed:
        forms = [digits]
    else:
        code, trunk = _dialling(region)
        forms = [digits, "1" + digits, code + digits]
        forms += [code + digits.removeprefix(trunk)] if trunk and digits.startswith(trunk) else []
        forms += [digits.removeprefix(abroad) for abroad in ("00", "011") if digits.startswith(abroad)]
    # No country code begins with 0, and no area code of country code 1 with 0 or 1.
    found = sorted({*whole, *("+" + form for form in forms if not re.match("0|1[01]|$", form))})
    return tuple(f for f in found if not any(f.startswith(other) for other in found if other != f))


@lru_cache(maxsize=256)
def _dialling(region: str) -> tuple[str, str]:
    """The country code of a region, and what is dialled before an area code there."""
    return str(phonenumbers.country_code_for_region(region)), phonenumbers.ndd_prefix_for_region(region, True) or ""


def dates(typed: str, region: str, today: date) -> tuple[date, ...]:
    """The days a text may mean, as people of the region write dates; none after today or before 1900."""
    if several := _SEVERAL.fullmatch(typed.strip()):
        return _read(several.groups(), region, today)
    if _COMPACT.fullmatch(typed):
        iso, own = (typed[:4], typed[4:6], typed[6:]), (typed[:2], typed[2:4], typed[4:])
        return tuple(dict.fromkeys([*_read(iso, region, today), *_read(own, region, today)]))
    return ()


def _read(parts: tuple[str, ...], region: str, today: date) -> tuple[date, ...]:
    first, second, third = parts
    if len(first) == 4 and len(third) <= 2:
        return _days([(first, second, third)], today)
    if len(first) > 2 or len(third) not in (2, 4):
        return ()
    month_first, day_first = (third, first, second), (third, second, first)
    if region in _YEAR_FIRST and len(third) == 2:
        return _days([(first, second, third)], today)
    if region in _EITHER:
        return _days([month_first, day_first], today)
    ways = [month_first, day_first] if region in _MONTH_FIRST else [day_first, month_first]
    # A date that does not exist in the region's own order was written in the other one.
    return _days(ways[:1], today) or _days(ways[1:], today)


def _days(ways: list[tuple[str, str, str]], today: date) -> tuple[date, ...]:
    return tuple(dict.fromkeys(day for year, month, day_ in ways if (day := _day(year, month, day_, today))))


def _day(year: str, month: str, day: str, today: date) -> date | None:
    """Of two digits the year is the last one that had them and is not after today."""
    number = int(year) if len(year) == 4 else 2000 + int(year)
    try:
        found = date(number, int(month), int(day))
        if found > today and len(year) == 2:
            found = date(number - 100, int(month), int(day))
    except ValueError:
        return _day(str(number - 100), month, day, today) if len(year) == 2 else None
    return found if found.year >= FIRST_YEAR and found <= today else None
