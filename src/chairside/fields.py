"""The marks a kind's fields are declared with, and how a request's body is read by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from chairside.errors import CODES, Problem, Refused
from chairside.types import Boolean, Choice, Integer, Invalid, Many, Type, Uuid, takes_blank

# So many unknown fields are named; a mebibyte of them would take more than a second to tell.
MOST_UNKNOWN = 100
UUID = Uuid()
# Types of parameters that cannot hold a name, a birth date or anything else of a patient but an id.
_PLAIN = (Boolean, Choice, Integer, Uuid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a kind.

    `filled` fields are set by the kind's rules where the caller leaves them out.

    `create`, `patch` and `answer` say in which shapes it appears. `stored=False` marks what only some answers
    fill; `default` stands in for it elsewhere. `hidden` columns never leave the server. `portal` is what a
    patient's own login may do with it. `clinical` fields may be changed by a role that writes charts, even
    one that may not write the rest of the record, and answer null to a role that does not read charts. `sealed` values
    are encrypted on their way to the database and shown whole to who may, with `?reveal=` and this word.
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
    def compared(self) -> str:
        """The column by which two values are told apart: sealed ones may read alike where they are masked."""
        return f"{self.column}_index" if self.sealed else self.column

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
    """One entry of a body or query: its key, type, and whether it is required or may be null.

    `kept` entries of a PATCH belong to fields that a record always has, so null is refused. An entry that `filters`
    narrows a list; sent empty in a query, it narrows nothing.

    The audit record keeps a parameter of the query whose type holds no patient data, and one that is `recordable`.
    """

    key: str
    type: Type
    doc: str = ""
    required: bool = False
    nullable: bool = False
    default: object = None
    kept: bool = False
    filters: bool = False
    recordable: bool = False

    @property
    def null_is_absence(self) -> bool:
        """Whether null counts as not sent: clients of the reference send it for any optional boolean or enum."""
        return not (self.required or self.nullable or self.kept) and isinstance(self.type, (Boolean, Choice))

    @property
    def blank_is_null(self) -> bool:
        """Whether empty text counts as null: forms send it for every field that was left empty."""
        return self.nullable and takes_blank(self.type)

    @property
    def recorded(self) -> bool:
        of = self.type.item if isinstance(self.type, Many) else self.type
        return self.recordable or isinstance(of, _PLAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The shape of a request body. `whole` checks what single entries cannot, after they passed.

    `forbidden` are fields of the record that other roles may send here, but not the roles that this shape is for.
    """

    schema: str
    entries: Mapping[str, Entry]
    doc: str = ""
    example: Mapping[str, object] | None = None
    whole: Callable[[dict[str, object], datetime], Iterable[Problem]] | None = None
    forbidden: frozenset[str] = frozenset()
    required: frozenset[str] = field(init=False, repr=False)
    ignored_nulls: frozenset[str] = field(init=False, repr=False)
    blanks: frozenset[str] = field(init=False, repr=False)
    parsers: Mapping[str, Callable[[object, datetime], object]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        needed = frozenset(key for key, entry in self.entries.items() if entry.required)
        object.__setattr__(self, "required", needed)
        ignored = frozenset(key for key, entry in self.entries.items() if entry.null_is_absence)
        object.__setattr__(self, "ignored_nulls", ignored)
        blanks = frozenset(key for key, entry in self.entries.items() if entry.blank_is_null)
        object.__setattr__(self, "blanks", blanks)
        object.__setattr__(self, "parsers", {key: entry.type.parse for key, entry in self.entries.items()})


def body_of(schema: str, *entries: Entry, **more: object) -> Body:
    return Body(schema=schema, entries={e.key: e for e in entries}, **more)  # type: ignore[arg-type]  # forwarded


def read_body(body: Body, sent: object, now: datetime, *at: str | int) -> dict[str, object]:
    """The checked values of a sent object by key; Refused names every problem at once, under `at`."""
    values, problems = try_body(body, sent, now, *at)
    if problems:
        raise Refused(problems)
    return values


def try_body(
    body: Body, sent: object, now: datetime, *at: str | int, excused: frozenset[str] = frozenset()
) -> tuple[dict[str, object], list[Problem]]:
    """The checked values of a sent object, and everything that is wrong with it; `excused` fields may be missing."""
    if not isinstance(sent, dict):
        return {}, [Problem(at, "must be a JSON object", "wrong_type")]
    values: dict[str, object] = {}
    bad: dict[str, list[Problem]] = {}
    unknown, parsers = 0, body.parsers
    for key, value in sent.items():
        try:
            if key not in parsers:
                unknown += key not in body.forbidden
                if unknown <= MOST_UNKNOWN:
                    bad[key] = [_not_taken(body, key, at)]
            elif value is None or (value == "" and key in body.blanks):
                _put_null(body, key, values)
            else:
                values[key] = parsers[key](value, now)
        except Invalid as invalid:
            bad[key] = [Problem((*at, _printable(key), *one.inside), one.msg, one.code) for one in invalid.every]
        except Refused as inner:
            bad[key] = [Problem((*at, key, *p.loc), p.msg, p.type, p.extra) for p in inner.problems]
    for key in body.required - sent.keys() - excused:
        bad[key] = [Problem((*at, key), "is required", "missing")]
    if bad:
        # First what is unknown, then in the order of the declaration, however they were sent.
        order = [*(key for key in bad if key not in body.entries), *body.entries]
        return values, [problem for key in order for problem in bad.get(key, ())]
    wrong = body.whole(values, now) if body.whole is not None else ()
    return values, [Problem((*at, *p.loc), p.msg, p.type, p.extra) for p in wrong]


def _not_taken(body: Body, key: str, at: tuple[str | int, ...]) -> Problem:
    code = "field_forbidden" if key in body.forbidden else "unknown_field"
    return Problem((*at, _printable(key)), CODES[code], code)


def _put_null(body: Body, key: str, values: dict[str, object]) -> None:
    """Null is kept where the entry may be null, and no value at all where it counts as not sent."""
    if key in body.ignored_nulls:
        return
    if not body.entries[key].nullable:
        raise Invalid("null_not_allowed", "must not be null")
    values[key] = None


def _printable(key: str) -> str:
    """An unknown key as it can be sent back: short, and without half surrogate pairs."""
    return key[:64].encode("utf-8", "replace").decode()


def bounded(problems: Sequence[Problem], most: int) -> list[Problem]:
    """Returns the first problems, and if there are more than `most`, one that counts the others by their codes."""
    if len(problems) <= most:
        return list(problems)
    codes: Counter[str] = Counter()
    for problem in problems[most:]:
        codes.update(problem.extra["codes"] if problem.type == "more_problems" else [problem.type])  # type: ignore[call-overload]
    number = codes.total()
    at = _shared([problem.loc for problem in problems[most:]])
    more = Problem(at, f"{number} more", "more_problems", {"count": number, "codes": dict(codes.most_common())})
    return [*problems[:most], more]


def _shared(places: Sequence[tuple[str | int, ...]]) -> tuple[str | int, ...]:
    """Returns the beginning that all places have in common."""
    shared = places[0]
    for place in places:
        while place[: len(shared)] != shared:
            shared = shared[:-1]
    return shared
