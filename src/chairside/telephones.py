"""Telephone numbers in a text as people type them: several numbers, extensions and notes included."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import phonenumbers
from phonenumbers import PhoneNumberFormat

from chairside.characters import DASHES, INVISIBLE

# Regions of country code 1 whose numbers are mostly written plainly; the library would only join the digits.
PLAIN_REGIONS = ("US", "CA")
_PLAIN = re.compile(r"(?:\+?1[ .-]?)?(?:\([2-9]\d\d\)|[2-9]\d\d)[ .-]?\d{3}[ .-]?\d{4}", re.ASCII)
_MARKS = str.maketrans("", "", "+() .-")
# A number of fewer digits cannot be told from a room, a year or an hour when something else stands beside it.
FEWEST_DIGITS = 7
# Two numbers have fewer gaps between their digits; each gap costs several attempts to read its two sides.
MOST_GAPS = 10
# A run of more digits is no telephone numbers: three of the longest have so many.
MOST_DIGITS = 45
_RUN = re.compile(r"(?:[+(][+( ]*)?\d(?:[ ().\-/]*\d)*\)?")
_WORD = (
    r"(?:extension|extensión|extn|ext|ex|x|interno|internal|int|anexo|ramal|poste|toestel|tst"
    r"|durchwahl|dw|доб|вн|app|option|opt)"
)
EXTENSION = re.compile(
    rf"(?:\s*\([^()\d]*\))?\s*[,;(]?\s*(?:(?<![^\W\d_]){_WORD}[.:\s]*#?\s*|[#~]\s*|;ext=)(\d{{1,7}})(?![.-]?\d)"
    r"|\s*,+\s*(\d{1,6})(?![ .-]?\d)",
    re.IGNORECASE,
)
# Until 2019 mobile numbers in Mexico had a 1 behind the country code, and people still write it.
_MOBILE_IN_MEXICO = re.compile(r"^\D*(?:00|011)?\D*52\D*1(?=(?:\D*\d){10}\D*$)")
_BREAK = re.compile(r"[\s/]+")
# How a number of another country begins where it is dialled: in most of the world, and in North America.
_ABROAD = re.compile(r"\D*(?:00|011)(?=\D*[1-9])")


@dataclass(frozen=True, slots=True)
class Telephone:
    """One number: international form with its plus, digits without country code and trunk prefix, extension."""

    e164: str
    national: str
    extension: str = ""


@lru_cache(maxsize=64)  # a patient's numbers are read for the keys and again for the search words
def telephones(text: str, region: str) -> tuple[Telephone, ...]:
    """Returns every number found in one field, in the order typed; `region` is a country code of two letters."""
    if region in PLAIN_REGIONS and _PLAIN.fullmatch(text):
        digits = text.translate(_MARKS)[-10:]
        return (Telephone("+1" + digits, digits),)
    plain = ascii_digits(text)
    found: dict[str, Telephone] = {}
    for run, extension in _runs(plain):
        for number in _numbers(run, region):
            # An extension belongs to the number that it follows, the last of its run.
            found[number.e164] = found.get(number.e164) or number
        if extension and found:
            last = list(found)[-1]
            found[last] = Telephone(last, found[last].national, found[last].extension or extension)
    if not found and (whole := _as_one(plain, region)):
        found[whole.e164] = whole
    return tuple(found.values())


def e164(text: str | None, region: str) -> str | None:
    """Returns the first number of a field in international form, or None where the field holds none."""
    found = telephones(text, region) if text else ()
    return found[0].e164 if found else None


def ascii_digits(text: str) -> str:
    """Returns the text with digits of all scripts as 0 to 9, one kind of dash, and no invisible characters."""
    if text.isascii():
        return text
    plain = INVISIBLE.sub("", unicodedata.normalize("NFKC", text).translate(DASHES))
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Digits with the marks people write between them, each with the extension that follows."""
    at = 0
    while found := _RUN.search(text, at):
        at = found.end()
        if after := EXTENSION.match(text, at):
            at = after.end()
        yield found.group(), (after.group(1) or after.group(2)) if after else ""


def _numbers(run: str, region: str) -> list[Telephone]:
    """A slash or a blank may stand inside a number or between two, so the whole is tried before the parts."""
    if _length(run) > MOST_DIGITS:
        return []
    halves = run.split("/")
    if len(halves) > 1 and all(_length(half) >= FEWEST_DIGITS for half in halves):
        return [number for half in halves for number in _numbers(half, region)]
    if whole := _number(run, region):
        return [whole]
    parts = [(run[: gap.start()], run[gap.end() :]) for gap in islice(_BREAK.finditer(run), MOST_GAPS)]
    return _parted(parts, region, sure=True) or ([] if "+" in run else _parted(parts, region, sure=False))


def _parted(parts: list[tuple[str, str]], region: str, *, sure: bool) -> list[Telephone]:
    """The numbers of a run that is not one: several, or one beside digits that are none, as in `555-0142/43`."""
    for left, right in parts:
        if (first := _long(left, region, sure)) and (rest := _numbers(right, region)):
            return [first, *rest]
    single = [*(left for left, _ in reversed(parts)), *(right for left, right in parts if "+" not in left)]
    return next(([number] for part in single if (number := _long(part, region, sure))), [])


def _length(text: str) -> int:
    return sum(map(str.isdecimal, text))


def _long(text: str, region: str, sure: bool) -> Telephone | None:
    return _number(text, region, sure=sure) if _length(text) >= FEWEST_DIGITS else None


def _number(text: str, region: str, *, sure: bool = False) -> Telephone | None:
    """The one number of a text: as dialled in the region, else as dialled from another country.

    With `sure` it must be one that is given out, not only of a length that is.
    """
    text = _MOBILE_IN_MEXICO.sub("+52 ", text)
    number = _parsed(text, region)
    if number and (phonenumbers.is_valid_number if sure else phonenumbers.is_possible_number)(number):
        return _telephone(number)
    digits = re.sub(r"\D", "", text)
    abroad = _ABROAD.match(text)
    for international in (re.sub(r"\D", "", text[abroad.end() :]) if abroad else "", digits):
        # Without a plus the country code is a guess, so the number must be one that is really given out.
        number = _parsed("+" + international, region) if international else None
        if number and phonenumbers.is_valid_number(number):
            return _telephone(number)
    return None


def _parsed(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _telephone(number: phonenumbers.PhoneNumber) -> Telephone:
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return Telephone(written, phonenumbers.national_significant_number(number), number.extension or "")


def _as_one(text: str, region: str) -> Telephone | None:
    """A number with other marks between its digits, or with letters in place of digits such as 1-800-FLOWERS."""
    if any(map(str.isalpha, text)):
        number = _parsed(text, region)
        return _telephone(number) if number and phonenumbers.is_possible_number(number) else None
    return _number(re.sub(r"[^\d+]", "", text), region)
