"""What is read without a library, because it is written plainly, is read as the library reads it."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from itertools import combinations
from uuid import UUID

import email_validator
import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chairside.telephones import PLAIN_REGIONS, e164
from chairside.types import Email, Invalid, Uuid
from chairside.words import LONGEST, fold, in_pairs, longest, name_words, squeeze

NOW = datetime(2026, 1, 5, tzinfo=UTC)
MANY = settings(max_examples=500, deadline=None)


def piece(*choices: str) -> st.SearchStrategy[str]:
    return st.sampled_from(choices)


def digits(least: int, most: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=least, max_size=most)


MARK = piece("", " ", "-", ".")
# Nearly all of the plain form, but for the digits it begins with.
PLAINLY = st.builds(
    "".join, st.tuples(piece("", "1", "+1 ", "1-"), digits(3, 3), MARK, digits(3, 3), MARK, digits(4, 4))
)
GAP = piece("", " ", "-", ".", "  ", "/", ") ", ")", "x", "\u00a0", "٣")
# Half of them such as people write, the others a little off.
PHONE = st.builds(
    "".join,
    st.tuples(
        piece("", "", "1", "+1", "+1 ", "1-", "1.", "+", "011 1 ", "0", "+44 ", "+ 1"),
        piece("", "("),
        st.one_of(st.from_regex(r"[2-9][0-9]{2}", fullmatch=True), digits(2, 4)),
        GAP,
        digits(3, 3),
        GAP,
        st.one_of(digits(4, 4), digits(3, 5)),
        piece("", "", " x17", " ", "\n"),
    ),
)
LABEL = st.one_of(
    piece("example", "Example", "mail", "xn--mnchen-3ya", "xn--a", "ab--c", "a" * 63, "a" * 64, "localhost", "münchen"),
    st.text("abz019-", min_size=0, max_size=5),
)
LOCAL = st.one_of(
    piece("info", "Info", "POSTMASTER", "o'hara", "ana.lind", ".ana", "ana.", "a..b", '"a b"', "a" * 64, "a" * 65, "ü"),
    st.text("abzAZ019.+-_", min_size=0, max_size=8),
)
MAIL = st.builds(
    "{}{}{}".format,
    LOCAL,
    piece("@", "@", "@", "@", "@@", ""),
    st.lists(st.one_of(LABEL, piece("com", "org", "test", "invalid", "local", "c0m", "1")), max_size=4).map(".".join),
)
NAME = st.text(st.one_of(st.sampled_from("aZé-' .ŁßøæİſΣ_٣²½\u0301\u200d"), st.characters(codec="utf-8")), max_size=80)


def by_library(phone: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@MANY
@given(st.one_of(PLAINLY, PHONE), st.sampled_from([*PLAIN_REGIONS, "GB", "DE", "MX"]))
def test_a_telephone_number_becomes_what_the_library_makes_of_it(phone: str, region: str) -> None:
    """Plainly written or not, and whatever the region; where the library finds none, more is tried."""
    alone = by_library(phone, region)
    assume(alone is not None and not {"x", "/"} & set(phone))
    assert e164(phone, region) == alone


@pytest.mark.parametrize("phone", ["3125550142", "(312) 555-0142", "312.555.0142", "+1 312 555 0142", "1-312-555-0142"])
def test_a_plain_number_is_the_same_in_every_writing(phone: str) -> None:
    """Each of these is read without the library."""
    assert {e164(phone, region) for region in PLAIN_REGIONS} == {"+13125550142"}


@MANY
@given(MAIL)
def test_an_address_is_taken_and_written_as_the_library_does(mail: str) -> None:
    """Or refused, where the library refuses it."""
    try:
        wanted = email_validator.validate_email(mail.strip(), check_deliverability=False).normalized
    except email_validator.EmailNotValidError:
        with pytest.raises(Invalid):
            Email().parse(mail, NOW)
    else:
        assert Email().parse(mail, NOW) == wanted


@given(st.uuids(), st.booleans())
def test_an_id_is_kept_in_its_one_form(made: UUID, loud: bool) -> None:
    """Lower case, with its dashes."""
    text = str(made).upper() if loud else str(made)
    assert Uuid().parse(text, NOW) == str(UUID(text))


@MANY
@given(NAME)
def test_a_name_is_found_by_its_letters_and_digits_alone(name: str) -> None:
    """By each blank-separated word, and by each part of one."""
    letters = "".join(c for c in fold(name) if _counts(c))[:LONGEST]
    assert squeeze(name) == letters
    parts = {part for word in fold(name).split() for part in (word, *_parts(word))}
    assert name_words(name) == {squeeze(part) for part in parts} - {""}


def _counts(c: str) -> bool:
    return c.isalnum() or unicodedata.category(c).startswith("M")


def _parts(word: str) -> list[str]:
    return "".join(c if _counts(c) else " " for c in word).split()


@MANY
@given(st.sets(st.text("abé", min_size=1, max_size=3), max_size=12))
def test_a_word_that_another_begins_with_need_not_be_kept(words: set[str]) -> None:
    """Whatever begins a word begins one of those kept, and none of these begins another."""
    kept = longest(words)
    assert set(kept) <= words
    assert not any(one != other and other.startswith(one) for one in kept for other in kept)
    assert all(any(long.startswith(word) for long in kept) for word in words)


@pytest.mark.parametrize("count", range(13))
def test_any_two_words_stand_beside_each_other_once(count: int) -> None:
    """And each is first in a pair, so that it is found alone; of two words each is first once."""
    words = [f"w{n}" for n in range(count)]
    pairs = in_pairs(words)
    assert {first for first, _ in pairs} == set(words)
    assert len(set(pairs)) == len(pairs)
    if count > 1:
        assert {frozenset(pair) for pair in pairs} == {frozenset(two) for two in combinations(words, 2)}
    if count > 2:
        assert len(pairs) == count * (count - 1) // 2
