"""Characters that show nothing are taken out of texts, and a text of nothing else is empty."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chairside.characters import in_lines, one_line
from chairside.types import Email, Invalid, Phone, Text
from tests.house import Client, problems

NOW = datetime(2026, 1, 5, tzinfo=UTC)
NAME = Text(max=100, min=1, trim=True)
INVISIBLE = [
    "\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b4", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e",
    "\u200f", "\u202a", "\u202e", "\u2060", "\u2064", "\u2066", "\u2069", "\u3164", "\ufeff", "\uffa0", "\ufff9",
    "\U000e0001", "\U000e0041", "\x01", "\x07", "\x1b", "\x7f", "\x80", "\x9f",
]  # fmt: skip
ONE_LINE: list[tuple[str, str]] = [
    ("Ana Lind", "Ana Lind"),
    ("Ana\tLind", "Ana Lind"),
    ("Ana\r\nLind", "Ana Lind"),
    ("Ana\u2028Lind\x85", "Ana Lind "),
    ("\u202eAna\u202c", "Ana"),
    # joiners that change what is seen
    ("می\u200cخواهم", "می\u200cخواهم"),
    ("ක්\u200dර", "ක්\u200dර"),
    ("👩\u200d⚕\ufe0f", "👩\u200d⚕\ufe0f"),
    ("葛\U000e0100城", "葛\U000e0100城"),
    # marks and letters that are seen
    ("Jose\u0301", "Jose\u0301"),
    ("राम", "राम"),
    ("김민수", "김민수"),
    # nothing to be seen
    ("\u200b", ""),
    ("\u200b \u2060", ""),
    ("\u3164\u3164", ""),
    ("\u2800", ""),
    ("\ufe0f", ""),
]  # fmt: skip


@pytest.mark.parametrize("hidden", INVISIBLE, ids=[f"U+{ord(c):04X}" for c in INVISIBLE])
def test_a_character_that_shows_nothing_is_taken_out_of_a_line(hidden: str) -> None:
    """Within, before and after; alone it is no name."""
    assert NAME.parse(f"{hidden}An{hidden}na{hidden}", NOW) == "Anna"
    assert Email().parse(f"an{hidden}na@example.com", NOW) == "anna@example.com"
    assert Phone().parse(f"312{hidden}-555-0142", NOW) == "312-555-0142"
    with pytest.raises(Invalid, match="must not be blank"):
        NAME.parse(hidden, NOW)


@pytest.mark.parametrize(("sent", "kept"), ONE_LINE, ids=[ascii(sent) for sent, _ in ONE_LINE])
def test_a_line_keeps_what_is_seen(sent: str, kept: str) -> None:
    """Ends of lines become blanks."""
    assert one_line(sent) == kept


def test_a_note_keeps_its_lines() -> None:
    """With tabs and direction marks, without other control characters."""
    assert in_lines("a\tb\nc\r\nd") == "a\tb\nc\r\nd"
    assert in_lines("\u2067שלום\u2069 a\x07b\x1b") == "\u2067שלום\u2069 ab"
    assert in_lines("\u200b\u200e") == ""


def test_a_chart_number_is_stored_in_one_form(desk_of_own: Client) -> None:
    """Full-width and with invisible characters it is the number that it looks like, and taken."""
    made = desk_of_own.made("/patients", {"first_name": "Ana", "last_name": "Lind", "chart_number": "ＣＨ－\u200b７７"})
    assert made["chart_number"] == "CH-77"
    again = desk_of_own.post("/patients", json={"first_name": "Bo", "last_name": "Lind", "chart_number": "CH-77\u2060"})
    assert (again.status_code, again.json()["detail"][0]["type"]) == (409, "duplicate_chart_number")


@pytest.mark.parametrize("field", ["first_name", "last_name"])
def test_a_name_that_shows_nothing_is_refused(desk_of_own: Client, field: str) -> None:
    """As a blank one is."""
    body = {"first_name": "Ana", "last_name": "Lind"} | {field: "\u200b\u2060"}
    assert set(problems(desk_of_own.post("/patients", json=body))) == {("body", field)}


@pytest.fixture(scope="module")
def desk_of_own(request: pytest.FixtureRequest) -> Client:
    """An administrator of an org that only these tests use."""
    client = request.getfixturevalue("house").org("Invisible Dental").desk()
    assert isinstance(client, Client)
    return client
