"""The lists a demo practice keeps are whole, distinct, and safe to show."""

import datetime
import re
from functools import cache

import pytest

from chairside.demo import Practice, practice

TODAY = datetime.date(2025, 11, 22)


@cache
def made_of(patients: int) -> Practice:
    return practice(1, patients, TODAY)


def test_balances_have_four_buckets_and_some_restrict_scheduling() -> None:
    """Amounts are cents, never negative; a few owe more than 500."""
    balances = [person.balances for person in made_of(20_000).patients if person.balances]
    assert {len(due) for due in balances} == {4}
    assert all(bucket >= 0 and bucket == round(bucket, 2) for due in balances for bucket in due)
    assert 0.05 < sum(sum(due) > 500 for due in balances) / len(balances) < 0.25


def test_the_lists_hold_what_a_practice_of_three_houses_needs() -> None:
    """Three locations, six providers, and names that repeat in no list."""
    made = made_of(0)
    assert made.name == "Demo Dental Group"
    assert [len(entries) for entries in (made.locations, made.providers, made.billing_types)] == [3, 6, 8]
    for entries in (
        made.locations,
        made.providers,
        made.fee_schedules,
        made.billing_types,
        made.employers,
        made.tag_definitions,
    ):
        assert len({str(entry["name"]).casefold() for entry in entries}) == len(entries)
    assert {frozenset(entry) for entry in made.locations} == {
        frozenset({"name", "is_active", "phone", "address", "timezone"})
    }
    assert {frozenset(entry) for entry in made.providers} == {
        frozenset({"name", "abbreviation", "npi", "specialty", "item_order"})
    }
    assert len({entry["abbreviation"] for entry in made.providers}) == 6
    assert {frozenset(entry) for entry in made.employers} == {frozenset({"name", "phone", "address"})}
    assert all(re.fullmatch(r"#[0-9a-f]{6}", str(tag["color"])) for tag in made.tag_definitions)


@pytest.mark.parametrize("seed", range(5))
def test_provider_numbers_pass_the_luhn_check_and_belong_to_nobody(seed: int) -> None:
    """Ten digits beginning with 2, valid behind the card prefix 80840, all different."""
    numbers = [str(provider["npi"]) for provider in practice(seed, 0, TODAY).providers]
    assert len(set(numbers)) == 6
    for number in numbers:
        assert re.fullmatch(r"2\d{9}", number)
        card = [int(digit) for digit in f"80840{number}"]
        doubled = [sum(divmod(2 * digit, 10)) for digit in card[-2::-2]]
        assert (sum(card[-1::-2]) + sum(doubled)) % 10 == 0
