"""Types of values made of others: lists, names with patterns, and structures with a check of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from chairside.types.checks import Invalid, Type, all_of, text_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values of one type, `min` to `max` long."""

    item: Type
    min: int = 0
    max: int = 200
    distinct: bool = False

    @property
    def sql(self) -> str:
        return self.item.sql + "[]"

    @property
    def schema(self) -> dict[str, object]:
        once = {"uniqueItems": True} if self.distinct else {}
        return {"type": "array", "items": self.item.schema, "minItems": self.min, "maxItems": self.max, **once}

    def parse(self, value: object, now: datetime) -> list[object]:
        if not isinstance(value, list):
            raise Invalid("wrong_type", "must be a list")
        if not self.min <= len(value) <= self.max:
            code = "too_short" if len(value) < self.min else "too_long"
            raise Invalid(code, f"must have {self.min} to {self.max} entries")
        parsed, faults = each(value, lambda entry: self.item.parse(entry, now))
        if faults:
            raise all_of(faults)
        if self.distinct and len(set(parsed)) < len(parsed):
            raise Invalid("contradiction", "must not name the same entry twice")
        return parsed


def each(values: Sequence[object], parse: Callable[[object], T]) -> tuple[list[T], list[Invalid]]:
    """Every entry of a list parsed, and what is wrong with any of them, under its place."""
    parsed: list[T] = []
    faults: list[Invalid] = []
    for place, value in enumerate(values):
        try:
            parsed.append(parse(value))
        except Invalid as bad:
            faults.extend(Invalid(one.code, one.msg, place, *one.inside) for one in bad.every)
    return parsed, faults


@dataclass(frozen=True, slots=True)
class Names:
    """The known names that one text stands for: a name such as `patient.created`, or a pattern such as `patient.*`."""

    known: tuple[str, ...]
    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        examples = [self.known[0], f"{self.known[0].partition('.')[0]}.*"]
        return {"type": "string", "pattern": r"^[a-z_*]+(\.[a-z_*]+)?$", "examples": examples}

    def parse(self, value: object, now: datetime) -> tuple[str, ...]:
        text = text_of(value)
        pattern = re.compile(".*".join(map(re.escape, text.split("*"))))
        found = tuple(name for name in self.known if pattern.fullmatch(name))
        if not found:
            raise Invalid("invalid_choice", f"must be, or be a pattern for, one of: {', '.join(self.known)}")
        return found


@dataclass(frozen=True, slots=True)
class Structure:
    """A value with a structure of its own, checked by the kind that declares it."""

    shown: dict[str, object]
    check: Callable[[object, datetime], object] = field(compare=False)
    sql: str = "jsonb"

    @property
    def schema(self) -> dict[str, object]:
        return self.shown

    def parse(self, value: object, now: datetime) -> object:
        return self.check(value, now)
