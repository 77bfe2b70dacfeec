"""Characters that show nothing, or that people type for one another: what is kept of a text, and what is compared."""

from __future__ import annotations

import re

# The apostrophe of O'Brien, the ʻokina of Hawaiian, ayn and hamza of transliterations, and what keyboards put there.
APOSTROPHES = str.maketrans(dict.fromkeys("`´‘’‛′ʹʻʼʽʾʿꞌ՚׳＇", "'"))
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹘﹣－⁃─", "-"))
# By the property Default_Ignorable_Code_Point of Unicode; variation selectors stand apart, for they change a visible
# character.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
INVISIBLE = re.compile(f"[{_INVISIBLE}{_SELECTORS}]")
# Joiners shape letters of the Arabic script and of the scripts of India, and put signs of one picture together.
_JOINED = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u200d\ufe0f\u2190-\u2bff\U0001f000-\U0001faff"
_REMOVED = re.compile(f"(?<=[{_JOINED}])[\u200c\u200d](?=[{_JOINED}])|([{_INVISIBLE}]+)")
_ENDS_OF_LINES = re.compile("\r\n|[\t-\r\x1c-\x1f\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_CONTROLS_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
# A blank of Braille is the one character with a width and nothing to see that is no space to Unicode.
_BLANK = re.compile(r"[\s\u2800]*")
# The same as a class of a regular expression without planes beyond the first, which not all clients can read.
NOTHING_VISIBLE = (
    r"\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)


def one_line(text: str) -> str:
    """Returns the text without control, direction and invisible characters; ends of lines and tabs become blanks.

    Empty where nothing can be seen.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = _CONTROLS.sub("", _ENDS_OF_LINES.sub(" ", text))
    if kept.isascii():
        return kept
    kept = _REMOVED.sub(lambda found: "" if found[1] else found[0], kept)
    return kept if visible(kept) else ""


def in_lines(text: str) -> str:
    """Returns the text without control characters but tabs and ends of lines; empty where nothing can be seen."""
    if text.isascii() and text.isprintable():
        return text
    kept = _CONTROLS_IN_LINES.sub("", text)
    return kept if kept.isascii() or visible(kept) or not INVISIBLE.search(kept) else ""


def visible(text: str) -> bool:
    """Whether a text shows anything."""
    return not _BLANK.fullmatch(INVISIBLE.sub("", text))
