from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx

from chairside.app import every_operation
from chairside.engine.bodies import patch_body
from chairside.fields import Reference
from chairside.resource import Kind
from chairside.types import Number
from tests.contract.builder import EXAMPLES, Body, Builder, each, lasting, nobody, references, refused

RACERS = 8
# What a rule keeps: words where no definition is named; the day an alert ended while it is disabled.
KEPT = {("medication", "med_descript"), ("alert", "date_disabled")}


def without(record: Body, *names: str) -> Body:
    return {name: v for name, v in record.items() if name not in names}


@each("create", "patch")
def test_a_version_starts_at_1_and_grows_by_1_with_each_change(home: Builder, kind: Kind) -> None:
    """A create answers version 1, each PATCH that changes something one more."""
    made = home.make(kind)
    assert made.record["version"] == 1
    for version in (1, 2, 3):
        answer = home.patch(made, version, home.change(made))
        assert (answer.status_code, answer.json()["version"]) == (200, version + 1), answer.text
    assert home.shown(made)["version"] == 4


@each("create", "patch")
def test_a_stale_base_version_is_refused_with_the_current_one(home: Builder, kind: Kind) -> None:
    """Whoever has not seen the last change gets 409 version_conflict, and the record stays as it is."""
    made = home.make(kind)
    assert home.patch(made, 1, home.change(made)).status_code == 200
    before = home.shown(made)
    for base in (1, 3):
        late = home.patch(made, base, home.change(made))
        assert refused(late, 409) == {("body", "base_version"): "version_conflict"}
        assert late.json()["detail"][0]["current_version"] == 2
    assert home.shown(made) == before


@each("create", "patch")
def test_a_base_version_is_needed(home: Builder, kind: Kind) -> None:
    """A PATCH that does not say which version it is for is refused, as is one with a version that cannot be."""
    made = home.make(kind)
    change = home.change(made)
    assert refused(home.client.patch(made.path, json=change), 422) == {("body", "base_version"): "missing"}
    for wrong in (0, -1, "1", 1.5, None, True, 2**53 + 1):
        refused(home.client.patch(made.path, json={"base_version": wrong, **change}), 422, ("body", "base_version"))
    assert home.shown(made)["version"] == 1


@each("create", "patch")
def test_if_match_is_honoured(home: Builder, kind: Kind) -> None:
    """A stale If-Match is refused with 412, the present one or any goes through."""
    made = home.make(kind)
    assert home.patch(made, 1, home.change(made), {"If-Match": '"1"'}).json()["version"] == 2
    stale = home.patch(made, 2, home.change(made), {"If-Match": '"1"'})
    assert refused(stale, 412) == {("header", "if-match"): "precondition_failed"}
    assert stale.json()["detail"][0]["current_version"] == 2
    refused(home.patch(made, 2, home.change(made), {"If-Match": 'W/"2"'}), 412)
    assert home.shown(made)["version"] == 2
    assert home.patch(made, 2, home.change(made), {"If-Match": '"1", "2"'}).json()["version"] == 3
    assert home.patch(made, 3, home.change(made), {"If-Match": "*"}).json()["version"] == 4


@each("create", "patch")
def test_a_version_named_by_if_match_alone_is_enough(home: Builder, kind: Kind) -> None:
    """A client of HTTP's own rules sends no base_version; a stale ETag is 412, and any or a weak one names none."""
    made = home.make(kind)
    change = home.change(made)
    assert home.client.patch(made.path, json=change, headers={"If-Match": '"1"'}).json()["version"] == 2
    stale = home.client.patch(made.path, json=home.change(made), headers={"If-Match": '"1"'})
    assert refused(stale, 412) == {("header", "if-match"): "precondition_failed"}
    any_of_them = home.client.patch(made.path, json=home.change(made), headers={"If-Match": "*"})
    assert refused(any_of_them, 422) == {("body", "base_version"): "missing"}
    refused(home.client.patch(made.path, json=home.change(made), headers={"If-Match": 'W/"2"'}), 412)
    both = home.patch(made, 1, home.change(made), {"If-Match": '"2"'})
    assert refused(both, 409) == {("body", "base_version"): "version_conflict"}
    assert home.shown(made)["version"] == 2


@each("create", "archive")
def test_an_archive_with_if_match_alone(home: Builder, kind: Kind) -> None:
    """Without a body or parameter, whatever form the archive of the kind has."""
    if not kind.versioned:
        return
    made = home.make(kind)
    refused(home.client.post(f"{made.path}/archive", headers={"If-Match": '"2"'}), 412)
    answer = home.client.post(f"{made.path}/archive", headers={"If-Match": '"1"'})
    assert answer.status_code in {200, 204}, answer.text


WITH_VERSION = [o for o in every_operation() if o.body and "base_version" in o.body.entries and o.body.required]


def test_every_other_operation_with_a_version_takes_if_match_alone(home: Builder) -> None:
    """Transitions, balances, disabling an alert, the org's settings; no operation asks for base_version beside it."""
    patient = home.client.made("/patients", {"first_name": "Ana", "last_name": "Lind"})
    path = f"/patients/{patient['id']}"
    definition = home.client.made("/patient-alert-definitions", {"name": f"Sample {home.number()}"})["id"]
    alert = home.client.made(f"{path}/alerts", {"alert_definition_uuid": definition})["id"]
    owed = dict.fromkeys(("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90"), 1)
    settings = home.client.get("/org-settings")
    for method, at, sent, tag in (
        ("POST", f"{path}/transition-status", {"new_status": "inactive"}, '"1"'),
        ("PUT", f"{path}/balances", owed, None),
        ("POST", f"{path}/alerts/{alert}/disable", None, '"1"'),
        ("PATCH", "/org-settings", {"blocking_preset": "reference"}, settings.headers["etag"]),
    ):
        assert refused(home.client.request(method, at, json=sent, headers={"If-Match": '"99"'}), 412)
        now = tag or home.client.get(path).headers["etag"]
        answer = home.client.request(method, at, json=sent, headers={"If-Match": now})
        assert answer.status_code == 200, (at, answer.text)
    for operation in WITH_VERSION:
        url = "/" + re.sub(r"{\w+}", nobody(), operation.path)
        answer = home.client.request(operation.method, url, json={}, headers={"If-Match": '"1"'})
        told = {tuple(p["loc"]) for p in answer.json().get("detail", ())}
        assert ("body", "base_version") not in told, operation.name


def test_of_two_who_name_the_same_version_by_if_match_one_wins(home: Builder) -> None:
    """The others get 412 with the version of now."""
    made = home.client.made("/employers", {"name": f"Sample {home.number()}"})
    path, desks = f"/employers/{made['id']}", [home.org.desk() for _ in range(RACERS)]

    def change(n: int) -> httpx.Response:
        return desks[n].patch(path, json={"item_order": n + 1}, headers={"If-Match": '"1"'})

    with ThreadPoolExecutor(RACERS) as crowd:
        answers = list(crowd.map(change, range(RACERS)))
    assert sorted(a.status_code for a in answers) == [200, *[412] * (RACERS - 1)]
    assert {a.json()["detail"][0]["current_version"] for a in answers if a.status_code == 412} == {2}


@each("create", "archive")
def test_if_match_is_honoured_on_an_archive(home: Builder, kind: Kind) -> None:
    """An archive with a stale If-Match is refused with 412 and archives nothing."""
    if not kind.versioned:
        return
    made = home.make(kind)
    refused(home.archive(made, 1, {"If-Match": '"2"'}), 412, ("header", "if-match"))
    assert home.stands(made)
    assert home.archive(made, 1, {"If-Match": '"1"'}).status_code in {200, 204}


@each("create", "patch")
def test_a_patch_that_changes_nothing_leaves_version_and_events_alone(home: Builder, kind: Kind) -> None:
    """Sending what is there already, or no field at all, answers the record as it is."""
    made = home.make(kind)
    before, head = home.shown(made), home.head()
    keys = patch_body(kind).entries
    # A sealed value that is sent again is known by its index.
    for same in ({}, {key: v for key, v in made.sent.items() if key in keys}):
        answer = home.patch(made, 1, same)
        assert answer.status_code == 200, answer.text
        assert lasting(kind, answer.json()) == before
    assert home.head() == head


@each("create", "patch")
def test_what_is_absent_stays(home: Builder, kind: Kind) -> None:
    """A PATCH of one field leaves every other field as it was."""
    made = home.make(kind)
    before, change = home.shown(made), home.change(made)
    after = lasting(kind, home.patch(made, 1, change).json())
    [changed] = (f.name for f in kind.fields if f.key in change)
    moving = ("version", "updated_at", changed)
    assert without(after, *moving) == without(before, *moving)
    assert after[changed] != before[changed]
    assert home.shown(made) == after


@each("create", "patch")
def test_null_clears_what_may_be_empty(home: Builder, kind: Kind) -> None:
    """Each field that may be empty is cleared by null, alone, and stays so."""
    made = home.make(kind)
    record = made.record
    for field in (f for f in kind.fields if f.key in patch_body(kind).entries and f.clearable):
        had, version = record[field.name], record["version"]
        answer = home.patch(made, version, {field.key: None})
        if (kind.name, field.key) in KEPT:
            assert answer.status_code == 422 or answer.json()[field.name] is not None
            record = home.shown(made)
            continue
        assert answer.status_code == 200, (field.key, answer.text)
        record = answer.json()
        # Who has no guarantor is their own.
        own = isinstance(field, Reference) and field.to == kind.name and record[field.name] is not None
        assert (record[field.name]["id"] if own else record[field.name]) == (made.id if own else None), field.key
        assert record["version"] == version + (record[field.name] != had), field.key
    assert home.shown(made) == lasting(kind, record)


@each("create", "patch")
def test_null_is_refused_where_a_value_is_needed(home: Builder, kind: Kind) -> None:
    """A required field, or a number that always has a value, cannot be cleared; all of them are named at once."""
    made = home.make(kind)
    entries = patch_body(kind).entries
    needed = [f.key for f in kind.fields if f.key in entries and not (f.clearable or entries[f.key].null_is_absence)]
    if not needed:
        return
    answer = home.patch(made, 1, dict.fromkeys(needed))
    assert refused(answer, 422) == {("body", key): "null_not_allowed" for key in needed}
    assert home.shown(made)["version"] == 1


@each("create", "patch")
def test_of_two_writers_with_the_same_base_one_wins(home: Builder, kind: Kind) -> None:
    """Of racing changes with one base version exactly one is written; the others are told the new version."""
    made = home.make(kind)
    changes = [home.change(made) for _ in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as crowd:
        answers = list(crowd.map(lambda change: home.patch(made, 1, change), changes))
    assert sorted(a.status_code for a in answers) == [200] + [409] * (RACERS - 1)
    for late in (a for a in answers if a.status_code == 409):
        assert refused(late, 409) == {("body", "base_version"): "version_conflict"}
        assert late.json()["detail"][0]["current_version"] == 2
    [won] = [a.json() for a in answers if a.status_code == 200]
    assert home.shown(made) == lasting(kind, won)


@each("create", "patch")
def test_every_field_can_be_changed(home: Builder, kind: Kind) -> None:
    """A PATCH takes all the fields that its schema has, and the answer shows what was sent."""
    made, number, sent = home.make(kind), home.number(), {}
    fields = {f.key: f for f in kind.fields}
    for entry in patch_body(kind).entries.values():
        if entry.key in made.sent and entry.key not in EXAMPLES.get(kind.name, {}):
            sent[entry.key] = home.value(kind, entry, number, turn=1)
    answer = home.patch(made, 1, sent)
    assert answer.status_code == 200, answer.text
    for key, new in sent.items():
        shown = answer.json()[fields[key].name]
        shown = shown["id"] if key in references(kind) else shown
        same = Decimal(shown) == Decimal(new) if isinstance(fields[key].type, Number) else shown == new
        assert same or fields[key].sealed, key
