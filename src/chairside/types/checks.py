"""What every value type is: a check, a database type, a schema; and the one way to refuse a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol


class Invalid(ValueError):
    """A value does not fit its type: a code of errors.CODES, a sentence, and where inside the value.

    A value with parts may have `more` that is wrong with it, so that all of it can be said at once.
    """

    def __init__(self, code: str, msg: str, *inside: str | int, more: Iterable[Invalid] = ()) -> None:
        super().__init__(msg)
        self.code, self.msg, self.inside, self.more = code, msg, inside, tuple(more)

    @property
    def every(self) -> Iterator[Invalid]:
        yield self
        for one in self.more:
            yield from one.every


def all_of(faults: Sequence[Invalid]) -> Invalid:
    """Several faults as one, which carries the others."""
    first, *rest = faults
    return Invalid(first.code, first.msg, *first.inside, more=(*first.more, *rest))


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
