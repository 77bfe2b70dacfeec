"""What a kind's rules see and may do: records, changes to them, requests, answers, and the desk they work at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

import msgspec

from chairside.errors import Problem, Refused, refuse

# A record is its columns by name: what a row holds, and what rules read and change.
Record = dict[str, Any]
# What a record is found by: for each scope, with the name that the record sorts by there, words, each with another word
# of the record beside it.
SearchWords = dict[tuple[int, str], set[tuple[str, str]]]
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Change:
    """A record on its way to being saved, as a kind's rules see it.

    `before` is None for a new record; `after` may be altered by the rules; `given` names the columns that the
    caller sent; `extra` goes into the answer alone, `notes` into the event. `day` is the day at the record's
    place: at its location, else at its patient's location, else where the org is. With `bookkeeping` the server itself
    writes columns that it keeps: `version` stays, so that no open form is refused for it.
    `role` and `source` are the caller's.
    """

    before: Record | None
    after: Record
    given: frozenset[str]
    now: datetime
    region: str = "US"
    role: str = ""
    day: date | None = None
    source: str | None = None
    extra: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    bookkeeping: bool = False

    @property
    def today(self) -> date:
        """The day at the record's place. Known to `settle` of a kind with a parent, to others after `Desk.place`."""
        if self.day is None:
            raise LookupError("the record's place is not known yet")
        return self.day

    def changed(self, *columns: str) -> bool:
        return self.before is None or any(self.before[c] != self.after[c] for c in columns)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, checked: ids of the path, parameters of the query, values of the body."""

    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    now: datetime


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of an operation with the ids of its record and patient, and the ETag of the record where it has one.

    A `computed` answer may change without its record, so that the same ETag does not mean the same answer.
    """

    data: object
    record_id: str | None = None
    patient_id: str | None = None
    etag: str | None = None
    computed: bool = False


class Desk(Protocol):
    """What rules and actions may do: everything inside the one transaction of its request.

    Kinds are called by name. `load` raises not_found at `at`; `save` writes row, version and event. `place` tells
    changes the day at their places; `ahead` names its dates that have not come there yet.
    """

    now: datetime

    @property
    def region(self) -> str: ...
    @property
    def org_id(self) -> str: ...
    @property
    def may_reveal(self) -> bool: ...
    async def load(self, kind: str, record_id: str, *, at: Sequence[str | int], archived: bool = False) -> Record: ...
    async def load_own(self, kind: str, asked: Asked) -> Record: ...
    @staticmethod
    def in_turns(some: Iterable[T]) -> AsyncIterator[list[T]]: ...
    async def ask(self, query: str, *args: object) -> list[Record]: ...
    async def save(self, kind: str, change: Change, event: str) -> Record: ...
    async def keep(self, kind: str, record_id: str, **columns: object) -> Record: ...
    async def save_many(self, kind: str, changes: Sequence[Change], event: str) -> None: ...
    async def name_references(self, kind: str, changes: Sequence[Change]) -> list[list[Problem]]: ...
    async def place(self, kind: str, changes: Sequence[Change]) -> None: ...
    async def know_places(self, kind: str, records: Sequence[Record]) -> None: ...
    def ahead(self, kind: str, change: Change) -> list[Problem]: ...
    async def today(self, patient_id: str | None = None) -> date: ...
    async def walk(self, kind: str, asked: Asked) -> dict[str, object]: ...
    async def listed(self, kind: str, asked: Asked, **query: object) -> list[dict[str, Any]]: ...
    async def where(self, kind: str, **columns: object) -> list[dict[str, Any]]: ...
    async def look_beside(self, kind: str, record: Record) -> None: ...
    async def typeahead(
        self, typed: str, limit: int, alike: Callable[[str], frozenset[str]]
    ) -> tuple[list[Record], int]: ...
    def change(self, kind: str, before: Record | None, values: Mapping[str, object]) -> Change: ...
    def settle(self, kind: str, change: Change) -> None: ...
    def reply(self, kind: str, record: Record, extra: Mapping[str, object] | None = None) -> Reply: ...
    def guess(self, patient_id: str, value: str, *, right: bool) -> None: ...
    def blind(self, ssn: str) -> list[bytes]: ...


def wrong(code: str, key: str, msg: str | None = None, **more: object) -> Refused:
    """A refusal of one field of the body."""
    return refuse(code, "body", key, msg=msg, **more)
