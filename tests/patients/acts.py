"""What the patient tests do again and again: register, import, walk, act at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any, TypeVar
from uuid import uuid4

from tests.house import Client

Json = dict[str, Any]
Result = TypeVar("Result")
_numbers = count(1)
_feeds: dict[str, list[Json]] = {}


def unheard_of() -> str:
    """A last name that no other patient has, whichever process asks."""
    return "Zz" + uuid4().hex.translate(str.maketrans("0123456789", "ghijklmnop"))


def new_ssn() -> str:
    """A social security number that nobody else has, of an area that is given out as ITINs."""
    number = uuid4().int
    return f"9{number % 100:02d}{1 + number // 100 % 99:02d}{1 + number // 10_000 % 9999:04d}"


def new_phone() -> str:
    """A telephone number that nobody else has."""
    return f"2122{uuid4().int % 10**6:06d}"


def new_mail() -> str:
    """An e-mail address that nobody else has."""
    return f"{uuid4().hex}@example.com"


def register(desk: Client, **fields: Any) -> Json:
    """A new patient with these fields, and a name where none is given."""
    return desk.made("/patients", {"first_name": "Ana", "last_name": f"Lind {next(_numbers)}"} | fields)


def bulk(desk: Client, rows: Sequence[Json], **meta: Any) -> Json:
    """What an import must have answered."""
    answer = desk.post("/patients/bulk", json={"rows": rows, "meta": meta}, timeout=120)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def imported(desk: Client, rows: Sequence[Json]) -> list[str]:
    """The ids of new patients, in the order of their rows, all of which must be good."""
    answer = bulk(desk, rows)
    assert answer["created"] == len(rows), [r for r in answer["results"] if r["status"] != "created"][:3]
    return [r["patient_id"] for r in answer["results"]]


def move(desk: Client, patient: Json, status: str) -> Json:
    """The patient after a transition that must have succeeded."""
    body = {"base_version": patient["version"], "new_status": status}
    answer = desk.post(f"/patients/{patient['id']}/transition-status", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def change(desk: Client, patient: Json, **fields: Any) -> Json:
    """The patient after a PATCH that must have succeeded."""
    answer = desk.patch(f"/patients/{patient['id']}", json={"base_version": patient["version"]} | fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def act(desk: Client, patient: Json, verb: str) -> Json:
    """The patient after an archive or restore that must have succeeded."""
    answer = desk.post(f"/patients/{patient['id']}/{verb}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def walk(desk: Client, first: int = 200, **query: Any) -> Iterator[list[Json]]:
    """The pages of a walk by cursor from its start to its end."""
    after: Json = {}
    while True:
        page = desk.read("/patients/cursor", first=first, **query, **after)
        yield page["data"]
        if not page["page_info"]["has_next_page"]:
            return
        after = {"after": page["page_info"]["end_cursor"]}


def at_once(times: int, do: Callable[[int], Result]) -> list[Result]:
    """The results of `do(0)` to `do(times - 1)`, begun at the same moment, each in a thread."""
    gate = Barrier(times)

    def one(number: int) -> Result:
        gate.wait(30)
        return do(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def feed(desk: Client) -> list[Json]:
    """All events of the caller's org so far, oldest first; what was read before is not asked for again."""
    known = _feeds.setdefault(str(desk.base_url), [])
    more = True
    while more:
        page = desk.read("/events", after=len(known), limit=1000)
        known += page["items"]
        assert page["next_after"] == len(known)
        more = page["has_more"]
    return known


def events_of(desk: Client, patient_id: str) -> list[Json]:
    """The events of one patient, oldest first."""
    return [e for e in feed(desk) if e["patient_id"] == patient_id]
