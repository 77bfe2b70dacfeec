from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from chairside.records import ALL
from chairside.resource import Kind
from chairside.types import Number, Timestamp
from tests.contract.builder import Body, Builder, Made, each, lasting, references

Document = dict[str, Any]
PREFIX = "/api/v1/{org_id}/"
FORMATS = jsonschema.FormatChecker(["uuid", "date", "time"])


def shape(document: Document, path: str, method: str, status: str) -> Document:
    """The schema that the document gives for an answer, with everything it refers to."""
    answer = document["paths"][PREFIX + path][method]["responses"][status]
    return {**answer["content"]["application/json"]["schema"], "components": document["components"]}


def fits(answer: object, schema: Document) -> None:
    jsonschema.Draft202012Validator(schema, format_checker=FORMATS).validate(answer)


@each("create")
def test_a_valid_body_can_be_built_for_every_kind(home: Builder, kind: Kind) -> None:
    """A kind that is listed is covered: its declaration, or one hint, is enough to create a record of it."""
    for small in (True, False):
        home.make(kind, small=small)


@each("create")
def test_a_create_answers_201_with_a_location_and_every_field_of_the_schema(
    home: Builder, document: Document, kind: Kind
) -> None:
    """The answer has exactly the fields of the kind's schema in the live document, and fits it."""
    for small in (True, False):
        made = home.make(kind, small=small)
        assert made.answer.headers["location"] == f"/api/v1/{home.org.id}{made.path}"
        assert made.answer.headers["content-type"] == "application/json"
        described = document["components"]["schemas"][f"{kind.schema}Out"]
        assert set(made.record) == set(described["properties"]) == set(described["required"])
        fits(made.record, shape(document, kind.path, "post", "201"))


@each("create")
def test_what_was_sent_is_what_is_shown(home: Builder, kind: Kind) -> None:
    """Every value of a full body comes back as it was sent; money and decimals as text of the same amount."""
    made = home.make(kind)
    for field in kind.answered:
        if field.key not in made.sent or field.sealed or field.key in references(kind):
            continue
        sent, shown = made.sent[field.key], made.record[field.name]
        if isinstance(field.type, Number):
            assert isinstance(shown, str), field.name
            assert Decimal(shown) == Decimal(str(sent)), field.name
        else:
            assert shown == sent, field.name


@each("create")
def test_what_was_not_sent_is_null_or_its_default(home: Builder, kind: Kind) -> None:
    """A create of the required fields alone leaves the others at what their declaration says."""
    made = home.make(kind, small=True)
    for field in (f for f in kind.fields if f in kind.answered and f.create and not f.filled):
        if field.key not in made.sent and field.key not in references(kind):
            assert made.record[field.name] == field.default, field.name


@each("create")
def test_ids_are_of_version_7_and_moments_in_utc(home: Builder, kind: Kind) -> None:
    """An id is a UUIDv7 in lower case; every timestamp ends in Z."""
    made = home.make(kind)
    assert UUID(made.id).version == 7
    assert made.id == str(UUID(made.id))
    moments = [f.name for f in kind.answered if isinstance(f.type, Timestamp) and made.record[f.name] is not None]
    assert "created_at" in moments
    for name in moments:
        assert made.record[name].endswith("Z"), name


@each("create")
def test_a_reference_is_an_id_and_a_name(home: Builder, kind: Kind) -> None:
    """What a record names is shown as {id, name} with the name that people call it by."""
    made = home.make(kind)
    targets = {k.name: k for k in ALL}
    for ref in (r for r in kind.references if r in kind.answered):
        wanted = made.patient if ref.name == kind.parent_name and kind.parent else made.sent.get(ref.key)
        if wanted is None:
            continue
        shown = made.record[ref.name]
        assert set(shown) == {"id", "name"}, ref.name
        assert shown["id"] == wanted, ref.name
        target = targets[ref.to]
        if target.label and "get" in target.verbs and not target.parent:
            named = home.client.read(f"/{target.path}/{wanted}")
            assert shown["name"] == " ".join(named[column] for column in target.label), ref.name


@each("create", "get")
def test_a_get_shows_what_the_create_answered(home: Builder, document: Document, kind: Kind) -> None:
    """The record that was answered is the record that is read, and fits the schema of the read."""
    made = home.make(kind)
    shown = home.client.read(made.path)
    assert lasting(kind, shown) == lasting(kind, made.record)
    fits(shown, shape(document, f"{kind.path}/{{{kind.id_param}}}", "get", "200"))


@each("create", "list")
def test_the_list_shows_what_the_create_answered(home: Builder, document: Document, kind: Kind) -> None:
    """The list has the new record once, as it was answered, and fits the schema of the list."""
    made = home.make(kind)
    [shown] = [r for r in home.listed(kind, made.patient) if r["id"] == made.id]
    assert lasting(kind, shown) == lasting(kind, made.record)
    fits(home.client.read(made.collection), shape(document, kind.path, "get", "200"))


def _answers(home: Builder, made: Made) -> list[tuple[str, Body, str | None]]:
    """Each way to be answered a record: its name, the record and the ETag."""
    answers = [("create", made.answer)]
    if "get" in made.kind.verbs:
        answers.append(("get", home.client.get(made.path)))
    if "patch" in made.kind.verbs:
        answers.append(("patch", home.patch(made, 1, home.change(made))))
    if "archive" in made.kind.verbs:
        answers.append(("archive", home.archive(made, len({"patch"} & set(made.kind.verbs)) + 1)))
    return [(name, a.json(), a.headers.get("etag")) for name, a in answers if a.status_code != 204]


@each("create")
def test_the_etag_is_the_version(home: Builder, kind: Kind) -> None:
    """Every answer that shows a versioned record carries its version as ETag."""
    for verb, record, etag in _answers(home, home.make(kind)):
        assert etag == (f'"{record["version"]}"' if kind.versioned else None), verb


@each("create", "get")
def test_an_answer_that_changes_without_its_record_is_always_given(home: Builder, kind: Kind) -> None:
    """Of other records or of the date it may have changed since, so no 304 says that it has not."""
    if kind.computed:
        made = home.make(kind)
        for tag in ('"1"', "*"):
            answer = home.client.get(made.path, headers={"If-None-Match": tag})
            assert (answer.status_code, answer.json()["id"], answer.headers["etag"]) == (200, made.id, '"1"')


@each("create", "get")
def test_if_none_match_gives_304_for_what_the_caller_has(home: Builder, kind: Kind) -> None:
    """A read with the present ETag, or one of several, answers 304 without a body; with another one the record."""
    if not kind.versioned:
        pytest.skip("has no version")
    if kind.computed:
        pytest.skip("has answers that change without the record")
    made = home.make(kind)
    for tag in ('"1"', '"7", "1"', 'W/"1"', "*"):
        same = home.client.get(made.path, headers={"If-None-Match": tag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", '"1"'), tag
    changed = home.client.get(made.path, headers={"If-None-Match": '"2"'})
    assert (changed.status_code, changed.json()["id"]) == (200, made.id)
