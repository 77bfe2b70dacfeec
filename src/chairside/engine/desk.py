"""What rules and actions work with: records of one org, inside the one transaction of their request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any, TypeVar

from chairside.changes import Asked, Change, Record, Reply
from chairside.engine import days, reading, references, saving, typeahead
from chairside.engine.answers import Shapes, View, etag
from chairside.engine.context import Context
from chairside.engine.vault import Vault
from chairside.errors import Problem, refuse
from chairside.resource import Kind
from chairside.store.clock import catch_up, clocks
from chairside.store.lending import Connection
from chairside.store.sql import queries
from chairside.store.tables import TODAY, Table

T = TypeVar("T")
# A few milliseconds of an import.
AT_A_TURN = 25


class Desk:
    """One request's view of its org. Everything it writes, and the events of it, commits or fails together."""

    def __init__(
        self,
        context: Context,
        connection: Connection,
        tables: Mapping[str, Table],
        shapes: Shapes,
        vault: Vault,
    ) -> None:
        self.context, self.now, self.vault = context, context.now, vault
        self.connection, self.tables, self.shapes = connection, tables, shapes
        # The day at each place that this request has come across: by id of location, patient or org.
        self.days: dict[str, date] = {}
        self.events: list[tuple[object, ...]] = []
        self.tallied = 0
        self.written: set[str] = set()  # ids of the records that this request has written
        self.insists = False
        self.guesses: dict[tuple[str, bytes], bool] = {}
        self.base_version: int | None = None
        self.base_version_in = "body"

    @property
    def org_id(self) -> str:
        return self.context.caller.org_id

    @property
    def region(self) -> str:
        return self.context.caller.region

    @property
    def version_base(self) -> int:
        return self.context.caller.version_base

    @property
    def view(self) -> View:
        return self.context.view

    @property
    def may_reveal(self) -> bool:
        return self.context.may_reveal

    def guess(self, patient_id: str, value: str, *, right: bool) -> None:
        """Counts a comparison of a sent value with a patient's sealed one, whose result the caller will see."""
        if not self.may_reveal:
            self.guesses[patient_id, self.vault.audit.newest.guess_mark(self.org_id, patient_id, value)] = right

    async def take_later_time(self) -> None:
        """Goes on at a time that is later than all that is committed by now."""
        await catch_up(self.connection, self.org_id)
        self.now = clocks.now(self.org_id)

    async def ask(self, query: str, *args: object) -> list[Record]:
        """The rows of a named statement of store/queries."""
        return [dict(row) for row in await self.fetch(queries()[query], *args)]

    async def fetch(self, statement: str, *args: object) -> list[Any]:
        return await self.connection.fetch(statement, self.org_id, *args)

    async def fetch_status(self, query: str, *args: object) -> int:
        """How many rows a named statement wrote."""
        status = await self.connection.execute(queries()[query], self.org_id, *args)
        return int(status.rsplit(" ", 1)[1])

    @staticmethod
    async def in_turns(some: Iterable[T]) -> AsyncIterator[list[T]]:
        """The same entries, a few at a time, between which the worker's other requests get their turn."""
        entries = iter(some)
        while few := list(islice(entries, AT_A_TURN)):
            yield few
            await asyncio.sleep(0)

    async def load(self, kind: str, record_id: str, *, at: Sequence[str | int], archived: bool = False) -> Record:
        """The record as it is now, every column of it; not_found at `at` when there is none or it is archived."""
        table = self.tables[kind]
        if self.insists and table.kind.bookkept and record_id == self.context.record_id:
            # Another write came between load and update; under a lock none can come again.
            await self.fetch(table.hold, record_id)
        rows = await self.fetch(table.load, record_id)
        if not rows or (rows[0]["deleted_at"] is not None and not archived):
            raise refuse("not_found", *at)
        record = dict(rows[0])
        if today := record.pop(TODAY, None):
            self.days[days.place_of(self, self.tables[kind].kind, record)] = today
        return record

    async def load_own(self, kind: str, asked: Asked) -> Record:
        """The record that the path names, under its own patient, who must not be archived."""
        declared = self.tables[kind].kind
        at = ("path", declared.id_param)
        record = await self.load(kind, asked.path[declared.id_param], at=at)
        if declared.parent is not None:
            if record["patient_id"] != asked.path["patient_uuid"]:
                raise refuse("not_found", *at)
            if not await self.ask("patients.exists", record["patient_id"]):
                raise refuse("not_found", "path", "patient_uuid")
        return record

    def change(self, kind: str, before: Record | None, values: Mapping[str, object]) -> Change:
        """The change that values, by key of the request, make to a record or to a new one."""
        declared = self.tables[kind].kind
        if before is not None and before["id"] == self.context.record_id:
            self._expect(before["version"], values)
        keys = declared.column_of
        sent = {keys.get(key, key): value for key, value in values.items() if key != "base_version"}
        after = dict(before) if before is not None else self._blank(declared)
        after.update(sent)
        return Change(
            before=before,
            after=after,
            given=frozenset(sent),
            now=self.now,
            region=self.region,
            role=self.context.caller.role,
            source=self.context.caller.source,
            day=self.days.get(days.place_of(self, declared, after)),
        )

    def _expect(self, version: int, values: Mapping[str, object]) -> None:
        """Refuses a caller who names another version than this stored one, as callers see it."""
        version += self.version_base
        wanted = self.context.if_match
        if wanted is not None and version not in wanted:
            raise refuse("precondition_failed", "header", "if-match", current_version=version)
        base = self.base_version if self.base_version is not None else values.get("base_version")
        if base is not None and base != version:
            raise refuse("version_conflict", self.base_version_in, "base_version", current_version=version)

    def _blank(self, kind: Kind) -> Record:
        record: Record = dict(kind.blank)
        record |= {"id": clocks.new_id(self.org_id), "created_at": self.now, "updated_at": self.now, "version": 0}
        caller = self.context.caller
        for column, value in (
            ("created_by", caller.number),
            ("author_id", caller.user_id),
            ("author_name", caller.name),
        ):
            if column in record:
                record[column] = value
        return record

    def settle(self, kind: str, change: Change) -> None:
        saving.settle(self.tables[kind].kind, change)

    async def name_references(self, kind: str, changes: Sequence[Change]) -> list[list[Problem]]:
        """Per change the problems of references that name nothing; the others are named in the records."""
        return await references.name_references(self, self.tables[kind], changes)

    async def save(self, kind: str, change: Change, event: str) -> Record:
        """Write a record with its version and event, by its kind's rules; the record as it is then."""
        return await saving.save(self, self.tables[kind], change, event)

    async def keep(self, kind: str, record_id: str, **columns: object) -> Record:
        """Write columns that the server keeps for itself: `version` stays, `updated_at`, ETag and events move.

        Callers lock the record before they compute the columns.
        """
        before = await self.load(kind, record_id, at=("path", self.tables[kind].kind.id_param))
        change = self.change(kind, before, columns)
        change.bookkeeping = True
        return await self.save(kind, change, "updated")

    async def save_many(self, kind: str, changes: Sequence[Change], event: str) -> None:
        """The same for many by a fixed number of statements; rules and references were judged before."""
        await saving.save_many(self, self.tables[kind], changes, event)

    async def place(self, kind: str, changes: Sequence[Change]) -> None:
        """Tell each change the day at its place."""
        await days.place(self, self.tables[kind].kind, changes)

    async def know_places(self, kind: str, records: Sequence[Record]) -> None:
        """Look up, by one statement at most, what `ahead` needs to judge the dates of these records."""
        await days.know_near(self, self.tables[kind].kind, records)

    def ahead(self, kind: str, change: Change) -> list[Problem]:
        """The dates of a change that must have come and have not yet at its place."""
        return days.ahead(self, self.tables[kind].kind, change)

    async def today(self, patient_id: str | None = None) -> date:
        """The day where a patient is treated, or the day of the org."""
        return await days.today_at(self, patient_id)

    def about(self, kind: Kind, column: str, record_id: str) -> str:
        """What a sealed value is bound to: moved to another org, table, column or row it does not open."""
        return f"{self.org_id}/{kind.table}/{column}/{record_id}"

    def reply(self, kind: str, record: Record, extra: Mapping[str, object] | None = None) -> Reply:
        """The answer that shows a record to this caller."""
        declared = self.tables[kind].kind
        data = self.shapes.of_record(declared, record, self.view, self.version_base)
        if extra:
            data |= {name: value for name, value in extra.items() if name in data}
        patient_id = record["id"] if kind == "patient" else record.get("patient_id")
        tag = etag(declared, record["version"] + self.version_base, record.get("revision", 0))
        return Reply(data=data, record_id=record["id"], patient_id=patient_id, etag=tag)

    async def listed(self, kind: str, asked: Asked, **query: object) -> list[dict[str, Any]]:
        """All live records of a kind under the patient of the path, as answers, up to 1,000."""
        whole = Asked(path=asked.path, query={"page_size": 1000, "page": 1, **query}, body={}, now=self.now)
        return await reading.items(self, self.tables[kind], whole)

    async def where(self, kind: str, **columns: object) -> list[dict[str, Any]]:
        """The live records of a kind whose columns have these values, as answers, up to 1,000."""
        return await reading.where(self, self.tables[kind], columns)

    async def look_beside(self, kind: str, record: Record) -> None:
        """Fetch what a new record's computed fields are made from; a loaded record has it already."""
        for beside in self.tables[kind].kind.beside:
            if beside.of != "self" and beside.name not in record:
                of = self.org_id if beside.of == "org_settings" else record["patient_id"]
                near = await self.load(beside.of, of, at=("path", "patient_uuid"))
                record[beside.name] = near[beside.column]

    async def page(self, kind: str, asked: Asked) -> dict[str, object] | list[object]:
        return await reading.page(self, self.tables[kind], asked)

    async def walk(self, kind: str, asked: Asked) -> dict[str, object]:
        return await reading.walk(self, self.tables[kind], asked)

    async def typeahead(
        self, typed: str, limit: int, alike: Callable[[str], frozenset[str]]
    ) -> tuple[list[Record], int]:
        return await typeahead.typeahead(self, typed, limit, alike)

    def blind(self, ssn: str) -> list[bytes]:
        return self.vault.blind(self.org_id, ssn)
