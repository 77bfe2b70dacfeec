"""The operations that are measured: requests for the server, and the same work as a script for pgbench."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote_plus

import msgspec

from bench.chart import ROWS
from bench.limit import Choice, Script, script, text_of
from bench.samples import CHANGED_EACH, Samples, body
from bench.statements import Ask, Call, listening
from chairside.store.sql import queries

CLIENTS, MOST_CONNECTIONS = 16, 128
# pgbench chooses anew who is read only so often, because choosing is a statement that the server does not run.
RUNS_FOR_ONE = 50
# Changes are sent once each, so they are made for a server as fast as this: answers per second and connection.
FASTEST = 400
# Somebody whose every particular can be told from the rest of a statement's parameters; longest first.
HEARD = {
    "mobile_phone": "(312) 870-9163",
    "last_name": "Zephyrantheby",
    "last_name_key": "zephyrantheby",
    "digits": "3128709163",
    "born": "1931-02-03",
    "first_name": "Quillonax",
    "first_name_key": "quillonax",
    "mailbox": "qzephyr",
    "last_four": "9163",
}
HEARD_WORD, HEARD_VERSION = "zzq", 770011
NEW_ID, NOW = "uuidv7()::text", "clock_timestamp()::text"


# Requests for so many seconds over so many connections, for each connection its own.
Requests = Callable[[float, int], Awaitable[list[list[bytes]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An operation: requests for each connection and so many seconds, and the same work for pgbench.

    `alone` is its first statement without transaction or anything else, where that is of interest.
    """

    name: str
    status: int
    requests: Requests
    limit: Script
    alone: Script | None = None
    again: bool = True
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """Writes requests of one caller as they go over the wire."""

    org_id: str
    token: str

    def write(self, method: str, path: str, content: object = None) -> bytes:
        raw = b"" if content is None else msgspec.json.encode(content)
        kind = f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n" if raw else ""
        head = (
            f"{method} /api/v1/{self.org_id}/{path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {self.token}\r\n"
        )
        return f"{head}{kind}\r\n".encode() + raw

    def search(self, typed: str) -> bytes:
        return self.write("GET", f"patients/search?q={quote_plus(typed)}")


def spread(requests: Sequence[bytes], connections: int) -> list[list[bytes]]:
    return [list(requests[n::connections]) for n in range(connections)]


async def tasks(
    data_dir: Path, paper: Paper, ids: Mapping[str, list[str]], samples: Samples, charted: str
) -> list[Task]:
    """All of them, with everything that pgbench needs for them made in the database."""
    people = await samples.people()
    new = [body(person, ids) for person in people[len(people) // 2 :]]
    calls = await _heard(data_dir, paper.org_id, people[0]["id"], body(HEARD, ids), samples, charted)
    limits = _scripts(calls, people[0]["id"], len(people), paper.org_id)
    await samples.make(written.table for written in limits.values() if written.table)
    reads = {
        "get": [paper.write("GET", f"patients/{p['id']}") for p in people[:8000]],
        "list": [paper.write("GET", "patients")] * MOST_CONNECTIONS,
        "search": [paper.search(p["begins"]) for p in people[:8000]],
        "summary": [paper.write("GET", f"patients/{charted}/medical-summary")] * MOST_CONNECTIONS,
        "create": [paper.write("POST", "patients", row) for row in new],
    }

    def always(name: str) -> Requests:
        async def requests(_seconds: float, connections: int) -> list[list[bytes]]:
            return spread(reads[name], connections)

        return requests

    async def patches(seconds: float, connections: int) -> list[list[bytes]]:
        held = await samples.versions()
        held = held[: len(held) // connections * connections]  # so that each stays with one connection
        passes = math.ceil(FASTEST * seconds * CLIENTS / len(held))
        return spread(list(_patches(paper, held, passes)), connections)

    get, listed, search = always("get"), always("list"), always("search")
    return [
        Task(name="GET one", status=200, requests=get, limit=limits["get"], alone=limits["get_alone"], goal=0.20),
        Task(
            name="list of 50", status=200, requests=listed, limit=limits["list"], alone=limits["list_alone"], goal=0.25
        ),
        Task(name="search", status=200, requests=search, limit=limits["search"]),
        Task(
            name=f"summary of {ROWS} rows", status=200, requests=always("summary"), limit=limits["summary"], goal=0.25
        ),
        Task(name="create", status=201, requests=always("create"), limit=limits["create"]),
        Task(name="patch", status=200, requests=patches, limit=limits["patch"], again=False),
    ]


def _patches(paper: Paper, held: Sequence[tuple[str, int]], passes: int) -> Iterator[bytes]:
    """Each patient once in every pass; dealt out in turn, one patient is always changed over the same connection."""
    for number in range(passes):
        for patient_id, version in held:
            change = {"base_version": version + number, "address_line1": f"{version + number} Oak Street"}
            yield paper.write("PATCH", f"patients/{patient_id}", change)


async def _heard(
    data_dir: Path, org_id: str, patient_id: str, new: Mapping[str, object], samples: Samples, charted: str
) -> dict[str, list[Call]]:
    create = Ask(operation="create_patient", body=new)
    async with listening(data_dir, org_id) as hear:
        await hear(create)  # the driver gets to know the types
        calls = {
            "get": await hear(Ask(operation="get_patient", path={"patient_uuid": patient_id})),
            "list": await hear(Ask(operation="list_patients")),
            "search": await hear(Ask(operation="patient_search", query={"q": HEARD_WORD})),
            "summary": await hear(Ask(operation="patient_medical_summary", path={"patient_uuid": charted})),
            "create": [_forgiving(call) for call in await hear(create)],
        }
        created = created_by(calls["create"])
        await samples.set_version(created, HEARD_VERSION)
        change = {"base_version": HEARD_VERSION, "address_line1": "1 Oak Street"}
        patch = Ask(operation="update_patient", path={"patient_uuid": created}, body=change)
        return calls | {"patch": await hear(patch)}


def _forgiving(call: Call) -> Call:
    """The words that stand in for those of a new patient may coincide, which a patient's own never do."""
    words = call.sql.startswith("INSERT INTO patient_words")
    return replace(call, sql=f"{call.sql}\nON CONFLICT DO NOTHING") if words else call


def created_by(calls: Sequence[Call]) -> str:
    """The id that a create gave: the second parameter of its INSERT."""
    return next(str(call.values[1]) for call in calls if call.sql.startswith("INSERT INTO patients "))


def marks(calls: Sequence[Call]) -> dict[str, str]:
    """What is new in each write: ids of audit record, event and rows of the summary, and the time."""
    _, audit_id, at, *rest = next(call.values for call in calls if "INSERT INTO audit_events" in call.sql)
    event_id = next(value[0] for value in rest if isinstance(value, list | tuple))
    _, known_id, known_at = next(call.values for call in calls if call.sql == queries()["clock.latest"])
    added = [call.values[1] for call in calls if call.sql.startswith("INSERT INTO patient_counts")]
    assert isinstance(at, datetime)  # noqa: S101 - a statement of another form would make another measurement
    rows = {str(each): NEW_ID for ids in added if isinstance(ids, list | tuple) for each in ids}
    known = {str(known_id): NEW_ID, text_of(known_at): NOW}
    return {**known, str(audit_id): NEW_ID, str(event_id): NEW_ID, at.isoformat(): NOW, **rows}


def _scripts(calls: Mapping[str, Sequence[Call]], patient_id: str, count: int, org_id: str) -> dict[str, Script]:
    anybody = f"random(0, {count - 1})"
    one = Choice(source="bench.people", pick=anybody, every=RUNS_FOR_ONE, stand_ins={patient_id: "id"})
    typed = Choice(
        source="bench.people",
        pick=anybody,
        every=RUNS_FOR_ONE,
        stand_ins={HEARD_WORD + chr(0x10FFFF): "begins_end", HEARD_WORD: "begins"},
    )
    created = created_by(calls["create"])
    new = Choice(
        source="bench.people",
        pick=f"random(0, {count // 2 - 1})",  # the others are the server's
        stand_ins={was: column for column, was in HEARD.items()},
        fresh={created: NEW_ID, **marks(calls["create"])},
    )
    each = f"({CHANGED_EACH} / :clients)"
    changed = Choice(
        source="bench.changed",
        pick=f":client_id * {each} + random(0, {each} - 1)",
        stand_ins={created: "id", **new.stand_ins},
        fresh={
            str(HEARD_VERSION): "p.version::text",
            str(HEARD_VERSION + 1): "(p.version + 1)::text",
            **marks(calls["patch"]),
        },
        beside=f"FROM patients p WHERE p.org_id = '{org_id}' AND p.id = v.key::uuid",
    )
    return {
        "get": script("get", calls["get"], one),
        "get_alone": script("get_alone", calls["get"][1:2], one),
        "list": script("list", calls["list"]),
        "list_alone": script("list_alone", calls["list"][1:2]),
        "search": script("search", calls["search"], typed),
        "summary": script("summary", calls["summary"]),
        "create": script("create", calls["create"], new),
        "patch": script("patch", calls["patch"], changed),
    }
