from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from chairside.delivery.feed import event_types
from chairside.records import ALL
from chairside.resource import Kind
from chairside.types import Choice, Uuid
from tests.contract.builder import Body, Builder, Made, each, refused
from tests.house import Client, House

WRITERS, EACH = 6, 15
# Every change moves these; an event names what the caller changed.
ALWAYS = {"id", "version", "created_at", "updated_at"}


@pytest.fixture(scope="module")
def told(house: House) -> Builder:
    """An org whose feed nobody else writes into."""
    return Builder(house.org("Told Dental"))


def feed(client: Client, after: int = 0, **query: Any) -> list[Body]:
    """Every event after a number, page by page."""
    events: list[Body] = []
    while True:
        page = client.read("/events", after=after, **query)
        assert set(page) == {"items", "next_after", "has_more"}
        assert page["next_after"] >= after
        events += page["items"]
        after = page["next_after"]
        if not page["has_more"]:
            return events


def differing(kind: Kind, before: Body, after: Body) -> set[str]:
    """The names of stored fields that two answers show differently."""
    stored = {f.name for f in kind.answered if f.stored} - ALWAYS
    return {name for name in stored if before.get(name) != after[name]}


def told_of(made: Made, event: Body, moment: str, version: int) -> None:
    """The event is that of this record, at this version."""
    kind = made.kind
    patient = made.id if kind.name == "patient" else made.patient or made.sent.get("patient_uuid")
    assert event["type"] == f"{kind.name}.{moment}"
    assert (event["kind"], event["record_id"], event["version"]) == (kind.name, made.id, version)
    assert event["patient_id"] == patient
    assert set(event["actor"]) == {"id", "name", "role"}
    assert event["actor"]["role"] == "admin"
    assert UUID(event["actor"]["id"]).version == 7
    assert event["occurred_at"].endswith("Z")


def _event_of(told: Builder, made: Made, after: int) -> Body:
    """The one event of a record after a number."""
    [event] = [e for e in told.events(made.kind, after) if e["record_id"] == made.id]
    return event


@each("create")
def test_each_change_writes_one_event_with_the_names_of_what_changed(told: Builder, kind: Kind) -> None:
    """created, updated and archived follow each other, one each, naming the changed fields."""
    start = told.head()
    made = told.make(kind)
    created = _event_of(told, made, start)
    told_of(made, created, "created", 1)
    # Whose it is, every event says in patient_id.
    owner = {"patient", kind.parent_name}
    assert set(created["changed"]) == differing(kind, {}, made.record) - owner
    record, version, after = made.record, 1, created["sequence"]
    if "patch" in kind.verbs:
        change = told.change(made)
        after = told.head()
        answer = told.patch(made, 1, change)
        assert answer.status_code == 200, answer.text
        updated = _event_of(told, made, after)
        told_of(made, updated, "updated", version := 2)
        assert set(updated["changed"]) == differing(kind, record, answer.json())
        assert updated["changed"], "a change names what changed"
        record, after = answer.json(), updated["sequence"]
    if "archive" in kind.verbs:
        answer = told.archive(made, version)
        archived = _event_of(told, made, after)
        told_of(made, archived, "archived", version + 1)
        if answer.content:
            assert set(archived["changed"]) == differing(kind, record, answer.json())


@each("create")
def test_events_never_hold_values(told: Builder, kind: Kind) -> None:
    """No value of a record, old or new, is in the feed; ids of the record and its patient are."""
    made = told.make(kind)
    after = told.head() - 1
    if "patch" in kind.verbs:
        told.patch(made, 1, told.change(made))
    text = told.client.get("/events", params={"after": after}).text
    plain = {f.key for f in kind.fields if not isinstance(f.type, Choice | Uuid)}
    held = [v for key, v in made.sent.items() if key in plain and isinstance(v, str) and len(v) > 6]
    assert not [v for v in held if v in text]


@each("create")
def test_reads_and_refusals_write_no_event(told: Builder, kind: Kind) -> None:
    """The feed tells of changes alone."""
    made = told.make(kind)
    attempts = told.attempts(made)
    head = told.head()
    for attempt in attempts:
        if attempt.method == "GET":
            assert attempt.by(told.client).status_code == 200
        else:
            refused(replace(attempt, params={**attempt.params, "nonsense": "1"}).by(told.client), 422)
    assert told.head() == head
    assert feed(told.client, head) == []


def test_the_feed_counts_from_1_without_a_gap(told: Builder) -> None:
    """From its beginning the feed is 1, 2, 3, whatever the page, and the same each time it is read."""
    for _ in range(5):
        told.client.made("/billing-types", {"name": f"Sample {told.number()}"})
    whole = feed(told.client, limit=1000)
    assert [e["sequence"] for e in whole] == list(range(1, len(whole) + 1))
    assert feed(told.client, limit=7) == whole
    assert feed(told.client, after=3) == whole[3:]


def test_after_and_limit_page_the_feed(told: Builder) -> None:
    """limit events after a number, where to go on, and whether there is more; at the end, the end."""
    for _ in range(5):
        told.client.made("/billing-types", {"name": f"Sample {told.number()}"})
    head = told.head()
    page = told.client.read("/events", after=head - 5, limit=3)
    assert [e["sequence"] for e in page["items"]] == [head - 4, head - 3, head - 2]
    assert (page["next_after"], page["has_more"]) == (head - 2, True)
    rest = told.client.read("/events", after=head - 2, limit=2)
    assert (len(rest["items"]), rest["next_after"], rest["has_more"]) == (2, head, False)
    end = {"items": [], "next_after": head, "has_more": False}
    assert told.client.read("/events", after=head) == end
    never = told.client.get("/events", params={"after": head + 9})
    assert refused(never, 410) == {("query", "after"): "feed_reset"}


def test_types_narrow_the_feed(told: Builder) -> None:
    """Only events of the types asked for, separated by commas or repeated, with the numbers they have in the whole."""
    billing = told.client.made("/billing-types", {"name": f"Sample {told.number()}"})
    told.client.made("/employers", {"name": f"Sample {told.number()}"})
    told.client.patch(f"/billing-types/{billing['id']}", json={"base_version": 1, "item_order": 7})
    whole = feed(told.client, limit=1000)
    wanted = {"billing_type.updated", "employer.created"}
    expected = [e for e in whole if e["type"] in wanted]
    assert {e["type"] for e in expected} == wanted
    assert feed(told.client, types=",".join(sorted(wanted))) == expected
    assert feed(told.client, types=sorted(wanted), limit=1) == expected
    assert feed(told.client, types="employer.created") == [e for e in whole if e["type"] == "employer.created"]


MIXED = {"employer.created", "billing_type.created", "billing_type.updated"}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("employer.*", lambda kind, _: kind == "employer"),
        ("*.created", lambda _, word: word == "created"),
        ("*", lambda _, __: True),
        ("billing_*", lambda kind, _: kind == "billing_type"),
        (
            "employer.created,billing_type.*",
            lambda kind, word: kind == "billing_type" or (kind, word) == ("employer", "created"),
        ),
    ],
)
def test_the_feed_is_narrowed_by_patterns(told: Builder, pattern: str, matches: Callable[[str, str], bool]) -> None:
    """A star stands for any part of a type."""
    for path in ("/employers", "/billing-types"):
        made = told.client.made(path, {"name": f"Sample {told.number()}"})
        told.client.patch(f"{path}/{made['id']}", json={"base_version": 1, "item_order": 7})
    whole = feed(told.client, limit=1000)
    expected = [e for e in whole if matches(*e["type"].split("."))]
    assert expected
    assert feed(told.client, types=pattern, limit=1000) == expected


@pytest.mark.parametrize(
    "wrong", ["patient.creatd", "patients.*", "patient", "patient.created.", "?", "patient.[a]*", " "]
)
def test_a_type_that_no_event_has_is_refused(told: Builder, wrong: str) -> None:
    """A receiver with a misspelt type would wait for ever: 422 that names the known ones, at the one that is wrong."""
    answer = told.client.get("/events", params={"types": ["patient.created", wrong]})
    assert refused(answer, 422) == {("query", "types", 1): "invalid_choice"}
    said = answer.json()["detail"][0]["msg"]
    assert all(name in said for name in ("patient.created", "patient.restored", "alert.disabled", "tag.archived"))


def test_every_event_that_was_made_is_of_a_known_type(told: Builder) -> None:
    """The list in the refusal is the list of all that can come: a declared event for whatever a kind saves."""
    known = set(event_types(ALL))
    assert {e["type"] for e in feed(told.client, limit=1000)} <= known
    assert {"patient.active", "patient.inactive", "patient.deceased", "field_value.archived"} <= known


def test_the_newest_place_in_the_feed_is_told_without_its_events(told: Builder) -> None:
    """Where a receiver begins who wants only what comes next."""
    told.client.made("/employers", {"name": f"Sample {told.number()}"})
    told.client.read("/events", limit=1)
    latest = told.client.read("/events", latest=True)
    assert latest == {"items": [], "next_after": feed(told.client, limit=1000)[-1]["sequence"], "has_more": False}
    made = told.client.made("/employers", {"name": f"Sample {told.number()}"})
    assert [e["record_id"] for e in told.client.read("/events", after=latest["next_after"])["items"]] == [made["id"]]


def test_wrong_parameters_of_the_feed_are_named(told: Builder) -> None:
    """Numbers that are none or out of bounds are 422, all at once."""
    for after, limit in (("x", "0"), ("-1", "1001"), ("1.5", "all"), ("", "")):
        answer = told.client.get("/events", params={"after": after, "limit": limit})
        assert set(refused(answer, 422)) == {("query", "after"), ("query", "limit")}
    assert told.client.read("/events", limit=1000)["next_after"] > 0


def _follow(client: Client, done: threading.Event, seen: list[Body], **query: Any) -> None:
    """Poll as a receiver does: from next_after on, until the writers are done and nothing is left."""
    after = seen[-1]["sequence"] if seen else int(query.pop("after", 0))
    while True:
        over = done.is_set()
        page = client.read("/events", after=after, **query)
        seen.extend(page["items"])
        after = page["next_after"]
        if over and not page["items"]:
            return


def _write(told: Builder, record: str, _: int) -> None:
    """Creates beside changes of one record that all writers share, so that transactions overlap."""
    client = told.org.desk()
    for _turn in range(EACH):
        client.made("/billing-types", {"name": f"Sample {told.number()}"})
        version = client.read(f"/employers/{record}")["version"]
        answer = client.patch(f"/employers/{record}", json={"base_version": version, "item_order": told.number()})
        assert answer.status_code in {200, 409}, answer.text


def _while_writing(told: Builder, *readers: Callable[[threading.Event], None]) -> None:
    record = told.client.made("/employers", {"name": f"Sample {told.number()}"})["id"]
    done = threading.Event()
    with ThreadPoolExecutor(WRITERS + len(readers)) as crowd:
        following = [crowd.submit(reader, done) for reader in readers]
        writing = [crowd.submit(_write, told, record, i) for i in range(WRITERS)]
        try:
            for job in writing:
                job.result()
        finally:
            done.set()
        for job in following:
            job.result()


def test_nothing_appears_behind_a_reader_while_others_write(told: Builder) -> None:
    """Readers who go on from next_after, with and without types, see every event once, in order, without a hole."""
    start = told.head()
    plain: list[list[Body]] = [[], []]
    narrow: list[list[Body]] = [[], []]
    readers = [told.org.desk() for _ in range(4)]
    _while_writing(
        told,
        lambda done: _follow(readers[0], done, plain[0], after=start),
        lambda done: _follow(readers[1], done, plain[1], after=start, limit=2),
        lambda done: _follow(readers[2], done, narrow[0], after=start, types="employer.updated"),
        lambda done: _follow(readers[3], done, narrow[1], after=start, types="billing_type.created"),
    )
    whole = feed(told.client, start, limit=1000)
    assert [e["sequence"] for e in whole] == list(range(start + 1, start + 1 + len(whole)))
    assert Counter(e["type"] for e in whole)["billing_type.created"] == WRITERS * EACH
    for seen in plain:
        assert [e["sequence"] for e in seen] == [e["sequence"] for e in whole]
        assert seen == whole
    for seen, kind in zip(narrow, ("employer.updated", "billing_type.created"), strict=True):
        assert seen == [e for e in whole if e["type"] == kind]
    versions = [e["version"] for e in whole if e["type"] == "employer.updated"]
    assert versions == list(range(2, len(versions) + 2)), "a record's events come in the order of its versions"
