"""The MAC of an audit record: what was made by an older release keeps verifying, and no column can be altered."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chairside.engine.audit_keys import OVERLAP, numbered_keys
from chairside.engine.chain import COVERED, COVERED_AT_FIRST, AuditKey, Head, Link, moment
from chairside.engine.verification import Verdict, check_loose

SINCE = datetime(2025, 1, 1, tzinfo=UTC)
KEY = AuditKey(b"k" * 32, b"s" * 32, SINCE)
ROTATED = datetime(2026, 2, 1, tzinfo=UTC)
KEYS = numbered_keys([(b"k" * 32, b"s" * 32, SINCE), (b"l" * 32, b"t" * 32, ROTATED)])
ID = "01900000-0000-7000-8000-00000000000"
FIRST = (
    f"{ID}1", f"{ID}2", datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), f"{ID}3", "Ana", "admin", "read", "patient", None,
    None, "GET", "/patients", 200, "allowed", "r1",
)  # fmt: skip
ADDED = (f"{ID}4", '{"page":2}', 50, f"{{{ID}5,{ID}6}}")
NONE = (None, None, None, None)


def test_a_record_of_the_first_form_has_the_mac_it_always_had() -> None:
    """Made by the release before records named clients and patients, and read with four columns that are null."""
    assert KEY.mac_of_first_format((*FIRST, *NONE)).hex() == "325e87ff17c3a7a42f69f79e8f84b809"
    assert KEY.mac_as_found((*FIRST, *NONE)).hex() == "b5c1dc4d302ba412033dbe631f345ff9"


@pytest.mark.parametrize("place", range(COVERED_AT_FIRST, COVERED))
def test_each_added_column_is_covered(place: int) -> None:
    """Altered, taken away, or the only one that is left: the MAC is another."""
    row = (*FIRST, *ADDED)
    alone = (*FIRST, *(value if i == place else None for i, value in enumerate(ADDED, COVERED_AT_FIRST)))
    altered = (*row[:place], "x", *row[place + 1 :])
    missing = (*row[:place], None, *row[place + 1 :])
    macs = {KEY.mac(each) for each in (row, alone, altered, missing, (*FIRST, *NONE))}
    assert len(macs) == 5


def test_a_record_says_the_format_and_key_of_its_mac() -> None:
    """A MAC holds under its own format and key only, so none can be passed off as one of an older key or format."""
    row = (*FIRST, *ADDED)
    found = (*FIRST[:2], moment(FIRST[2]), *FIRST[3:], *ADDED)
    mac, form, number = KEYS.seal(row)
    assert (mac.hex(), form, number) == ("c624d49da4eac4b5a1316e2dd01b6853", 2, 2)
    first = KEY.mac_of_first_format(row)
    held = {
        KEYS.holds(found, sealed) for sealed in ((mac, 2, 2), (KEY.mac(row), 2, 1), (first, 1, 1), (first, None, None))
    }
    assert held == {True}
    wrong = [(mac, 2, 1), (mac, 1, 2), (mac, None, None), (mac, 2, 3), (mac, 2, 0), (KEY.mac(row), 2, 2), (first, 2, 1)]
    assert {KEYS.holds(found, sealed) for sealed in wrong} == {False}


def test_a_retired_key_makes_no_later_record() -> None:
    """A key that was rotated away makes no valid record or head of a time after the rotation."""
    for after, holds in ((OVERLAP, True), (OVERLAP * 1.1, False)):
        at = moment(ROTATED + after)
        row = (*FIRST[:2], at, *FIRST[3:], *ADDED)
        assert KEYS.holds(row, (KEY.mac(row), 2, 1)) is holds
        assert KEYS.holds(row, (KEYS.newest.mac(row), 2, 2))
        head = Head(org_id=f"{ID}1", number=1, hash="00", sealed_at=at, format=2, key=1)
        assert head.signed_text().startswith(b"chairside audit head 2\n1\n01900000-")
        signed = replace(head, signature=base64.b64encode(KEY.sign(head)).decode())
        assert KEYS.signed(signed) is holds
        assert not KEYS.signed(replace(signed, key=2))
        assert not KEYS.signed(replace(signed, format=1))


@pytest.mark.parametrize(("after", "faults"), [(OVERLAP, 0), (OVERLAP * 1.1, 1)])
def test_a_record_of_a_retired_key_stands_in_a_link(after: timedelta, faults: int) -> None:
    """Where the chain is complete beyond the rotation, a record of the old key that no link holds was added since."""
    row = (*FIRST[:2], moment(SINCE), *FIRST[3:], *ADDED)
    names = ["org_id", "id", "at", *map(str, range(COVERED - 3)), "mac", "mac_format", "mac_key"]
    verdict = Verdict(org_id=f"{ID}1")
    check_loose(verdict, KEYS, dict(zip(names, (*row, KEY.mac(row), 2, 1), strict=True)), moment(ROTATED + after))
    assert len(verdict.faults) == faults


def test_a_link_of_the_first_format_has_the_hash_it_always_had() -> None:
    """Links of older releases keep verifying; one that says a format or another key has another hash."""
    link = Link(
        org_id=f"{ID}1", number=3, previous=b"p" * 32, sealed_at=moment(ROTATED), complete_to=moment(SINCE),
        ats=[moment(SINCE)], ids=[f"{ID}2"], macs=b"m" * 16,
    )  # fmt: skip
    assert link.hash().hex() == "32f68d6e8f17eb091374c9b57e1576b04a93c74e90936d1ad04f4dfa64dcb259"
    text = b"chairside audit head\n01900000-0000-7000-8000-000000000001\n3\n" + link.hash().hex().encode()
    assert link.head().signed_text() == text + b"\n2026-02-01T00:00:00.000000+00:00\n"
    assert len({replace(link, format=form, key=key).hash() for form, key in ((1, 1), (2, 1), (2, 2), (3, 1))}) == 4
