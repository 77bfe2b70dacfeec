"""What every proof leaves behind is searched for tokens and numbers in clear, whatever it has done to its servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from proofs.front_desks import SSN

DASHED = f"{SSN[:3]}-{SSN[3:5]}-{SSN[5:]}"
# Any token at all: the whole form, of which the first characters alone may be shown.
SECRETS = {
    "a token": re.compile(rb"chs_[a-z2-7]{26}_[A-Za-z0-9_-]{43}"),
    "a social security number": re.compile(rb"\b(" + SSN.encode() + rb"|" + DASHED.encode() + rb")\b"),
}


def leaks(folder: Path) -> tuple[int, list[str]]:
    """How many files servers have left below a folder, and the secrets found in them."""
    searched, found = 0, []
    for path in _files(folder):
        content = path.read_bytes()
        searched += 1
        found += [f"{what} in {path.relative_to(folder)}" for what, form in SECRETS.items() if form.search(content)]
    return searched, found


def _files(folder: Path) -> Iterator[Path]:
    """The logs of servers and all that lies in their data directories, which are told by their keys."""
    yield from folder.rglob("server-*.log")
    for keys in folder.rglob("keys.json"):
        yield from (path for path in keys.parent.rglob("*") if path.is_file() and not path.is_symlink())
