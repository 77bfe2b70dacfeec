"""Compares a text with the one stored beside the tests; ACCEPT_SNAPSHOTS=1 stores it anew."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

HERE = Path(__file__).parent


def same_as_stored(name: str, text: str) -> None:
    """Fails with the difference. Whoever changes the text on purpose stores it and shows the change to a reviewer."""
    file = HERE / f"{name}.txt"
    text = "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"
    if os.environ.get("ACCEPT_SNAPSHOTS") == "1":
        file.write_text(text)
        return
    known = file.read_text() if file.exists() else ""
    lines = difflib.unified_diff(known.splitlines(), text.splitlines(), f"stored {name}", f"{name} now", lineterm="")
    difference = "\n".join(lines)
    assert not difference, f"{difference}\n\nIf this is meant: ACCEPT_SNAPSHOTS=1 .venv/bin/pytest tests/snapshots"
