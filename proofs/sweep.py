"""Searches what every proof leaves behind: nowhere a secret, outside the tables nothing that patients are known by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

SSN = "900456789"
DASHED = f"{SSN[:3]}-{SSN[3:5]}-{SSN[5:]}"
# What the patients of all proofs carry, made so that it stands nowhere by chance. One birth date for people of one
# name would make them one person; where an import would see that, they are named alone.
NAMED = {"middle_name": "Zqorlandis", "emergency_contact_phone": "(734) 555-0163"}
CARRIED = NAMED | {"date_of_birth": "1913-10-27"}
# Any token at all: the whole form, of which the first characters alone may be shown.
SECRETS = {
    "a token": re.compile(rb"chs_[a-z2-7]{26}_[A-Za-z0-9_-]{43}"),
    "a social security number": re.compile(rb"\b(" + SSN.encode() + rb"|" + DASHED.encode() + rb")\b"),
}
TRAITS = {
    "a name": re.compile(rb"zqorlandis", re.IGNORECASE),
    "a phone": re.compile(rb"734\)?[ .-]?555[ .-]?0163"),
    "a birth date": re.compile(rb"1913-?10-?27"),
}


def leaks(folder: Path) -> tuple[int, list[str]]:
    """How many files servers have left below a folder, and what is found in them that must not be there."""
    searched, found = 0, []
    for path in _files(folder):
        content, where = path.read_bytes(), path.relative_to(folder)
        forms = SECRETS if _holds_tables(where) else SECRETS | TRAITS
        searched += 1
        found += [f"{what} in {where}" for what, form in forms.items() if form.search(content)]
    return searched, found


def _files(folder: Path) -> Iterator[Path]:
    """The logs of servers and all that lies in their data directories, which are told by their keys."""
    yield from folder.rglob("server-*.log")
    for keys in folder.rglob("keys.json"):
        yield from (path for path in keys.parent.rglob("*") if path.is_file() and not path.is_symlink())


def _holds_tables(where: Path) -> bool:
    """Whether it is the database's own, but for its logs; which tables may hold what is for the proof of leaks."""
    return "postgres" in where.parts and where.suffix != ".log"
