"""Holds the ledger against the database: records, events and trail must say the same, no more and no less."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from proofs.crash.crew import digest
from proofs.crash.ledger import Change, Entry
from proofs.insistence import Write, insist
from proofs.line import Line
from proofs.trial import Trial
from tests.database import connected
from tests.house import House

RECORDS = "SELECT id, version, preferred_name, deleted_at IS NOT NULL AS archived FROM patients WHERE org_id = $1"
EVENTS = "SELECT record_id, version, type, sequence FROM events WHERE org_id = $1 AND kind = 'patient'"
# A request may also have set off a report of security, such as one of unusually many patients shown.
TRAIL = "SELECT request_id, status, record_id FROM audit_records WHERE org_id = $1 AND kind <> 'security'"


async def reckon(trial: Trial, house: House, org_id: str, entries: list[Entry], attempts: Iterable[str]) -> None:
    """Every acknowledged request is a record, an event and an audit record, and none of these is there twice."""
    async with connected(house.data_dir, "superuser") as database:
        records = {row["id"]: row for row in await database.fetch(RECORDS, org_id)}
        events = Counter((r["record_id"], r["version"], r["type"]) for r in await database.fetch(EVENTS, org_id))
        trail = defaultdict(list)
        for row in await database.fetch(TRAIL, org_id):
            trail[row["request_id"]].append(row)
    changes = [change for entry in entries for change in entry.changes]
    _match_records(trial, changes, records)
    _match_events(trial, changes, events)
    for entry in entries:
        found = [(row["status"], row["record_id"]) for row in trail[entry.request_id]]
        told = (entry.status, entry.record)
        trial.expect(found == [told], f"{entry.act} {entry.request_id} {told} is in the trail as {found}")
    for request_id in attempts:
        trial.expect(
            len(trail[request_id]) <= 1, f"attempt {request_id} is in the trail {len(trail[request_id])} times"
        )


def _match_records(trial: Trial, changes: list[Change], records: Mapping[str, Any]) -> None:
    last: dict[str, Change] = {}
    for change in changes:
        if change.record not in last or last[change.record].version < change.version:
            last[change.record] = change
    for lost in last.keys() - records.keys():
        trial.breach(f"the acknowledged record {lost} is lost")
    for surplus in records.keys() - last.keys():
        trial.breach(f"the record {surplus} was made by no acknowledged request, or twice")
    for record, change in last.items():
        row = records.get(record)
        if row is not None:
            found = (row["version"], row["preferred_name"], row["archived"])
            told = (change.version, change.value, change.event == "archived")
            trial.expect(found == told, f"record {record} was acknowledged as {told} and is {found}")


def _match_events(trial: Trial, changes: list[Change], events: Counter[tuple[str, int, str]]) -> None:
    told = Counter((c.record, c.version, f"patient.{c.event}") for c in changes)
    for event, number in (told - events).items():
        trial.breach(f"the event {event} is missing {number} times")
    for event, number in (events - told).items():
        trial.breach(f"the event {event} is there {number} times too often")


async def replay(trial: Trial, line: Line, entries: Iterable[Entry]) -> list[str]:
    """Send these writes again under their keys: the same bytes, marked as replayed; the ids of these requests."""
    sent: list[str] = []
    for entry in entries:
        turn = f".again.{trial.counts['answers asked for again']}"
        write = Write(entry.method, entry.path, entry.sent.encode(), entry.key, turn=turn)
        answer = await insist(line, write)
        same = (answer.status, digest(answer.body), answer.replayed) == (entry.status, entry.digest, True)
        trial.expect(same, f"key {entry.key} sent again was answered {answer.status}, replayed: {answer.replayed}")
        trial.tried("answers asked for again")
        sent += write.attempts
    return sent


async def walk_feed(trial: Trial, line: Line, base: str, house: House, org_id: str) -> None:
    """The feed counts 1, 2, 3 without holes and holds every event of the org."""
    seen, after, more = 0, 0, True
    while more:
        page = (
            await insist(line, Write("GET", f"{base}/events?limit=1000&after={after}", b"", f"feed-{after}"))
        ).json()
        for item in page["items"]:
            seen += 1
            trial.expect(item["sequence"] == seen, f"the feed has {item['sequence']} in place of {seen}")
        after, more = page["next_after"], page["has_more"]
    async with connected(house.data_dir, "superuser") as database:
        there = await database.fetchval("SELECT count(*) FROM events WHERE org_id = $1", org_id)
    trial.expect(there == seen, f"the feed shows {seen} of {there} events")
