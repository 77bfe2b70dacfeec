"""Values that stand in for a missing one are told from those that people really have."""

from __future__ import annotations

import pytest

from chairside.knowledge.placeholders import is_placeholder_email, is_placeholder_phone, is_placeholder_ssn


@pytest.mark.parametrize(
    "digits",
    [
        "000123456", "666123456", "123006789", "123450000", "000000000", "999999999", "111111111", "555555555",
        "123456789", "987654321", "078051120", "219099999", "900000001", "912340000",
    ],
)  # fmt: skip
def test_numbers_that_nobody_has_identify_nobody(digits: str) -> None:
    """Areas, groups and serials that were never issued, repeated digits, numbers everybody knows."""
    assert is_placeholder_ssn(digits)


@pytest.mark.parametrize("digits", ["900456789", "912345678", "001010001", "665123456", "667123456", "123456780"])
def test_other_numbers_identify_somebody(digits: str) -> None:
    """ITINs among them."""
    assert not is_placeholder_ssn(digits)


@pytest.mark.parametrize(
    ("e164", "national"),
    [
        ("+10000000000", "0000000000"), ("+15555555555", "5555555555"), ("+19999999999", "9999999999"),
        ("+11234567890", "1234567890"), ("+12125555555", "2125555555"), ("+12120000000", "2120000000"),
        ("+12121234567", "2121234567"), ("+441111111111", "1111111111"), ("+4400000000", "00000000"),
    ],
)  # fmt: skip
def test_telephones_of_repeated_digits_identify_nobody(e164: str, national: str) -> None:
    """In the whole number, or behind the area code in North America."""
    assert is_placeholder_phone(e164, national)


@pytest.mark.parametrize(
    ("e164", "national"),
    [("+13125550142", "3125550142"), ("+442079460958", "2079460958"), ("+12122222222", "2122222222")],
)
def test_other_telephones_identify_somebody(e164: str, national: str) -> None:
    """Those kept for stories among them."""
    assert not is_placeholder_phone(e164, national)


@pytest.mark.parametrize(
    "address",
    [
        "noemail@example.com", "no.email@example.com", "no_email12@example.com", "none@example.com", "na@example.com",
        "n.a@example.com", "test@example.com", "noemail+7@example.com", "declined@example.com", "ana@noemail.com",
        "a@a.com", "123@123.com", "ana@host.invalid", "unknown@example.com", "notprovided@example.com",
    ],
)  # fmt: skip
def test_addresses_that_say_there_is_none_identify_nobody(address: str) -> None:
    """With signs and numbers behind them too."""
    assert is_placeholder_email(address)


@pytest.mark.parametrize(
    "address",
    [
        "nora@example.com",
        "na23@example.com",
        "testa@example.com",
        "nina.none@example.com",
        "smile@smile.com",
        "a@b.com",
    ],
)
def test_other_addresses_identify_somebody(address: str) -> None:
    """Although they begin so."""
    assert not is_placeholder_email(address)
