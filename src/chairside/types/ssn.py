"""Social security numbers, and the mask that answers show of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from chairside.types.checks import Invalid, text_of


@dataclass(frozen=True, slots=True)
class Ssn:
    """A social security number: nine digits, bare or with dashes. Stored sealed, answered masked.

    With `mask` the masked form of answers is read too; whether it is the record's own mask, saving decides.
    """

    mask: bool = False
    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        form = "[0-9]{3}-?[0-9]{2}-?[0-9]{4}"
        form = rf"({form}|\*{{3}}-\*{{2}}-[0-9]{{4}})" if self.mask else form
        return {"type": "string", "pattern": f"^{form}$", "examples": ["900-45-6789"]}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value).strip()
        if self.mask and is_mask(text):
            return text
        if not re.fullmatch(r"\d{3}-?\d{2}-?\d{4}", text, re.ASCII):
            raise Invalid("invalid_ssn", "must be nine digits, with or without dashes")
        return text.replace("-", "")


def mask_of(ssn: str) -> str:
    """The form in which answers show a social security number."""
    return f"***-**-{ssn[-4:]}"


def is_mask(text: str) -> bool:
    return re.fullmatch(r"\*{3}-\*{2}-\d{4}", text, re.ASCII) is not None
