from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from chairside import types
from chairside.engine.bodies import create_body, patch_body
from chairside.fields import Entry
from chairside.resource import Kind
from tests.contract.builder import Builder, Made, archive_form, each, nobody, references, refused

JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1 << 20
NUMBERS = (types.Integer, types.Number)
LISTS = (types.Many, types.Structure)


def wrong_values(entry: Entry) -> Iterator[Any]:
    """JSON values that no field of this type takes, of each sort of wrongness."""
    of = entry.type
    yield {"nonsense": 1}
    if not isinstance(of, types.Many):
        yield [1, "two"]
    if isinstance(of, types.Boolean):
        yield from ("true", 1, 0, "")
        return
    yield True
    if isinstance(of, NUMBERS):
        yield from _wrong_numbers(of)
        return
    yield from (12345, 1.5, "nul \x00 inside", "half \ud800 a pair", "\udc00")
    if isinstance(of, LISTS):
        yield from ("text", "", [None], [{}])
        return
    yield "x" * (_longest(of) + 1)
    if not isinstance(of, types.Text) or of.min:
        yield from ("", " ")


def _wrong_numbers(of: types.Integer | types.Number) -> Iterator[Any]:
    yield from ("abc", "", "1e5x", "nul \x00", "\ud800", "NaN", "Infinity", 10**40, -(10**40), 1e308)
    least, most = Decimal(of.min), Decimal(of.max)
    yield from (int(least) - 1, int(most) + 1)
    if isinstance(of, types.Integer):
        yield from (1.5, "1", str(of.min))


def _longest(of: types.Type) -> int:
    """How long a text of this type may be; what has a form of its own is never this long."""
    return of.max if isinstance(of, types.Text) else 5000


def unchanged(home: Builder, made: Made, before: tuple[int, int]) -> None:
    assert (home.head(), home.total(made.kind, made.patient)) == before, "something was written"


def now(home: Builder, made: Made) -> tuple[int, int]:
    return home.head(), home.total(made.kind, made.patient)


def post(home: Builder, made: Made, sent: object) -> httpx.Response:
    """A create with any JSON; half surrogate pairs travel as escapes."""
    return home.client.post(made.collection, content=json.dumps(sent).encode(), headers=JSON)


def names(answer: httpx.Response, key: str) -> None:
    """The refusal names the field, or a place inside it, and no other one."""
    places = refused(answer, 422)
    assert {place[:2] for place in places} == {("body", key)}, answer.text


def all_wrong(entries: Iterable[Entry], *, nulls: bool) -> Iterator[dict[str, Any]]:
    """Bodies that together hold every wrong value of every field, one of each field at a time."""
    refused_by = {e.key: [w for w in wrong_values(e) if w != "" or not e.blank_is_null] for e in entries}
    for entry in entries:
        if nulls and not (entry.nullable or entry.null_is_absence):
            refused_by[entry.key].append(None)
    for turn in range(max(map(len, refused_by.values()))):
        yield {key: values[turn] for key, values in refused_by.items() if turn < len(values)}


@each("create")
def test_every_field_of_a_create_refuses_what_it_cannot_hold(home: Builder, kind: Kind) -> None:
    """Wrong types, NUL, half surrogate pairs, over-long text and numbers out of range are named, nothing is written."""
    made = home.make(kind)
    sent = home.body(kind)
    before = now(home, made)
    entries = list(create_body(kind).entries.values())
    for wrong in all_wrong(entries, nulls=True):
        places = refused(post(home, made, sent | wrong | {"nonsense": 1}), 422)
        assert {place[:2] for place in places} == {("body", key) for key in (*wrong, "nonsense")}
        assert places["body", "nonsense"] == "unknown_field"
    for entry in entries:
        names(post(home, made, sent | {entry.key: {"nonsense": 1}}), entry.key)
    unchanged(home, made, before)


@each("create", "patch")
def test_every_field_of_a_patch_refuses_what_it_cannot_hold(home: Builder, kind: Kind) -> None:
    """A PATCH is as strict as a create, and leaves the record as it was."""
    made = home.make(kind)
    before = now(home, made)
    entries = list(patch_body(kind).entries.values())
    for wrong in (*all_wrong(entries, nulls=False), *({entry.key: {"nonsense": 1}} for entry in entries)):
        raw = json.dumps({"base_version": 1} | wrong).encode()
        places = refused(home.client.patch(made.path, content=raw, headers=JSON), 422)
        assert {place[:2] for place in places} == {("body", key) for key in wrong}
    unchanged(home, made, before)
    assert home.stands(made)


@each("create")
def test_missing_fields_are_all_named_at_once(home: Builder, kind: Kind) -> None:
    """An empty body is answered with every required field."""
    made = home.make(kind, small=True)
    needed = {("body", e.key): "missing" for e in create_body(kind).entries.values() if e.required}
    if needed:
        assert refused(post(home, made, {}), 422) == needed
        assert refused(post(home, made, {"nonsense": 1}), 422) == needed | {("body", "nonsense"): "unknown_field"}


@each("create")
def test_unknown_fields_are_refused(home: Builder, kind: Kind) -> None:
    """What the operation does not know is refused by name: foreign keys, fields of answers, odd spellings."""
    made = home.make(kind)
    sent = home.body(kind)
    before = now(home, made)
    computed = {f.name for f in kind.every_field} - set(create_body(kind).entries) - {"base_version"}
    odd = {"nonsense", "id", "version", "org_id", "deleted_at", "", "Name ", "\ud800", "__proto__", "a" * 200}
    for key in computed | odd:
        places = refused(post(home, made, sent | {key: None}), 422)
        assert list(places.values()) == ["unknown_field"], key
    several = refused(post(home, made, sent | dict.fromkeys(("one", "two", "three"), 1)), 422)
    assert set(several) == {("body", "one"), ("body", "two"), ("body", "three")}
    unchanged(home, made, before)


@each("create")
def test_ids_in_place_of_references_must_be_uuids(home: Builder, kind: Kind) -> None:
    """A reference takes a UUID alone: no object as answers show it, no text, no number."""
    made = home.make(kind)
    sent = home.body(kind)
    before = now(home, made)
    for key in references(kind):
        for wrong in ({"id": nobody(), "name": "Sample"}, "1", "", 7, nobody()[:-1], f"{{{nobody()}}}", f" {nobody()}"):
            names(post(home, made, sent | {key: wrong}), key)
    unchanged(home, made, before)


NO_JSON = (
    b"{",
    b'{"name": }',
    b"{'name': 'x'}",
    b'{"name": "x"',
    b"\xff\xfe",
    b'{"a": "\xff"}',
    b'{"a": NaN}',
    b"nul\x00",
)
NO_OBJECT = (b"[]", b'"text"', b"17", b"null", b"true", b'[{"name": "x"}]')


@each("create")
def test_what_is_no_json_object_is_refused(home: Builder, kind: Kind) -> None:
    """Malformed JSON, JSON that is no object, and a missing body are 422 at the body, on every verb that takes one."""
    made = home.make(kind)
    before = now(home, made)
    deep = b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for raw in (b"", *NO_JSON, *NO_OBJECT, deep, b'{"name": 1' + b"0" * 5000 + b"}"):
        answers = [home.client.post(made.collection, content=raw, headers=JSON)]
        if "patch" in kind.verbs:
            answers.append(home.client.patch(made.path, content=raw, headers=JSON))
        if kind.archive_by == "body":
            answers.append(home.client.post(f"{made.path}/archive", content=raw, headers=JSON))
        for answer in answers:
            assert all(place[0] == "body" for place in refused(answer, 422)), raw[:40]
    unchanged(home, made, before)


@each("create")
def test_json_in_another_encoding_is_refused(home: Builder, kind: Kind) -> None:
    """JSON between systems is UTF-8; what guesses at others reads something else than a gateway in front did."""
    made = home.make(kind, small=True)
    text = json.dumps(home.body(kind, small=True))
    before = now(home, made)
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        answer = home.client.post(made.collection, content=text.encode(encoding), headers=JSON)
        assert refused(answer, 422) == {("body",): "invalid_json"}, encoding
    unchanged(home, made, before)


@each("create")
def test_a_body_of_another_media_type_is_415(home: Builder, kind: Kind) -> None:
    """A body must say that it is JSON; form data, text and compressed bodies are refused, right as they may be."""
    made = home.make(kind, small=True)
    raw = json.dumps(home.body(kind, small=True)).encode()
    before = now(home, made)
    wrong: list[dict[str, str]] = [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/jsonp"},
        JSON | {"Content-Encoding": "gzip"},
    ]
    for headers in wrong:
        answer = home.client.post(made.collection, content=raw, headers=headers)
        assert refused(answer, 415) == {("header", "content-type"): "unsupported_media_type"}, headers
    unchanged(home, made, before)
    right = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert home.client.post(made.collection, content=raw, headers=right).status_code == 201


@each("create")
def test_a_field_sent_twice_is_refused_at_its_place(home: Builder, kind: Kind) -> None:
    """Whichever of the two was meant: nothing is written, equal values or not, and escapes hide nothing."""
    made = home.make(kind, small=True)
    before = now(home, made)
    for raw, places in {
        b'{"item": 1, "item": 1}': [("body", "item")],
        b'{"item": {"a": [{"b": 1, "\\u0062": 2}]}, "c": 0, "c": 1}': [("body", "item", "a", 0, "b"), ("body", "c")],
        b'{"item": "\\ud800", "item": 1}': [("body", "item")],
    }.items():
        answer = home.client.post(made.collection, content=raw, headers=JSON)
        found = [tuple(p["loc"]) for p in answer.json()["detail"] if p["type"] == "repeated_field"]
        assert (answer.status_code, found) == (422, places), raw
    unchanged(home, made, before)


@each("create")
def test_of_very_many_unknown_fields_a_hundred_are_named(home: Builder, kind: Kind) -> None:
    """Telling of each would keep others waiting."""
    made = home.make(kind, small=True)
    before = now(home, made)
    answer = home.client.post(made.collection, json={f"unknown {n}": n for n in range(5000)})
    codes = [p["type"] for p in answer.json()["detail"]]
    assert (answer.status_code, codes.count("unknown_field")) == (422, 100)
    unchanged(home, made, before)


@each("create")
def test_a_body_over_one_mebibyte_is_413(home: Builder, kind: Kind) -> None:
    """It is refused whether its length is announced or not; one just below is read and judged."""
    made = home.make(kind, small=True)
    before = now(home, made)
    large = json.dumps({"nonsense": "x" * MEBIBYTE}).encode()
    parts = [large[i : i + 65536] for i in range(0, len(large), 65536)]
    for content in (large, iter(parts)):
        answer = home.client.post(made.collection, content=content, headers=JSON)
        assert refused(answer, 413) == {("body",): "body_too_large"}
    fits = json.dumps({"nonsense": "x" * (MEBIBYTE - 100)}).encode()
    refused(home.client.post(made.collection, content=fits, headers=JSON), 422, ("body", "nonsense"))
    unchanged(home, made, before)


@each("create")
def test_unknown_query_parameters_are_refused_on_every_verb(home: Builder, kind: Kind) -> None:
    """A parameter that the operation does not know is 422 naming it, several are all named, nothing is written."""
    made = home.make(kind)
    attempts = home.attempts(made)
    before = now(home, made)
    for attempt in attempts:
        for keys in (("nonsense",), ("one", "two"), ("Page",)):
            asked = replace(attempt, params={**attempt.params, **dict.fromkeys(keys, "1")})
            wanted = {("query", key): "unknown_parameter" for key in keys}
            assert refused(asked.by(home.client), 422) == wanted, (attempt.verb, keys)
    unchanged(home, made, before)


@each("create")
def test_problems_of_query_and_body_are_named_together(home: Builder, kind: Kind) -> None:
    """Whatever is wrong with a request is said in one answer."""
    made = home.make(kind, small=True)
    answer = home.client.post(f"{made.collection}?nonsense=1", json={"unheard": 1})
    refused(answer, 422, ("query", "nonsense"), ("body", "unheard"))


@each("list")
def test_repeated_query_parameters_are_refused(home: Builder, kind: Kind) -> None:
    """A parameter given twice has no clear value: 422 naming it, also when both values are the same."""
    path = home.collection(kind, home.patient_of(kind))
    single = [] if kind.bare_list else ["page", "page_size", *(f.entry.key for f in kind.filters)]
    for key in single:
        answer = home.client.get(f"{path}?{key}=1&{key}=1")
        assert refused(answer, 422)[("query", key)] == "repeated_parameter", key


@each("list")
def test_filters_refuse_what_they_cannot_hold(home: Builder, kind: Kind) -> None:
    """NUL, bytes that are no text, over-long text and values of another type are 422 naming the parameter."""
    path = home.collection(kind, home.patient_of(kind))
    for listed in kind.filters:
        key, of = listed.entry.key, listed.entry.type
        for wrong in (
            "a%00b",
            "%ff%fe",
            "%ed%a0%80",
            "x" * 6000,
            *(() if isinstance(of, types.Text) else ("nonsense",)),
        ):
            answer = home.client.get(f"{path}?{key}={wrong}")
            assert set(refused(answer, 422)) == {("query", key)}, (key, wrong[:20])


@each("create", "archive")
def test_an_archive_takes_nothing_else(home: Builder, kind: Kind) -> None:
    """Unknown fields in the body of an archive are refused, and the record stays."""
    made = home.make(kind, small=True)
    form = archive_form(kind, 1)
    before = now(home, made)
    answer = home.client.post(f"{made.path}/archive", **(form | {"json": form.get("json", {}) | {"nonsense": 1}}))
    assert refused(answer, 422) == {("body", "nonsense"): "unknown_field"}
    unchanged(home, made, before)


def test_a_direction_mark_is_taken_out_of_a_name_and_kept_in_an_address(home: Builder) -> None:
    """A name has one line, in which nothing invisible may change the order of its letters."""
    name = f"a\u202eb {nobody()}"
    made = home.client.made("/employers", {"name": name, "address": "a\u202eb\nc"})
    assert (made["name"], made["address"]) == (name.replace("\u202e", ""), "a\u202eb\nc")
    assert [e["id"] for e in home.client.read("/employers", search=name)["items"]] == [made["id"]]


@pytest.mark.parametrize("sent", ["می\u200cخواهم", "🦷", "é", "日本語", "0", "null", "' OR 1=1 --", "<b>", "%s {0} $1"])
def test_any_other_text_is_kept_as_it_is(home: Builder, sent: str) -> None:
    """Text is stored and answered character for character, whatever language or program it reminds of."""
    name = f"{sent} {nobody()}"
    made = home.client.made("/employers", {"name": name, "address": sent})
    assert (made["name"], made["address"]) == (name, sent)
    assert home.client.read(f"/employers/{made['id']}") == made
    assert [e["id"] for e in home.client.read("/employers", search=name)["items"]] == [made["id"]]
