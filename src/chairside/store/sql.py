"""The special statements, each named and described in a file of queries/."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def queries() -> dict[str, str]:
    """Every statement by `file.name`. Its first parameter is the org, if it is of one."""
    found: dict[str, str] = {}
    for file in resources.files("chairside.store").joinpath("queries").iterdir():
        if file.name.endswith(".sql"):
            pieces = _NAME.split(file.read_text())[1:]
            for name, text in zip(pieces[::2], pieces[1::2], strict=True):
                found[f"{file.name.removesuffix('.sql')}.{name}"] = _bare(text)
    return found


def _bare(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--")]
    return "\n".join(lines).rstrip().removesuffix(";")
