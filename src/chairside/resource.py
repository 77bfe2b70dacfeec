"""The words a kind of record is declared with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from chairside.changes import Asked, Change, Record, Reply, SearchWords
from chairside.errors import Problem
from chairside.fields import Body, Entry, Field, Reference
from chairside.standing import ID, MOMENTS, REVISION, VERSION, hidden_field, moment_field

Verb = Literal["list", "get", "create", "patch", "archive", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """A named constraint of the database and the refusal it stands for."""

    constraint: str
    code: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A summary, in a table, of how many records have each value of `columns`, none of which may lapse by date; with
    `of_patients`, of how many patients carry a live record that has, never two alike. Totals are taken from it."""

    table: str
    columns: tuple[str, ...]
    of_patients: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A query parameter that narrows a list: `how` names an operator of store/lists; `is` compares with `value`;
    `counted` is the summary that knows how many records remain when no other filter is given."""

    entry: Entry
    column: str = ""
    how: Literal["equals", "from", "to", "contains", "tagged", "words", "state", "is", "family", "mentions"] = "equals"
    refers_to: str | None = None
    value: str | None = None
    counted: Counted | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "entry", replace(self.entry, filters=True))


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

    With `through` the day itself still counts, so that the status ends when that day is over. `stamp`, if any, then
    reads the moment it ended. No job has to run, so a server that was asleep is right at once.
    """

    column: str
    held: str
    on: str
    becomes: str
    stamp: str = ""
    through: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A column near a record that its answers are computed from: of its own, its patient, or the org's settings."""

    of: Literal["self", "patient", "org_settings"]
    column: str

    @property
    def name(self) -> str:
        return f"{self.of}.{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An operation beyond the five verbs: one plain async function with its declaration.

    `allow` is a right (access/roles), `answer` a schema (`many`: an array of it), `operation_id` as `search_patients`.
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
    operation_id: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """A kind of record: what it keeps, how it is listed, its rules and its actions.

    `order` names columns, with a minus for those that descend. `present` fills computed fields of an answer from the
    columns named in `beside`. `settle` is pure: it derives columns and refuses what a record alone shows to be wrong.
    `consult` may look at other records first, `follow` may change others after. A search finds it by `search_words`,
    derived like the columns `keys` from a record's texts and the org's region; `derivation` counts the changes of both.
    The server writes some columns of a `bookkept` kind by itself, which its `revision` counts.
    `more_events` are events beyond those of its verbs.
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
    bookkept: bool = False
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
    counted: Counted | None = None
    beside: tuple[Beside, ...] = ()
    present: Callable[[dict[str, Any], Mapping[str, Any]], None] | None = None
    keys: Callable[[Record, str], Record] | None = None
    search_words: Callable[[Record, str], SearchWords] | None = None
    derivation: int = 0
    follow: Callable[[Any, Change], Awaitable[None]] | None = None
    archiving: Callable[[Any, Change], Awaitable[None]] | None = None
    actions: tuple[Action, ...] = ()
    more_events: tuple[str, ...] = ()
    patch_errors: tuple[str, ...] = ()
    create_errors: tuple[str, ...] = ()
    archive_errors: tuple[str, ...] = ()

    @cached_property
    def every_field(self) -> tuple[Field, ...]:
        """Its own fields between those of every kind."""
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
        last: tuple[Field, ...] = (VERSION,) if self.versioned else (hidden_field(VERSION),)
        last += (REVISION,) if self.bookkept else ()
        return (ID, *owner, *self.fields, *(moment_field(n, n in self.moments) for n in MOMENTS), *last)

    @property
    def computed(self) -> bool:
        """Whether answers are computed from other records or from the date, too."""
        return self.lapse is not None or any(beside.of != "self" for beside in self.beside)

    @cached_property
    def answered(self) -> tuple[Field, ...]:
        return tuple(f for f in self.every_field if f.answer and not f.hidden)

    @cached_property
    def stored(self) -> tuple[Field, ...]:
        return tuple(f for f in self.every_field if f.stored)

    @cached_property
    def noted(self) -> tuple[tuple[str, str], ...]:
        """What an event names when it has changed, each with its column."""
        plain = ("id", "version", "created_at", "updated_at", self.parent_name)
        return tuple((f.name, f.compared) for f in self.answered if f.stored and f.name not in plain)

    @cached_property
    def events(self) -> frozenset[str]:
        """The words after the dot in the types of its events."""
        of_verbs = {"create": "created", "patch": "updated", "archive": "archived", "restore": "restored"}
        return frozenset((*(of_verbs[v] for v in self.verbs if v in of_verbs), *self.more_events))

    @cached_property
    def sealed(self) -> tuple[Field, ...]:
        return tuple(f for f in self.stored if f.sealed)

    @cached_property
    def column_of(self) -> Mapping[str, str]:
        """The column behind each key of a request."""
        return {f.key: f.column for f in self.fields}

    @cached_property
    def blank(self) -> Mapping[str, Any]:
        """A record of which nothing is known yet."""
        sealed = {f.column + end: None for f in self.sealed for end in ("_sealed", "_index")}
        return {f.column: f.default for f in self.stored} | sealed

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        return tuple(f for f in self.every_field if isinstance(f, Reference))
