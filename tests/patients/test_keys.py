"""Keys derived from a patient's texts stay the same under one number of the derivation."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import pytest

from chairside.records.patients.keys import DERIVATION, LONG_SCOPE, MOST_PAIRED, NAME_SCOPE, keys, search_words

# A change of what is derived, by a rule of ours or by a library, needs a new DERIVATION, with its digest here.
DIGESTS = {2: "48ee18dfb8d4a745"}
NAMES = (
    "Ana Luísa Beatriz", "O'Brien-Łoś", "Kamakawiwoʻole", "राम मीना", "ばながぎ", "ﾊﾞﾅ", "김민수", "أحمد", "מִרְיָם",
    "Straße", "Йосиф", "ΐ", "李 小龍", "Bob", "Rob Roberts", "D´Angelo", "van der Berg", "Nguyễn Thị Minh Khai",
    "A/B; C", "สมชาย",
)  # fmt: skip
NUMBERS = (
    "(312) 555-0142", "020 7946 0958", "+44 20 7946 0958 x3", "312-555-0142 or 773-555-0199", "555-0142", "x204",
    "030/1234567", "0044 20 7946 5735",
)  # fmt: skip


def patient(**known: Any) -> dict[str, Any]:
    blank = dict.fromkeys(
        ("middle_name", "preferred_name", "chart_number", "email", "mobile_phone", "home_phone", "work_phone",
         "date_of_birth", "deleted_at")
    )  # fmt: skip
    return blank | {"first_name": "Ana", "last_name": "Lind"} | known


def test_another_derivation_has_another_number() -> None:
    """Else an upgrade leaves patients by keys that the new release does not look for."""
    lines = [f"{n} {keys(p := patient(first_name=n, last_name=n, preferred_name=n), 'US')} {shown(p)}" for n in NAMES]
    for number in NUMBERS:
        for region in ("US", "GB", "DE"):
            known = patient(mobile_phone=number, home_phone=number, chart_number=number, email="Ana@X.org")
            lines.append(f"{keys(known, region)} {shown(known, region)}")
    lines.append(
        shown(patient(deleted_at="x", date_of_birth=date(1984, 2, 11), email="a@b.c", home_phone="312 555 0142"))
    )
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == DIGESTS[DERIVATION]


def shown(known: dict[str, Any], region: str = "US") -> str:
    return str(sorted((scope, sorted(pairs)) for scope, pairs in search_words(known, region).items()))


@pytest.mark.parametrize("words", [1, 5, MOST_PAIRED, MOST_PAIRED + 1, 40])
def test_long_names_have_a_bounded_number_of_rows(words: int) -> None:
    """Up to twelve words are paired; of more each has two rows."""
    found = search_words(patient(last_name=" ".join(f"w{n:02d}" for n in range(words - 1))), "US")
    kept = {
        word for pair in found[NAME_SCOPE, next(name for scope, name in found if scope == NAME_SCOPE)] for word in pair
    }
    rows = sum(map(len, found.values()))
    assert {f"w{n:02d}" for n in range(1, words - 1)} <= kept
    assert rows <= (MOST_PAIRED * (MOST_PAIRED - 1) // 2 if words <= MOST_PAIRED else 2 * (words + 1))
    assert any(scope == LONG_SCOPE for scope, _ in found) == (words > MOST_PAIRED)
