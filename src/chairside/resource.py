"""The words a kind of record is declared with, and what its rules may see and do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from chairside.errors import Problem, Refused, refuse
from chairside.fields import Body, Entry, Field, Reference
from chairside.types import Integer, Text, Timestamp, Uuid

# A record is its columns by name: what a row holds, and what rules read and change.
Record = dict[str, Any]

Verb = Literal["list", "get", "create", "patch", "archive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """A named constraint of the database and the refusal it stands for."""

    constraint: str
    code: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A query parameter that narrows a list: `how` names an operator of store/lists; `is` compares with `value`."""

    entry: Entry
    column: str = ""
    how: Literal["equals", "from", "to", "contains", "tagged", "words", "state", "is", "family", "mentions"] = "equals"
    refers_to: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """A word of `sort_by` and the column behind it; a nullable column sorts its nulls last."""

    name: str
    column: str
    nullable: bool = False
    cursor_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """A status that ends by date alone: while `column` holds `held` and the day `on` has come, it reads `becomes`.

    `stamp` then reads the moment it ended. No job has to run, so a server that was asleep is right at once.
    """

    column: str
    held: str
    on: str
    becomes: str
    stamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A column near a record that its answers are computed from: of its own, its patient, or the org's settings."""

    of: Literal["self", "patient", "org_settings"]
    column: str

    @property
    def name(self) -> str:
        return f"{self.of}.{self.column}"


@dataclass(slots=True, kw_only=True)
class Change:
    """A record on its way to being saved, as a kind's rules see it.

    `before` is None for a new record; `after` may be altered by the rules; `given` names the columns that the
    caller sent; `extra` goes into the answer alone, `notes` into the event.
    """

    before: Record | None
    after: Record
    given: frozenset[str]
    now: datetime
    region: str = "US"
    role: str = ""
    extra: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def changed(self, *columns: str) -> bool:
        return self.before is None or any(self.before[c] != self.after[c] for c in columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks for, checked: ids of the path, parameters of the query, values of the body."""

    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an operation answers, and of which record; version None where there is none."""

    data: object
    record_id: str | None = None
    patient_id: str | None = None
    version: int | None = None


class Desk(Protocol):
    """What rules and actions may do: everything inside the one transaction of its request.

    Kinds are called by name. `load` raises not_found at `at`; `save` writes row, version and event.
    """

    now: datetime

    @property
    def region(self) -> str: ...
    @property
    def org_id(self) -> str: ...
    async def load(self, kind: str, record_id: str, *, at: Sequence[str | int], archived: bool = False) -> Record: ...
    async def load_own(self, kind: str, asked: Asked) -> Record: ...
    async def ask(self, query: str, *args: object) -> list[Record]: ...
    async def save(self, kind: str, change: Change, event: str) -> Record: ...
    async def save_many(self, kind: str, changes: Sequence[Change], event: str) -> None: ...
    async def name_references(self, kind: str, changes: Sequence[Change]) -> list[list[Problem]]: ...
    async def walk(self, kind: str, asked: Asked) -> dict[str, object]: ...
    async def listed(self, kind: str, asked: Asked, **query: object) -> list[dict[str, Any]]: ...
    async def where(self, kind: str, **columns: object) -> list[dict[str, Any]]: ...
    async def look_beside(self, kind: str, record: Record) -> None: ...
    async def typeahead(self, typed: str, limit: int) -> tuple[list[Record], int]: ...
    def change(self, kind: str, before: Record | None, values: Mapping[str, object]) -> Change: ...
    def settle(self, kind: str, change: Change) -> None: ...
    def reply(self, kind: str, record: Record, extra: Mapping[str, object] | None = None) -> Reply: ...
    def blind(self, ssn: str) -> list[bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An operation beyond the five verbs: one plain async function with its declaration.

    `allow` is the right it needs (access/roles). `answer` names its schema: a kind's Out schema or one of
    records.SCHEMAS; `many` says that the answer is a bare array of it.
    """

    name: str
    method: Literal["GET", "POST", "PUT", "PATCH"]
    path: str
    allow: str
    summary: str
    doc: str
    answer: str
    run: Callable[[Any, Asked], Awaitable[Reply]]
    area: str | None = None
    writes: bool = False
    query: tuple[Entry, ...] = ()
    body: Body | None = None
    errors: tuple[str, ...] = ()
    large: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of record: what it keeps, how it is listed, its rules and its actions.

    `order` names columns, with a minus for those that descend. `present` fills computed fields of an answer from
    the columns named in `beside`. `settle` is pure: it derives columns and refuses what a record alone shows to be
    wrong. `consult` may look at other records first, `follow` may change others after. `search_words` are (scope,
    word) pairs that lists with `search` find it by.
    """

    name: str
    table: str
    path: str
    id_param: str
    schema: str
    create_schema: str | None = None
    title: str
    plural: str
    area: str
    doc: str
    fields: tuple[Field, ...]
    label: tuple[str, ...] = ("name",)
    verbs: tuple[Verb, ...] = ("list", "get", "create", "patch", "archive")
    parent: str | None = None
    parent_name: str = "patient"
    versioned: bool = True
    moments: tuple[str, ...] = ("created_at", "updated_at", "deleted_at")
    bare_list: bool = False
    page_size: int = 50
    archive_by: Literal["id", "body", "query"] = "id"
    order: tuple[str, ...] = ("created_at", "id")
    sorts: tuple[Sort, ...] = ()
    filters: tuple[Filter, ...] = ()
    unique: tuple[Unique, ...] = ()
    extra_create: tuple[Entry, ...] = ()
    check_create: Callable[[dict[str, Any], datetime], Iterable[Problem]] | None = None
    settle: Callable[[Change], None] | None = None
    consult: Callable[[Any, Change], Awaitable[None]] | None = None
    lapse: Lapse | None = None
    beside: tuple[Beside, ...] = ()
    present: Callable[[dict[str, Any], Mapping[str, Any]], None] | None = None
    search_words: Callable[[Record], set[tuple[int, str]]] | None = None
    follow: Callable[[Any, Change], Awaitable[None]] | None = None
    archiving: Callable[[Any, Change], Awaitable[None]] | None = None
    actions: tuple[Action, ...] = ()
    patch_errors: tuple[str, ...] = ()
    create_errors: tuple[str, ...] = ()
    archive_errors: tuple[str, ...] = ()

    @property
    def every_field(self) -> tuple[Field, ...]:
        """Its own fields between those that every kind has."""
        owner = (
            (
                Reference(
                    name=self.parent_name,
                    kept_in="patient_id",
                    to=self.parent,
                    doc="The patient it belongs to.",
                    required=True,
                    create=False,
                    patch=False,
                ),
            )
            if self.parent
            else ()
        )
        last = (VERSION,) if self.versioned else (_kept(VERSION),)
        return (ID, *owner, *self.fields, *(_moment(n, n in self.moments) for n in MOMENTS), *last)

    @property
    def answered(self) -> tuple[Field, ...]:
        return tuple(f for f in self.every_field if f.answer and not f.hidden)

    @property
    def stored(self) -> tuple[Field, ...]:
        return tuple(f for f in self.every_field if f.stored)

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(f for f in self.every_field if isinstance(f, Reference))


BASE_VERSION = Entry(
    key="base_version", type=Integer(min=1), doc="Version of the record that the caller has seen.", required=True
)
VERSION_ALONE = Body(schema="BaseVersionIn", entries={"base_version": BASE_VERSION}, example={"base_version": 1})
ID = Field(
    name="id",
    type=Uuid(),
    doc="Identifier, a UUID of version 7.",
    required=True,
    create=False,
    patch=False,
    portal="read",
)
VERSION = Field(
    name="version",
    type=Integer(min=1),
    doc="Grows by one with each change; sent back as base_version.",
    required=True,
    create=False,
    patch=False,
    portal="read",
)
MOMENTS = {
    "created_at": "When the record was made.",
    "updated_at": "When the record last changed.",
    "deleted_at": "When the record was archived; null while it is not.",
}


def _moment(name: str, shown: bool) -> Field:
    needed = name != "deleted_at"
    return Field(
        name=name,
        type=Timestamp(),
        doc=MOMENTS[name],
        required=needed,
        create=False,
        patch=False,
        answer=shown,
        hidden=not shown,
    )


def _kept(mark: Field) -> Field:
    """The same column, kept but not shown."""
    return Field(name=mark.name, type=mark.type, doc=mark.doc, required=True, create=False, patch=False, hidden=True)


def wrong(code: str, key: str, msg: str | None = None, **more: object) -> Refused:
    """A refusal of one field of the body."""
    return refuse(code, "body", key, msg=msg, **more)


def named_fields(*more: Field) -> tuple[Field, ...]:
    """The fields of a catalog entry: its name and place in the list, around those it adds."""
    return (
        Field(
            name="name",
            type=Text(max=120, min=1, trim=True),
            doc="Unique, whatever its case, among the active ones of the org.",
            required=True,
        ),
        *more,
        Field(
            name="item_order",
            type=Integer(max=1_000_000),
            doc="Place in the list; ties go by name.",
            default=0,
        ),
        Field(
            name="name_key",
            type=Text(),
            doc="The name as it is compared.",
            hidden=True,
            create=False,
            patch=False,
        ),
    )
