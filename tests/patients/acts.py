"""What the patient tests do again and again: register, import, walk, act at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any, TypeVar

from tests.house import Client

Json = dict[str, Any]
Result = TypeVar("Result")
_words, _phones, _ssns = count(1), count(1), count(1)
_feeds: dict[str, list[Json]] = {}


def unheard_of() -> str:
    """A last name that no other patient of this process has, in letters that no hexadecimal id contains.

    The fast letters come first, so that the start of one such name is not the start of the next.
    """
    number, letters = next(_words), "Zzq"
    for _ in range(8):
        number, letter = divmod(number, 26)
        letters += chr(ord("a") + letter)
    return letters


def new_mail() -> str:
    """An e-mail address that no other patient of this process has."""
    return f"{unheard_of().lower()}@example.com"


def new_phone() -> str:
    """Ten digits of a US telephone number, whose last four no other number of this process has."""
    number = next(_phones)
    assert number < 10_000
    return f"212{220 + number % 80}{number:04d}"


def new_ssn() -> str:
    """Nine digits of the range that is never issued (900 to 999), which no other patient of this process has.

    Neither group nor serial number is zero, for such a number identifies nobody.
    """
    number = next(_ssns)
    assert number < 9_999
    return f"9{number * 37 % 99:02d}{number * 61 % 99 + 1:02d}{number * 7_919 % 9_999 + 1:04d}"


def dashed(number: str) -> str:
    """A social security number as people write it."""
    return f"{number[:3]}-{number[3:5]}-{number[5:]}"


def register(desk: Client, **fields: Any) -> Json:
    """A new patient with these fields, and an unmistakable name where none is given."""
    return desk.made("/patients", {"first_name": "Ana", "last_name": unheard_of()} | fields)


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
