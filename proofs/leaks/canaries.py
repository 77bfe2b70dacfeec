"""What a patient would be known by, made so that it cannot stand anywhere by chance, and where it may stand."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chairside import types
from chairside.fields import Entry
from chairside.resource import Kind
from tests.contract.builder import Builder
from tests.house import Org

# Beside the table of each kind itself, which holds what its fields were sent. A table that is not named may hold none.
OWN_TABLES: Mapping[str, str] = {
    "patient_words": "what a patient is found by: names, chart number, phones; if archived also email and birth date",
    "idempotency_keys": "the answer to a write, kept two days so that a retry is given the same",
    "pg_statistic": "the planner's samples of these same columns; superusers alone may read them, no dump holds them",
}

NUMBER = re.compile(rb"(?=(9\d\d-?\d\d-?\d{4}))")  # within longer runs of digits too


@dataclass
class Canaries:
    """One name, birth date and phone in every field that takes one; a number for each patient; tokens as they come."""

    dice: random.Random
    name: str = ""
    phone: str = ""
    born: str = ""
    numbers: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = "Zq" + "".join(self.dice.choices("bcdfghjkmnpqrstvwxz", k=8))
        self.phone = f"312555{self.dice.randrange(10_000):04}"
        self.born = f"19{self.dice.randrange(30, 50)}-{self.dice.randrange(1, 13):02}-{self.dice.randrange(1, 28):02}"

    def number(self) -> str:
        """A social security number of the range that is never given to anybody."""
        self.numbers.append(f"9{self.dice.randrange(10**8):08}")
        return self.numbers[-1]

    def secrets_in(self, hay: bytes) -> set[str]:
        """The sorts of what may lie in clear nowhere: numbers with or without dashes, and the secret part of tokens."""
        digits = {m[1].replace(b"-", b"").decode() for m in NUMBER.finditer(hay)}
        sorts = {"a number"} if digits & set(self.numbers) else set()
        # The first eight characters are shown to tell tokens apart. The secret itself may hold underscores.
        return sorts | {"a token" for token in self.tokens if token.split("_", 2)[2][8:].encode() in hay}

    def traits_in(self, hay: bytes) -> set[str]:
        """The sorts of what may lie in its own tables alone."""
        forms = {
            "a name": (self.name, self.name.lower()), "a phone": (self.phone, dotted(self.phone)),
            "a birth date": (self.born, self.born.replace("-", "")),
        }  # fmt: skip
        return {sort for sort, texts in forms.items() if any(text.encode() in hay for text in texts)}

    def every_text(self) -> Iterator[str]:
        """One of each sort, for places where they do not belong."""
        yield from (self.name, self.phone, self.born, dashed(self.numbers[0]), self.numbers[0], self.tokens[0])

    def value(self, entry: Entry, number: int) -> Any:
        """A valid value of a field that holds a canary, or None where its type has no room for one."""
        match entry.type:
            case types.Ssn():
                return dashed(self.number())
            case types.Phone():
                return dotted(self.phone)
            case types.Email():
                return f"{self.name}.{number}@example.org"
            case types.Date() if "birth" in entry.key:
                return self.born
            case types.Text() as text if text.max >= len(self.name) + 6:
                return f"{self.name} {number}"
        return None


def dashed(number: str) -> str:
    return f"{number[:3]}-{number[3:5]}-{number[5:]}"


def dotted(phone: str) -> str:
    return f"({phone[:3]}) {phone[3:6]}-{phone[6:]}"


class Marked(Builder):
    """Makes records of any kind whose every field that can holds a canary."""

    def __init__(self, org: Org, canaries: Canaries) -> None:
        super().__init__(org)
        self.canaries = canaries

    def value(self, kind: Kind, entry: Entry, number: int, turn: int = 0) -> Any:
        marked = self.canaries.value(entry, number)
        return super().value(kind, entry, number, turn) if marked is None else marked
