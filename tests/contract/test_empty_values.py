"""Empty values as forms and clients of the reference send them, for every kind: null, empty text, empty filters."""

from __future__ import annotations

from typing import Any

import pytest

from chairside import types
from chairside.app import every_operation
from chairside.engine.bodies import create_body, patch_body
from chairside.fields import Body as Shape
from chairside.fields import Entry
from chairside.records import BODIES
from chairside.records.patients import ROW
from chairside.resource import Kind
from tests.contract.builder import EXAMPLES, Builder, each, refused

WORDS = (types.Boolean, types.Choice)
TEXTS = (types.Text, types.Pattern, types.Timezone, types.Email, types.Phone, types.Ssn)
# A medication without a definition needs words, an attribution exactly one source.
NEEDED = {"med_descript"}


def optional_words(shape: Shape) -> list[str]:
    """Optional booleans and enums."""
    return [e.key for e in shape.entries.values() if isinstance(e.type, WORDS) and not (e.required or e.kept)]


def optional_texts(shape: Shape) -> list[str]:
    return [e.key for e in shape.entries.values() if isinstance(e.type, TEXTS) and e.nullable and e.key not in NEEDED]


@each("create")
def test_null_on_an_optional_word_of_a_create_means_its_default(home: Builder, kind: Kind) -> None:
    """Booleans and enums that are sent as null are as if they had not been sent."""
    keys = optional_words(create_body(kind))
    hinted = set(EXAMPLES.get(kind.name, {}))
    wanted = [key for key in keys if key not in hinted]
    plain = home.make(kind, small=True).record
    sent = home.body(kind, small=True) | dict.fromkeys(wanted)
    nulls = home.client.post(home.collection(kind, home.patient_of(kind)), json=sent)
    assert nulls.status_code == 201, nulls.text
    for key in wanted:
        assert nulls.json()[key] == plain[key], key


@each("create", "patch")
def test_null_on_an_optional_word_of_a_patch_leaves_it(home: Builder, kind: Kind) -> None:
    """A field that always has a value stays as it is; one that may be empty is cleared."""
    made = home.make(kind)
    entries = patch_body(kind).entries
    keys = [key for key in optional_words(patch_body(kind)) if entries[key].null_is_absence]
    answer = home.patch(made, 1, dict.fromkeys(keys))
    assert (answer.status_code, answer.json()["version"]) == (200, 1), answer.text
    assert home.stands(made)


@each("create", "patch")
def test_null_on_a_required_word_of_a_patch_is_refused(home: Builder, kind: Kind) -> None:
    """A record cannot lose what it must have."""
    made = home.make(kind)
    for entry in patch_body(kind).entries.values():
        if entry.kept:
            places = refused(home.patch(made, 1, {entry.key: None}), 422)
            assert places == {("body", entry.key): "null_not_allowed"}
            if isinstance(entry.type, types.Text):
                refused(home.patch(made, 1, {entry.key: ""}), 422, ("body", entry.key))
    assert home.stands(made)


@each("create")
def test_empty_text_on_an_optional_text_of_a_create_means_nothing(home: Builder, kind: Kind) -> None:
    """Forms send empty text for every field that was left empty; names and numbers of that form are null."""
    keys = optional_texts(create_body(kind))
    made = home.make(kind, dict.fromkeys(keys, ""))
    assert {key: made.record[key] for key in keys} == dict.fromkeys(keys)
    assert {key: home.shown(made)[key] for key in keys} == dict.fromkeys(keys)


@each("create", "patch")
def test_empty_text_on_an_optional_text_of_a_patch_clears_it(home: Builder, kind: Kind) -> None:
    """The same on change: what was there is gone, as by null."""
    made = home.make(kind)
    keys = optional_texts(patch_body(kind))
    answer = home.patch(made, 1, dict.fromkeys(keys, ""))
    assert answer.status_code == 200, answer.text
    assert {key: answer.json()[key] for key in keys} == dict.fromkeys(keys)


@each("create")
def test_empty_text_anywhere_else_is_refused(home: Builder, kind: Kind) -> None:
    """Required text, words to choose from, dates, ids and numbers: an empty one is a mistake of the client."""
    made, sent = home.make(kind, small=True), home.body(kind)
    for entry in create_body(kind).entries.values():
        free = isinstance(entry.type, types.Text) and not entry.type.min
        if not entry.blank_is_null and not free:
            answer = home.client.post(made.collection, json=sent | {entry.key: ""})
            assert {place[:2] for place in refused(answer, 422)} == {("body", entry.key)}


def shapes() -> list[Shape]:
    """Every body of the API, those within others included."""
    operations = every_operation()
    found = [body for o in operations for body in (o.body, o.portal_body, o.clinical_body) if body is not None]
    return list({body.schema: body for body in (*found, *BODIES)}.values())


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.schema)
def test_the_document_says_what_may_be_empty(shape: Shape, document: dict[str, Any]) -> None:
    """A client that checks its requests by the document may send null and empty text where the server takes them."""
    properties = document["components"]["schemas"][shape.schema]["properties"]
    for entry in shape.entries.values():
        shown = properties[entry.key]
        takes_null = "null" in (shown.get("type") or ()) or {"type": "null"} in shown.get("anyOf", ())
        assert takes_null == (entry.nullable or entry.null_is_absence), entry.key
        if entry.blank_is_null:
            assert "minLength" not in shown, entry.key


@each("list")
def test_an_empty_filter_is_no_filter(home: Builder, kind: Kind) -> None:
    """A search form sends its empty fields, too; all of them together change nothing."""
    made = home.make(kind) if "create" in kind.verbs else None
    path = made.collection if made else home.collection(kind, home.patient_of(kind))
    plain = home.client.read(path)
    for listed in kind.filters:
        assert home.client.read(path, **{listed.entry.key: ""}) == plain, listed.entry.key
    assert home.client.read(path, **{f.entry.key: "" for f in kind.filters}) == plain


FILTERED = [
    ("/patients/cursor", ("status", "search", "primary_provider_uuid", "location_uuid", "dob_from", "dob_to")),
    ("/patients/counts/by-location", ("date_from", "date_to", "status_set")),
    ("/audit-events", ("actor", "patient", "action", "outcome", "date_from", "date_to")),
    ("/events", ("types",)),
]


@pytest.mark.parametrize(("path", "filters"), FILTERED, ids=[path for path, _ in FILTERED])
def test_an_empty_filter_beyond_lists_is_none_either(home: Builder, path: str, filters: tuple[str, ...]) -> None:
    """The cursor, counts, the audit trail and the feed."""
    answer = home.client.get(path, params=dict.fromkeys(filters, ""))
    assert answer.status_code == 200, answer.text
    if path != "/audit-events":  # each look at the trail adds to it
        plain = home.client.read(path)
        assert {k: v for k, v in answer.json().items() if k != "page_info"} == {
            k: v for k, v in plain.items() if k != "page_info"
        }


@pytest.mark.parametrize(
    ("path", "query"),
    [("/patients", "page="), ("/patients", "page_size="), ("/patients/cursor", "after="), ("/events", "limit=")],
)
def test_an_empty_number_or_cursor_is_refused(home: Builder, path: str, query: str) -> None:
    """Cursors and pages are no filters: an empty one is a mistake that must not start a walk anew."""
    refused(home.client.get(f"{path}?{query}"), 422, ("query", query.rstrip("=")))


def test_rows_of_an_import_take_the_same_empty_values(home: Builder) -> None:
    """A file has empty cells."""
    texts, words = optional_texts(ROW), [e.key for e in ROW.entries.values() if e.null_is_absence]
    assert {"chart_number", "email", "mobile_phone", "middle_name", "social_security_number", "city"} <= set(texts)
    assert {"status", "receives_sms", "premedication_required", "allergy_review_status"} <= set(words)
    row = {"first_name": "Ana", "last_name": "Lind"} | dict.fromkeys(texts, "") | dict.fromkeys(words)
    del row["row_key"]
    [result] = home.client.post("/patients/bulk", json={"rows": [row]}).json()["results"]
    assert result["status"] == "created", result
    made = home.client.read(f"/patients/{result['patient_id']}")
    assert {made[key] for key in texts if key != "row_key"} == {None}
    assert (made["status"], made["receives_sms"], made["allergy_review_status"]) == ("active", False, "not_reviewed")
    nameless = {"first_name": "", "last_name": "Lind"}
    [result] = home.client.post("/patients/bulk", json={"rows": [nameless]}).json()["results"]
    assert (result["status"], result["errors"][0]["loc"]) == ("failed", ["body", "rows", 0, "first_name"])


def test_entries_that_are_null_by_absence_are_words() -> None:
    """Numbers, dates and lists stay strict: null where there must be a value is refused."""
    for shape in shapes():
        for entry in shape.entries.values():
            if entry.null_is_absence:
                assert isinstance(entry.type, WORDS), (shape.schema, entry.key)


def test_an_entry_says_by_itself_what_it_takes() -> None:
    """The rule, in one table."""
    word, text = types.Choice(("a", "b")), types.Text()
    cases = [
        (Entry(key="x", type=word), True, False),
        (Entry(key="x", type=word, required=True), False, False),
        (Entry(key="x", type=word, kept=True), False, False),
        (Entry(key="x", type=word, nullable=True), False, False),
        (Entry(key="x", type=text, nullable=True), False, True),
        (Entry(key="x", type=text), False, False),
        (Entry(key="x", type=types.Date(), nullable=True), False, False),
        (Entry(key="x", type=types.Uuid(), nullable=True), False, False),
    ]
    assert [(e.null_is_absence, e.blank_is_null) for e, _, _ in cases] == [(a, b) for _, a, b in cases]
