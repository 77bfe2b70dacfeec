"""Types of numbers, and of yes and no."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from chairside.types.checks import Invalid, text_of

_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `min` to `max`, both allowed."""

    min: int = 0
    max: int = 2**31 - 1

    @property
    def sql(self) -> str:
        return "integer" if self.max < 2**31 else "bigint"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": self.min, "maximum": self.max}

    def parse(self, value: object, now: datetime) -> int:
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)  # JSON has one kind of number: 1.0 is the integer 1
        if not isinstance(value, int) or isinstance(value, bool):
            raise Invalid("wrong_type", "must be a whole number")
        if not self.min <= value <= self.max:
            raise Invalid("out_of_range", f"must be from {self.min} to {self.max}")
        return value


@dataclass(frozen=True, slots=True)
class Version(Integer):
    """A record's version. Stored as a small number, and shown on top of what the org's epoch adds, as a larger one."""

    min: int = 1
    max: int = 2**53 - 1

    @property
    def sql(self) -> str:
        return "integer"


@dataclass(frozen=True, slots=True)
class Number:
    """An exact decimal with `scale` places, sent as a number or numeric text, answered as text."""

    min: Decimal
    max: Decimal
    scale: int = 2

    @property
    def sql(self) -> str:
        return f"numeric({len(str(int(self.max))) + self.scale},{self.scale})"

    @property
    def schema(self) -> dict[str, object]:
        number = {"type": "number", "minimum": float(self.min), "maximum": float(self.max)}
        return {"anyOf": [number, {"type": "string", "pattern": r"^[+-]?\d{1,12}(\.\d{1,12})?$"}]}

    def parse(self, value: object, now: datetime) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise Invalid("wrong_type", "must be a number, or a number written as text")
        if isinstance(value, str) and not _NUMBER.fullmatch(text_of(value)):
            raise Invalid("wrong_type", "must be a number, or a number written as text")
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise Invalid("wrong_type", "must be a number") from None
        if not number.is_finite() or not self.min <= number <= self.max:
            raise Invalid("out_of_range", f"must be from {self.min} to {self.max}")
        return number.quantize(Decimal(1).scaleb(-self.scale))


def money(*, least: str = "-99999999.99") -> Number:
    return Number(Decimal(least), Decimal("99999999.99"))


@dataclass(frozen=True, slots=True)
class Boolean:
    sql: str = "boolean"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}

    def parse(self, value: object, now: datetime) -> bool:
        if not isinstance(value, bool):
            raise Invalid("wrong_type", "must be true or false")
        return value
