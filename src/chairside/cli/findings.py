"""A finding of `chairside doctor`, and its three levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import asyncpg

    Owner = asyncpg.Connection[asyncpg.Record]
else:
    Owner = object

Level = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check; a warning names a risk that a practice may take, and does not change the exit status."""

    name: str
    level: Level
    says: str

    @property
    def good(self) -> bool:
        return self.level != "fault"


def fine(name: str, says: str) -> Finding:
    return Finding(name, "ok", says)


def warning(name: str, says: str) -> Finding:
    return Finding(name, "warning", says)


def fault(name: str, says: str) -> Finding:
    return Finding(name, "fault", says)
