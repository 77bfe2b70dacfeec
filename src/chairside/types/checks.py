"""What every value type is: a check, a database type, a schema; and the one way to refuse a value."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Invalid(ValueError):
    """A value does not fit its type: a code of errors.CODES, a sentence, and where inside the value."""

    def __init__(self, code: str, msg: str, *inside: str | int) -> None:
        super().__init__(msg)
        self.code, self.msg, self.inside = code, msg, inside


class Type(Protocol):
    """What every value type offers."""

    @property
    def sql(self) -> str: ...
    @property
    def schema(self) -> dict[str, object]: ...
    def parse(self, value: object, now: datetime) -> object: ...


def text_of(value: object) -> str:
    """A string that PostgreSQL and JSON can hold; Invalid otherwise."""
    if not isinstance(value, str):
        raise Invalid("wrong_type", "must be a string")
    if "\x00" in value:
        raise Invalid("invalid_text", "must not contain the NUL character")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Invalid("invalid_text", "must not contain half of a surrogate pair") from None
    return value
