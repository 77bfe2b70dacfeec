"""The marks a kind's fields are declared with, and how a request's body is read by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from chairside.errors import CODES, Problem, Refused
from chairside.types import Invalid, Type, Uuid

MISSING = object()
UUID = Uuid()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a kind.

    `filled` fields are set by the kind's rules where the caller leaves them out.

    `create`, `patch` and `answer` say in which shapes it appears. `stored=False` marks what only some answers
    fill; `default` stands in for it elsewhere. `hidden` columns never leave the server. `portal` is what a
    patient's own login may do with it. `clinical` fields are for whoever writes charts, even one who may not write
    the rest of the record. `sealed` values are encrypted
    on their way to the database and shown whole to who may, with `?reveal=` and this word.
    """

    name: str
    type: Type
    doc: str
    required: bool = False
    default: object = None
    create: bool = True
    patch: bool = True
    answer: bool = True
    stored: bool = True
    hidden: bool = False
    sealed: str = ""
    filled: bool = False
    portal: Literal["read", "write"] | None = None
    clinical: bool = False

    @property
    def key(self) -> str:
        """Its name in request bodies."""
        return self.name

    @property
    def column(self) -> str:
        return self.name

    @property
    def clearable(self) -> bool:
        return not self.required and self.default is None and not self.filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(Field):
    """A field that names a record of another kind: `x_uuid` in requests, `x: {id, name}` in answers."""

    type: Type = UUID
    to: str
    kept_in: str = ""

    @property
    def key(self) -> str:
        return f"{self.name}_uuid"

    @property
    def column(self) -> str:
        return self.kept_in or f"{self.name}_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed(Field):
    """A field that shows a column of the record that reference `via` names."""

    create: bool = False
    patch: bool = False
    stored: bool = False
    via: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a body or query: its key, type, and whether it must or may be null."""

    key: str
    type: Type
    doc: str = ""
    required: bool = False
    nullable: bool = False
    default: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The shape of a request body. `whole` checks what single entries cannot, after they passed."""

    schema: str
    entries: Mapping[str, Entry]
    doc: str = ""
    example: Mapping[str, object] | None = None
    whole: Callable[[dict[str, object], datetime], Iterable[Problem]] | None = None


def body_of(schema: str, *entries: Entry, **more: object) -> Body:
    return Body(schema=schema, entries={e.key: e for e in entries}, **more)  # type: ignore[arg-type]  # forwarded


def read_body(body: Body, sent: object, now: datetime, *at: str | int) -> dict[str, object]:
    """The checked values of a sent object by key; Refused names every problem at once, under `at`."""
    values, problems = try_body(body, sent, now, *at)
    if problems:
        raise Refused(problems)
    return values


def try_body(body: Body, sent: object, now: datetime, *at: str | int) -> tuple[dict[str, object], list[Problem]]:
    """The checked values of a sent object, and everything that is wrong with it."""
    if not isinstance(sent, dict):
        return {}, [Problem(at, "must be a JSON object", "wrong_type")]
    problems = [
        Problem((*at, _printable(key)), CODES["unknown_field"], "unknown_field")
        for key in sent
        if key not in body.entries
    ]
    values: dict[str, object] = {}
    for key, entry in body.entries.items():
        value = sent.get(key, MISSING)
        if value is MISSING:
            if entry.required:
                problems.append(Problem((*at, key), "is required", "missing"))
            continue
        if value is None:
            if entry.nullable:
                values[key] = None
            else:
                problems.append(Problem((*at, key), "must not be null", "null_not_allowed"))
            continue
        try:
            values[key] = entry.type.parse(value, now)
        except Invalid as bad:
            problems.extend(Problem((*at, key, *one.inside), one.msg, one.code) for one in bad.every)
        except Refused as inner:
            problems.extend(Problem((*at, key, *p.loc), p.msg, p.type, p.extra) for p in inner.problems)
    if not problems and body.whole is not None:
        problems.extend(Problem((*at, *p.loc), p.msg, p.type, p.extra) for p in body.whole(values, now))
    return values, problems


def _printable(key: str) -> str:
    """An unknown key as it can be sent back: short, and without half surrogate pairs."""
    return key[:64].encode("utf-8", "replace").decode()
