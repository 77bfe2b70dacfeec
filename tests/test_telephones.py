"""Every telephone number in a field is read as the people of its region type it."""

from __future__ import annotations

import string

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chairside.telephones import Telephone, e164, telephones

WIFE, HUSBAND, LONDON = "+13125550142", "+17735550199", "+442079460958"
# A region, what is typed there, and the numbers it holds.
TYPED: list[tuple[str, str, list[str]]] = [
    *(("US", typed, [WIFE]) for typed in (
        "3125550142", "(312) 555-0142", "312.555.0142", "312 555 0142", "312/555/0142", "312 55 50 142",
        "+1 312 555 0142", "+1(312)5550142", "(+1) 312 555 0142", "1-312-555-0142", "001 312 555 0142",
        "312,555,0142", "312*555*0142", "312–555–0142", "312\u2011555\u20110142", "312 - 555 - 0142",
        "٣١٢٥٥٥٠١٤٢", "３１２－５５５－０１４２", "\u202a+1 312 555 0142\u202c", "tel:+1-312-555-0142",
        "mother: 312-555-0142", "312-555-0142 (wife)", "cell 312-555-0142", "c: 312.555.0142", "312-555-0142x",
        "3125550142 ex wife", "call after 5, 312-555-0142", "312-555-0142 ask for Bob, 2nd floor",
        "312-555-0142/43", "312 555 0142 0143", "312-555-0142 or 43", "#1: 312-555-0142",
    )),
    *(("US", typed, [WIFE, HUSBAND]) for typed in (
        "312-555-0142 or 773-555-0199", "312-555-0142/773-555-0199", "312-555-0142 / 773-555-0199",
        "3125550142;7735550199", "312-555-0142, 773-555-0199", "312-555-0142 773-555-0199",
        "(312) 555-0142 (773) 555-0199", "312 555 0142 773 555 0199", "312-555-0142 & 773-555-0199",
        "312-555-0142 (mom), 773-555-0199 (dad)", "H 312-555-0142 W 773-555-0199 ext 12",
        "312-555-0142 x2 or 773-555-0199 x3", "312-555-0142\n773-555-0199", "3125550142|+17735550199",
        "#1 312-555-0142 #2 773-555-0199",
    )),
    ("US", "+1 (312) 555-0142 +44 20 7946 0958", [WIFE, LONDON]),
    *(("US", typed, [LONDON]) for typed in (
        "+44 20 7946 0958", "+44 (0)20 7946 0958", "0044 20 7946 0958", "011 44 20 7946 0958", "442079460958",
    )),
    *(("GB", typed, [LONDON]) for typed in (
        "020 7946 0958", "02079460958", "(020) 7946-0958", "(020) 7946 0958", "020-7946-0958", "2079460958",
        "+44 20 7946 0958", "+44 (0)20 7946 0958", "0044 20 7946 0958", "0044 (0) 20 7946 0958", "44 20 7946 0958",
        "011 44 20 7946 0958", "020 7946 0958/9", "020 7946 0958 (work) ext 3",
    )),
    *(("GB", typed, [WIFE]) for typed in ("+1 312 555 0142", "13125550142", "001 312 555 0142")),
    ("GB", "07700 900123 / 07700 900124", ["+447700900123", "+447700900124"]),
    ("DE", "030/1234567", ["+49301234567"]),
    ("DE", "030 1234567-12", ["+4930123456712"]),
    ("DE", "0151 12345678 oder 030/1234567", ["+4915112345678", "+49301234567"]),
    ("FR", "01.42.68.53.00 poste 12", ["+33142685300"]),
    ("AU", "(02) 5550 1234", ["+61255501234"]),
    ("IN", "098765 43210", ["+919876543210"]),
    ("IT", "06 1234 5678", ["+390612345678"]),
    ("MX", "+52 1 55 1234 5678", ["+525512345678"]),
    ("RU", "8 (495) 123-45-67 доб. 12", ["+74951234567"]),
    ("JP", "090(1234)5678", ["+819012345678"]),
    ("US", "1-800-FLOWERS", ["+18003569377"]),
    ("US", "1-800-FLOWERS (800-356-9377)", ["+18003569377"]),
    # Seven digits are a number of the practice's own area; their key is no number elsewhere.
    ("US", "555-0142", ["+15550142"]),
    ("US", "555-0142/555-0143", ["+15550142", "+15550143"]),
    *(("US", typed, []) for typed in ("", "none", "12", "room 204", "204", "911", "no phone", "0" * 60)),
]  # fmt: skip
EXTENSIONS = [
    "312-555-0142 x17", "312-555-0142x17", "312 555 0142 ext. 17", "312 555 0142 Ext:17", "(312) 555-0142, ext 17",
    "312-555-0142 #17", "312-555-0142,17", "312-555-0142,,17", "312-555-0142;ext=17", "312-555-0142 extension 17",
    "312-555-0142 (ext 17)", "312-555-0142 (work) x17", "312-555-0142 x 17 or 773-555-0199", "312-555-0142 option 17",
]  # fmt: skip


@pytest.mark.parametrize(("region", "typed", "numbers"), TYPED, ids=[f"{r}: {t}" for r, t, _ in TYPED])
def test_a_field_holds_these_numbers(region: str, typed: str, numbers: list[str]) -> None:
    """In the order typed; the first is the field's own."""
    assert [number.e164 for number in telephones(typed, region)] == numbers
    assert e164(typed, region) == (numbers[0] if numbers else None)


@pytest.mark.parametrize("typed", EXTENSIONS)
def test_an_extension_stands_beside_its_number(typed: str) -> None:
    """An extension belongs to the number before it and does not change that number."""
    assert telephones(typed, "US")[0] == Telephone(WIFE, "3125550142", "17")


@pytest.mark.parametrize(
    ("typed", "region", "national"),
    [("020 7946 0958", "GB", "2079460958"), ("06 1234 5678", "IT", "0612345678"), ("+1 312 555 0142", "FR", WIFE[2:])],
)
def test_the_national_number_has_no_trunk_prefix(typed: str, region: str, national: str) -> None:
    """In Italy the zero is part of the number."""
    assert telephones(typed, region)[0].national == national


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["US", "GB", "DE", "FR", "IN", "JP", "BR", "AU"]), st.integers(0, 10**6), st.integers(0, 3))
def test_a_number_is_found_however_its_own_country_writes_it(region: str, tail: int, form: int) -> None:
    """National, international, RFC 3966 and E.164, as the library writes them, in a field of its region."""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None
    digits = str(example.national_number)
    number = phonenumbers.parse(f"+{example.country_code}{digits[:-6]}{tail % 10**6:06d}")
    if phonenumbers.is_valid_number(number):
        written = phonenumbers.format_number(number, form)
        assert [t.e164 for t in telephones(written, region)] == [phonenumbers.format_number(number, 0)]


@settings(max_examples=300, deadline=None)
@given(st.text(string.digits + " +-()/.,;x#ext\u0660", max_size=100), st.sampled_from(["US", "GB", "DE"]))
def test_any_text_is_read(typed: str, region: str) -> None:
    """Without a fault, no number twice, each with a plus and digits."""
    found = [number.e164 for number in telephones(typed, region)]
    assert len(set(found)) == len(found)
    assert all(number[0] == "+" and number[1:].isdecimal() for number in found)
