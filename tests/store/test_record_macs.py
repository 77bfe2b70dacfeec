"""The MAC of an audit record: what was made by an older release keeps verifying, and no column can be altered."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chairside.engine.chain import COVERED, COVERED_AT_FIRST, AuditKey

KEY = AuditKey(b"k" * 32, b"s" * 32, datetime(2025, 1, 1, tzinfo=UTC))
ID = "01900000-0000-7000-8000-00000000000"
FIRST = (
    f"{ID}1", f"{ID}2", datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), f"{ID}3", "Ana", "admin", "read", "patient", None,
    None, "GET", "/patients", 200, "allowed", "r1",
)  # fmt: skip
ADDED = (f"{ID}4", '{"page":2}', 50, f"{{{ID}5,{ID}6}}")
NONE = (None, None, None, None)


def test_a_record_of_the_first_form_has_the_mac_it_always_had() -> None:
    """Made by the release before records named clients and patients, and read with four columns that are null."""
    assert KEY.mac((*FIRST, *NONE)).hex() == "325e87ff17c3a7a42f69f79e8f84b809"
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
