"""The values of custom fields: text that is checked and brought to one form for each type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from chairside.types import Invalid

TYPES = ("text", "number", "date", "boolean", "dropdown", "currency")
LONGEST = 2000
# Not "0,123": no thousands are set off there, so the comma is somebody's decimal point.
_NUMBER = re.compile(r"[+-]?(?=\.?\d)(\d{1,15}|[1-9]\d{0,2}(,\d{3}){1,4})?(\.\d{1,10})?", re.ASCII)
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_WORDS = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}


def normalised(definition: Mapping[str, Any], text: str) -> str:
    """The text in its type's normal form; Invalid when it is none of that type."""
    value = text.strip()
    if not value:
        raise Invalid("too_short", "must not be blank; null clears")
    if definition["field_type"] == "dropdown":
        return _option(value, definition["dropdown_options"])
    return _FORMS[definition["field_type"]](value)


def _option(value: str, options: list[str]) -> str:
    """The option as it is written in the definition; another case is understood where it can mean one alone."""
    if value in options:
        return value
    alike = [option for option in options if option.casefold() == value.casefold()]
    if len(alike) != 1:
        raise Invalid("invalid_choice", f"must be one of: {', '.join(options)}")
    return alike[0]


def _number(value: str) -> str:
    """Digits with an optional point; thousands may be set off by commas, which are dropped."""
    if not _NUMBER.fullmatch(value):
        raise Invalid("wrong_type", "must be a number, such as 1234.5 or 1,234.5")
    number = Decimal(value.replace(",", ""))
    return f"{number.normalize():f}" if number else "0"


def _currency(value: str) -> str:
    """An amount with two places; a dollar sign is dropped, a third place is refused."""
    sign, _, bare = value.rpartition("$") if "$" in value else ("", "", value)
    if sign not in ("", "-", "+") or not _NUMBER.fullmatch(sign + bare.strip()):
        raise Invalid("wrong_type", "must be an amount, such as 1234.50 or $1,234.50")
    amount = Decimal((sign + bare.strip()).replace(",", ""))
    if amount != round(amount, 2):
        raise Invalid("out_of_range", "must have at most two decimal places")
    return f"{amount or Decimal(0):.2f}"


def _date(value: str) -> str:
    """A day as YYYY-MM-DD; the US form MM/DD/YYYY is understood, others are refused rather than guessed."""
    if found := _ISO_DATE.fullmatch(value):
        year, month, day = found.groups()
    elif found := _US_DATE.fullmatch(value):
        month, day, year = found.groups()
    else:
        raise Invalid("invalid_date", "must be a date, YYYY-MM-DD or MM/DD/YYYY")
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise Invalid("invalid_date", "must be a day that exists") from None


def _boolean(value: str) -> str:
    if value.lower() not in _WORDS:
        raise Invalid("wrong_type", "must be true or false, yes or no, 1 or 0")
    return _WORDS[value.lower()]


_FORMS: Mapping[str, Callable[[str], str]] = {
    "text": str,
    "number": _number,
    "currency": _currency,
    "date": _date,
    "boolean": _boolean,
}
