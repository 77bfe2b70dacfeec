"""Recognizes values that stand in for a missing one, and so identify nobody."""

from __future__ import annotations

from functools import cache

import msgspec

from chairside.knowledge.data_files import toml_table

NORTH_AMERICA = "+1"
# A longer local part may well be the name of a firm, as in smile@smile.com.
SHORTEST = 3


class _Ssn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    areas: frozenset[str]
    groups: frozenset[str]
    serials: frozenset[str]
    numbers: frozenset[str]


class _Phone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    numbers: frozenset[str]
    north_american: frozenset[str]


class _Email(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: frozenset[str]
    short: frozenset[str]
    domains: frozenset[str]
    endings: tuple[str, ...]


class _FirstName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: frozenset[str]


class _Placeholders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ssn: _Ssn
    phone: _Phone
    email: _Email
    first_name: _FirstName


@cache
def _known() -> _Placeholders:
    return toml_table("data/placeholders.toml", _Placeholders)


def is_placeholder_ssn(digits: str) -> bool:
    """True for nine digits that the Social Security Administration never issued, or that everybody knows."""
    ssn = _known().ssn
    return (
        digits[:3] in ssn.areas
        or digits[3:5] in ssn.groups
        or digits[5:] in ssn.serials
        or digits in ssn.numbers
        or len(set(digits)) == 1
    )


def is_placeholder_phone(e164: str, national: str) -> bool:
    """True for a number of one digit repeated, digits in a row and the like.

    `national` is the number without its country code.
    """
    phone = _known().phone
    if len(set(national)) == 1 or national in phone.numbers:
        return True
    return e164.startswith(NORTH_AMERICA) and national[-7:] in phone.north_american


def is_placeholder_email(address: str) -> bool:
    """True for an address, in lower case, that says there is none: noemail@, none@, na@, test@ and the like."""
    email = _known().email
    local, _, domain = address.partition("@")
    name = local.partition("+")[0]
    plain = "".join(filter(str.isalnum, name)).rstrip("0123456789")
    return (
        name in email.short
        or plain in email.names
        or domain in email.domains
        or domain.endswith(email.endings)
        # a@a.com, 123@123.com
        or (len(name) <= SHORTEST and domain.partition(".")[0] == name)
    )


def is_placeholder_first_name(squeezed: str) -> bool:
    """True for a first name, squeezed, that says that none is known."""
    return not squeezed or squeezed in _known().first_name.names
