"""What rules and actions work with: records of one org, inside the one transaction of their request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chairside.engine import reading
from chairside.engine.answers import Shapes
from chairside.engine.context import Context
from chairside.engine.ids import new_id
from chairside.engine.vault import Vault
from chairside.errors import CODES, Problem, Refused, refuse
from chairside.fields import Reference
from chairside.resource import Asked, Change, Kind, Record, Reply
from chairside.store.pool import Connection
from chairside.store.sql import queries
from chairside.store.tables import Table, column_types


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
        self.events: list[tuple[object, ...]] = []
        self.base_version: int | None = None

    @property
    def org_id(self) -> str:
        return self.context.caller.org_id

    @property
    def region(self) -> str:
        return self.context.caller.region

    @property
    def portal(self) -> bool:
        return self.context.caller.portal

    async def ask(self, query: str, *args: object) -> list[Record]:
        """The rows of a named statement of store/queries."""
        return [dict(row) for row in await self.fetch(queries()[query], *args)]

    async def fetch(self, statement: str, *args: object) -> list[Any]:
        return await self.connection.fetch(statement, self.org_id, *args)

    async def fetch_status(self, query: str, *args: object) -> int:
        """How many rows a named statement wrote."""
        status = await self.connection.execute(queries()[query], self.org_id, *args)
        return int(status.rsplit(" ", 1)[1])

    async def load(self, kind: str, record_id: str, *, at: Sequence[str | int], archived: bool = False) -> Record:
        """The record as it is now, every column of it; not_found at `at` when there is none or it is archived."""
        rows = await self.fetch(self.tables[kind].load, record_id)
        if not rows or (rows[0]["deleted_at"] is not None and not archived):
            raise refuse("not_found", *at)
        return dict(rows[0])

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
        keys = {f.key: f.column for f in declared.fields}
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
        )

    def _expect(self, version: int, values: Mapping[str, object]) -> None:
        """The caller must have seen this version, if they say which one they have seen."""
        wanted = self.context.if_match
        if wanted is not None and version not in wanted:
            raise refuse("precondition_failed", "header", "if-match", current_version=version)
        base = self.base_version if self.base_version is not None else values.get("base_version")
        if base is not None and base != version:
            raise refuse("version_conflict", "body", "base_version", current_version=version)

    def _blank(self, kind: Kind) -> Record:
        record: Record = {f.column: f.default for f in kind.stored}
        record |= {f.column + end: None for f in kind.stored if f.sealed for end in ("_sealed", "_index")}
        record |= {"id": new_id(), "created_at": self.now, "updated_at": self.now, "version": 0}
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
        if (rule := self.tables[kind].kind.settle) is not None:
            rule(change)

    async def name_references(self, kind: str, changes: Sequence[Change]) -> list[list[Problem]]:
        """Look up what changed references name, once for all; per change the problems of those that name nothing."""
        table = self.tables[kind]
        pending = [
            (place, change, ref)
            for place, change in enumerate(changes)
            for ref in table.kind.references
            if change.changed(ref.column)
        ]
        wanted: dict[str, set[str]] = {target: set() for target in table.targets}
        for _, change, ref in pending:
            if (target_id := change.after[ref.column]) is not None and target_id != change.after["id"]:
                wanted[ref.to].add(target_id)
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        if any(wanted.values()):
            rows = await self.fetch(table.names, *(sorted(wanted[t]) for t in table.targets))
            found = {(row["kind"], row["id"]): row for row in rows}
        problems: list[list[Problem]] = [[] for _ in changes]
        for place, change, ref in pending:
            if not self._name(table.kind, change.after, ref, found):
                problems[place].append(_nothing_there(table.kind, ref))
        return problems

    def _name(
        self, kind: Kind, record: Record, ref: Reference, found: Mapping[tuple[str, str], Mapping[str, Any]]
    ) -> bool:
        target_id = record[ref.column]
        name = f"{ref.name}_name"
        if target_id is None:
            record[name] = None
            return True
        if target_id == record["id"]:
            record[name] = " ".join(record[column] for column in kind.label)
            return True
        row = found.get((ref.to, target_id))
        if row is None:
            return False
        record[name] = row["name"]
        record.update({b.name: row[b.name] for b in self.shapes.borrowed(kind, ref.name)})
        return True

    async def save(self, kind: str, change: Change, event: str) -> Record:
        """Write a record: its rules, its references, row and version, search words, event. One way for all."""
        table = self.tables[kind]
        self.settle(kind, change)
        if problems := [p for found in await self.name_references(kind, [change]) for p in found]:
            raise Refused(problems)
        if table.kind.consult is not None:
            await table.kind.consult(self, change)
        self._seal(table.kind, change)
        if not self._touched(table, change):
            return change.after
        self._advance(change)
        await self._write(table, change)
        await self._index(table.kind, [change])
        self._note(table, change, event)
        if table.kind.follow is not None:
            await table.kind.follow(self, change)
        return change.after

    async def save_many(self, kind: str, changes: Sequence[Change], event: str) -> None:
        """The same for many records by a fixed number of statements; rules and references were already judged."""
        table, types = self.tables[kind], column_types(self.tables[kind].kind)
        for change in changes:
            self._seal(table.kind, change)
        moved = [c for c in changes if self._touched(table, c)]
        for change in moved:
            self._advance(change)
        for statement, part in (
            (table.insert_many, [c for c in moved if c.before is None]),
            (table.update_many, [c for c in moved if c.before is not None]),
        ):
            if part:
                columns = ([_packed(c.after[name]) for c in part] for name in types)
                status = await self.connection.execute(statement, self.org_id, *columns)
                if int(status.rsplit(" ", 1)[1]) != len(part):
                    raise Rewritten
        await self._index(table.kind, moved)
        for change in moved:
            self._note(table, change, event)

    def _seal(self, kind: Kind, change: Change) -> None:
        for field in kind.stored:
            if not field.sealed or field.column not in change.given:
                continue
            column, new = field.column, change.after
            plain = new[column]
            index = self.vault.blind(self.org_id, plain)[0] if plain else None
            if change.before is not None and change.before[f"{column}_index"] == index:
                new[column] = change.before[column]
                continue
            new[f"{column}_index"] = index
            new[f"{column}_sealed"] = self.vault.seal(plain, self.about(kind, column, new["id"])) if plain else None
            new[column] = f"***-**-{plain[-4:]}" if plain else None

    def about(self, kind: Kind, column: str, record_id: str) -> str:
        """What a sealed value is bound to: moved to another org, table, column or row it does not open."""
        return f"{self.org_id}/{kind.table}/{column}/{record_id}"

    @staticmethod
    def _touched(table: Table, change: Change) -> bool:
        return change.before is None or any(change.before[c] != change.after[c] for c in table.columns)

    def _advance(self, change: Change) -> None:
        change.after["version"] = (change.before["version"] if change.before else 0) + 1
        change.after["updated_at"] = self.now

    async def _write(self, table: Table, change: Change) -> None:
        if change.before is None:
            await self.connection.execute(table.insert, self.org_id, *(change.after[c] for c in table.columns))
            return
        values = (change.after[c] for c in table.updated)
        if await self.connection.execute(table.update, self.org_id, *values) != "UPDATE 1":
            # Somebody was faster between load and update.
            await self.conflict(table, change.after["id"])

    async def conflict(self, table: Table, record_id: str) -> None:
        now = await self.load(table.kind.name, record_id, at=("path", table.kind.id_param))
        raise refuse("version_conflict", "body", "base_version", current_version=now["version"])

    async def _index(self, kind: Kind, changes: Sequence[Change]) -> None:
        words = kind.search_words
        if words is None:
            return
        gone: list[tuple[int, str, str]] = []
        come: list[tuple[int, str, str]] = []
        for change in changes:
            old = words(change.before) if change.before is not None else set()
            new = words(change.after)
            gone.extend((scope, word, change.after["id"]) for scope, word in old - new)
            come.extend((scope, word, change.after["id"]) for scope, word in new - old)
        for query, rows in (("words.remove", gone), ("words.add", come)):
            if rows:
                scopes, texts, ids = zip(*rows, strict=True)
                await self.connection.execute(queries()[query], self.org_id, scopes, texts, ids)

    def _note(self, table: Table, change: Change, event: str) -> None:
        kind, record = table.kind, change.after
        changed = [
            f.name
            for f in kind.answered
            if f.stored
            and f.name not in ("id", "version", "created_at", "updated_at", kind.parent_name)
            and (record[f.column] is not None if change.before is None else change.before[f.column] != record[f.column])
        ]
        patient_id = record["id"] if kind.name == "patient" else record.get("patient_id")
        self.events.append(
            (
                new_id(),
                f"{kind.name}.{event}",
                self.now,
                kind.name,
                record["id"],
                patient_id,
                record["version"],
                ",".join(changed),
                ",".join(change.notes),
            )
        )

    def reply(self, kind: str, record: Record, extra: Mapping[str, object] | None = None) -> Reply:
        """The answer that shows a record to this caller."""
        declared = self.tables[kind].kind
        data = self.shapes.of_record(declared, record, portal=self.portal)
        if extra:
            data |= {name: value for name, value in extra.items() if name in data}
        patient_id = record["id"] if kind == "patient" else record.get("patient_id")
        version = record["version"] if declared.versioned else None
        return Reply(data=data, record_id=record["id"], patient_id=patient_id, version=version)

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

    async def page(self, kind: str, asked: Asked) -> dict[str, object] | list[dict[str, object]]:
        return await reading.page(self, self.tables[kind], asked)

    async def walk(self, kind: str, asked: Asked) -> dict[str, object]:
        return await reading.walk(self, self.tables[kind], asked)

    async def typeahead(self, typed: str, limit: int) -> tuple[list[Record], int]:
        return await reading.typeahead(self, typed, limit)

    def blind(self, ssn: str) -> list[bytes]:
        return self.vault.blind(self.org_id, ssn)


class Rewritten(Exception):
    """A record changed between being read and being written; the whole request runs again."""


def _packed(value: object) -> object:
    """A list inside a column of values, as PostgreSQL writes one."""
    if not isinstance(value, list):
        return value
    quoted = (str(v).replace("\\", "\\\\").replace('"', '\\"') for v in value)
    return "{" + ",".join(f'"{q}"' for q in quoted) + "}"


def _nothing_there(kind: Kind, ref: Reference) -> Problem:
    if ref.column == "patient_id" and kind.parent:
        return Problem(("path", "patient_uuid"), CODES["not_found"], "not_found")
    return Problem(("body", ref.key), f"there is no such {ref.to.replace('_', ' ')}", "not_found")
