"""Derives keys and search words of all records of an org anew, after an upgrade that derives them in another way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import msgspec

from chairside.changes import Record
from chairside.resource import Kind
from chairside.store.lending import Connection
from chairside.store.pool import Place, connect
from chairside.store.sql import queries
from chairside.store.tables import column_types
from chairside.store.transactions import transaction

AT_A_TIME = 2000
FIRST = "00000000-0000-0000-0000-000000000000"
# A server of the release before may still run so long after the upgrade, and derives in the old way what it writes.
OLD_SERVERS_GONE = timedelta(days=1)
encode = msgspec.json.Encoder().encode


async def derive_all(owner: Place, kind: Kind, progress: Callable[[str], None]) -> int:
    """Brings every org to the kind's derivation; returns how many orgs had to be.

    Each org in one transaction with its mark, so after a kill the next run goes on with the org it was at. Versions,
    times and events stay: what is shown of a record has not changed. Writers wait meanwhile.
    """
    connection = await connect(owner)
    try:
        late = [org for org in await connection.fetch(queries()["orgs.all"]) if await behind(connection, kind, org)]
        for org in late:
            progress(f"Deriving search keys anew for {org['name']} ...")
            await _derive(connection, kind, org["id"], org["region"])
        return len(late)
    finally:
        await connection.close()


async def behind(connection: Connection, kind: Kind, org: asyncpg.Record) -> bool:
    """Whether an org's keys and words are not all of the kind's derivation."""
    async with transaction(connection, org["id"], writes=False):
        mark = await connection.fetchrow(queries()["rekeying.mark"], org["id"])
        if mark is None or mark["derivation"] < kind.derivation:
            return True
        if mark["derived_at"] is None or datetime.now(UTC) - _moment(mark["derived_at"]) > OLD_SERVERS_GONE:
            return False
        return await _written_by_old_servers(connection, kind, org, mark["derived_at"])


async def _written_by_old_servers(connection: Connection, kind: Kind, org: asyncpg.Record, since: object) -> bool:
    rows = partial(connection.fetch, f"SELECT * FROM {kind.table} r WHERE r.org_id = $1 AND r.id > $2"
                   f" AND r.updated_at >= $3 ORDER BY r.id LIMIT {AT_A_TIME}", org["id"])  # fmt: skip
    async for some in _pages(lambda last: rows(last, since)):
        if _changed(kind, some, org["region"]):
            return True
        words = encode(list(_words(kind, some, org["region"]))).decode()
        if await connection.fetchval(queries()["rekeying.missing"], org["id"], words):
            return True
    return False


async def _derive(connection: Connection, kind: Kind, org_id: str, region: str) -> None:
    async with transaction(connection, org_id, writes=True):
        await connection.execute(queries()["rekeying.hold"])
        await connection.execute(queries()["rekeying.begin"])
        every = f"SELECT * FROM {kind.table} r WHERE r.org_id = $1 AND r.id > $2 ORDER BY r.id LIMIT {AT_A_TIME}"
        async for some in _pages(partial(connection.fetch, every, org_id)):
            if changed := _changed(kind, some, region):
                await connection.execute(_update(kind, changed[0]), org_id, encode(changed).decode())
            words = encode(list(_words(kind, some, region))).decode()
            await connection.execute(queries()["rekeying.expect"], words)
        for step in ("analyze", "remove", "rename", "add"):
            arguments = () if step == "analyze" else (org_id,)
            await connection.execute(queries()[f"rekeying.{step}"], *arguments)
        await connection.execute(queries()["rekeying.done"], org_id, kind.derivation, datetime.now(UTC))


async def _pages(rows: Callable[[str], Any]) -> AsyncIterator[list[Record]]:
    last = FIRST
    while some := [dict(row) for row in await rows(last)]:
        yield some
        last = some[-1]["id"]


def _changed(kind: Kind, records: list[Record], region: str) -> list[Record]:
    """The keys of the records whose keys are others now."""
    assert kind.keys is not None  # noqa: S101 - asked of a kind that derives them
    derived = ((record, kind.keys(record, region)) for record in records)
    return [{"id": r["id"]} | keys for r, keys in derived if any(r[column] != keys[column] for column in keys)]


def _words(kind: Kind, records: list[Record], region: str) -> Iterator[dict[str, object]]:
    assert kind.search_words is not None  # noqa: S101 - asked of a kind that is searched
    for record in records:
        for (scope, name), pairs in kind.search_words(record, region).items():
            if pairs:
                words, besides = zip(*pairs, strict=True)
                yield {"patient_id": record["id"], "scope": scope, "name": name, "words": words, "besides": besides}


def _update(kind: Kind, keys: Record) -> str:
    """The statement that writes keys and nothing else of a record."""
    types, columns = column_types(kind), [c for c in keys if c != "id"]
    taken = ", ".join(f"{c} {types[c]}" for c in ("id", *columns))
    return (
        f"UPDATE {kind.table} t SET {', '.join(f'{c} = u.{c}' for c in columns)}"
        f" FROM json_to_recordset($2::json) AS u ({taken}) WHERE t.org_id = $1 AND t.id = u.id"
    )


def _moment(value: object) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
