from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import Builder, Made, archive_form, each, refused
from tests.house import Client

KEY = ("header", "idempotency-key")
COPIES = 64
ELSEWHERE = [k for k in ALL if k.parent is None and "create" in k.verbs and not k.references]


def keyed(key: str | bytes) -> httpx.Headers:
    return httpx.Headers([(b"Idempotency-Key", key if isinstance(key, bytes) else key.encode())])


def new_key() -> str:
    return f"retry-{uuid4()}"


def same(first: httpx.Response, again: httpx.Response) -> None:
    """The second answer is the first one again, and says so."""
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content), again.text
    for name in ("etag", "location", "content-type"):
        assert again.headers.get(name) == first.headers.get(name), name


def twice(send: Callable[[], httpx.Response], home: Builder) -> httpx.Response:
    """The answer to a request that was sent twice, once it is clear that it was done once."""
    first = send()
    assert first.is_success, first.text
    head = home.head()
    same(first, send())
    assert home.head() == head, "the retry wrote an event"
    return first


@each("create")
def test_a_repeated_create_is_answered_byte_for_byte(home: Builder, kind: Kind) -> None:
    """The retry gets the stored answer with Idempotent-Replayed, and there is one record."""
    patient, sent, key = home.patient_of(kind), home.body(kind), keyed(new_key())
    path = home.collection(kind, patient)
    total = home.total(kind, patient)
    first = twice(lambda: home.client.post(path, json=sent, headers=key), home)
    assert first.status_code == 201
    assert home.total(kind, patient) == total + 1


@each("create", "patch")
def test_a_repeated_patch_is_answered_byte_for_byte(home: Builder, kind: Kind) -> None:
    """The retry of a PATCH is answered as the first, though its base_version has become stale."""
    made = home.make(kind)
    change, key = home.change(made), new_key()
    twice(lambda: home.patch(made, 1, change, keyed(key)), home)
    assert home.shown(made)["version"] == 2


@each("create", "archive")
def test_a_repeated_archive_is_answered_byte_for_byte(home: Builder, kind: Kind) -> None:
    """The retry of an archive is answered as the first, though the record is gone."""
    made, key = home.make(kind, small=True), new_key()
    twice(lambda: home.archive(made, 1, keyed(key)), home)


@each("create")
def test_a_quoted_and_a_bare_key_are_the_same(home: Builder, kind: Kind) -> None:
    """The draft standard quotes the key, most clients do not; both mean the same request."""
    patient, sent, key = home.patient_of(kind), home.body(kind), new_key()
    path = home.collection(kind, patient)
    first = home.client.post(path, json=sent, headers=keyed(f'"{key}"'))
    assert first.status_code == 201, first.text
    same(first, home.client.post(path, json=sent, headers=keyed(key)))


@each("create")
def test_a_key_used_for_something_else_is_refused(home: Builder, kind: Kind) -> None:
    """The same key with another body, path or method is 409 idempotency_conflict, and nothing is written."""
    made, key = home.make(kind, small=True), keyed(new_key())
    first, more = home.body(kind, small=True), home.body(kind)
    elsewhere = ELSEWHERE[kind.name == ELSEWHERE[0].name]
    there = home.body(elsewhere)
    assert home.client.post(made.collection, json=first, headers=key).status_code == 201
    head = home.head()
    others = [
        home.client.post(made.collection, json=more, headers=key),
        home.client.post(f"/{elsewhere.path}", json=there, headers=key),
    ]
    if "patch" in kind.verbs:
        others.append(home.patch(made, 1, home.change(made), key))
    for answer in others:
        assert refused(answer, 409) == {KEY: "idempotency_conflict"}
    assert home.head() == head


@each("create")
def test_keys_belong_to_their_caller(home: Builder, second: Client, kind: Kind) -> None:
    """Two callers may use the same key: each gets a record of their own."""
    patient, key = home.patient_of(kind), keyed(new_key())
    path = home.collection(kind, patient)
    mine = home.client.post(path, json=home.body(kind), headers=key)
    theirs = second.post(path, json=home.body(kind), headers=key)
    assert (mine.status_code, theirs.status_code) == (201, 201), theirs.text
    assert "idempotent-replayed" not in theirs.headers
    assert mine.json()["id"] != theirs.json()["id"]


@each("create")
def test_a_refusal_is_not_stored(home: Builder, kind: Kind) -> None:
    """Whoever mends the body after a refusal may keep the key."""
    patient, key = home.patient_of(kind), keyed(new_key())
    path, sent = home.collection(kind, patient), home.body(kind)
    for _ in range(2):
        again = home.client.post(path, json=sent | {"nonsense": 1}, headers=key)
        refused(again, 422, ("body", "nonsense"))
        assert "idempotent-replayed" not in again.headers
    mended = home.client.post(path, json=sent, headers=key)
    assert mended.status_code == 201, mended.text
    assert "idempotent-replayed" not in mended.headers


@each("create", "patch")
def test_a_conflict_is_not_stored(home: Builder, kind: Kind) -> None:
    """A PATCH refused for its version may be sent again with the right one under the same key."""
    made, key = home.make(kind), new_key()
    change = home.change(made)
    refused(home.patch(made, 7, change, keyed(key)), 409, ("body", "base_version"))
    answer = home.patch(made, 1, change, keyed(key))
    assert (answer.status_code, answer.json()["version"]) == (200, 2), answer.text


BAD_KEYS = ("", '""', "k" * 256, '"' + "k" * 256 + '"', "a\tb", b"caf\xc3\xa9", b"caf\xe9", '"half')


def _writes(home: Builder, made: Made, key: httpx.Headers) -> list[httpx.Response]:
    """Every write that a kind has, under one key."""
    kind, send = made.kind, home.client
    answers = [send.post(made.collection, json=home.body(kind, small=True), headers=key)]
    if "patch" in kind.verbs:
        answers.append(send.patch(made.path, json={"base_version": 1, **home.change(made)}, headers=key))
    if "archive" in kind.verbs:
        answers.append(send.post(f"{made.path}/archive", headers=key, **archive_form(kind, 1)))
    return answers


@each("create")
def test_a_key_that_cannot_be_one_is_refused(home: Builder, kind: Kind) -> None:
    """An empty, over-long, half quoted or unprintable key is 422 on every write, and nothing is written."""
    made = home.make(kind, small=True)
    for bad in BAD_KEYS:
        answers = _writes(home, made, keyed(bad))
        for answer in answers:
            assert refused(answer, 422) == {KEY: "invalid_header"}, bad
    sent = home.body(kind, small=True)
    head = home.head()
    two = httpx.Headers([("Idempotency-Key", "one"), ("Idempotency-Key", "two")])
    refused(home.client.post(made.collection, json=sent, headers=two), 422, KEY)
    assert home.head() == head


@pytest.mark.parametrize("key", ["k" * 255, "a b", "~!#$%&'()*+,-./:;<=>?@[]^_`{|}", "7"], ids=len)
def test_any_printable_key_does(home: Builder, key: str) -> None:
    """A key has 1 to 255 printable ASCII characters."""
    sent = {"name": f"Sample {uuid4()}"}
    first = home.client.post("/billing-types", json=sent, headers=keyed(key))
    assert first.status_code == 201, first.text
    same(first, home.client.post("/billing-types", json=sent, headers=keyed(key)))


@each("create")
def test_many_copies_at_once_make_one_record(home: Builder, kind: Kind) -> None:
    """Of 64 concurrent copies one is done; the others get its answer, or 409 with Retry-After while it runs."""
    patient, key = home.patient_of(kind), keyed(new_key())
    path, sent = home.collection(kind, patient), home.body(kind)
    raw = json.dumps(sent).encode()
    key["Content-Type"] = "application/json"
    total, head = home.total(kind, patient), home.head()
    with ThreadPoolExecutor(COPIES) as crowd:
        answers = list(crowd.map(lambda _: home.client.post(path, content=raw, headers=key), range(COPIES)))
    done = [a for a in answers if a.status_code == 201]
    for other in (a for a in answers if a.status_code != 201):
        assert refused(other, 409) == {KEY: "idempotency_in_progress"}
        assert int(other.headers["retry-after"]) > 0
    assert len({a.content for a in done}) == 1
    assert sum("idempotent-replayed" not in a.headers for a in done) == 1
    assert home.total(kind, patient) == total + 1
    assert len(home.events(kind, head)) == 1
