from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from chairside.fields import Reference
from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import CROWDED, Body, Builder, Made, each, each_with, nobody, references, refused

RACERS = 8
DUPLICATES = [k for k in ALL if k.unique]
REFERENCES = [
    pytest.param(kind, ref, id=f"{kind.name}.{ref.name}")
    for kind in ALL
    if "create" in kind.verbs
    for ref in references(kind).values()
]
BY_NAME = {k.name: k for k in ALL}
# A guarantor whom somebody names cannot be archived at all (semantics.md 3); an appointment has a patient of its own.
HELD = {("patient", "responsible_party"), ("communication_log", "appointment")}


def gone(answer: httpx.Response, kind: Kind) -> None:
    assert refused(answer, 404) == {("path", kind.id_param): "not_found"}


@each("create", "archive")
def test_an_archived_record_is_gone(home: Builder, kind: Kind) -> None:
    """It is in no list and cannot be read, changed or archived any more."""
    made = home.make(kind)
    if "list" in kind.verbs:
        assert made.id in {r["id"] for r in home.listed(kind, made.patient)}
    answer = home.archive(made)
    assert answer.status_code in {200, 204}, answer.text
    head = home.head()
    if "list" in kind.verbs:
        assert made.id not in {r["id"] for r in home.listed(kind, made.patient)}
    if "get" in kind.verbs:
        gone(home.client.get(made.path), kind)
    if "patch" in kind.verbs:
        for version in (1, 2):
            gone(home.patch(made, version, home.change(made)), kind)
    for version in (1, 2):
        gone(home.archive(made, version), kind)
    assert home.head() == head


@each("create", "archive")
def test_an_archive_answers_the_record_with_its_end(home: Builder, kind: Kind) -> None:
    """The answer shows when the record was archived, and its version has grown by one."""
    made = home.make(kind)
    answer = home.archive(made)
    if answer.status_code == 204:
        assert answer.content == b""
        return
    shown = answer.json()
    assert set(shown) == set(made.record)
    assert shown["id"] == made.id
    if "deleted_at" in kind.moments:
        assert shown["deleted_at"].endswith("Z")
    if kind.versioned:
        assert shown["version"] == 2


@each("create", "archive")
def test_an_archive_for_a_version_is_refused_for_another(home: Builder, kind: Kind) -> None:
    """Where an archive names the version it is for, a stale or missing one is refused and nothing is archived."""
    if kind.archive_by == "id":
        pytest.skip("is archived whatever its version")
    made, place = home.make(kind), (kind.archive_by, "base_version")
    stale = home.archive(made, 2)
    assert refused(stale, 409) == {place: "version_conflict"}
    assert stale.json()["detail"][0]["current_version"] == 1
    empty: Body | None = {} if kind.archive_by == "body" else None
    assert refused(home.client.post(f"{made.path}/archive", json=empty), 422) == {place: "missing"}
    assert home.stands(made)


@each("create", "archive")
def test_of_many_archives_at_once_one_is_done(home: Builder, kind: Kind) -> None:
    """Racing archives of one record archive it once: one event more, whatever the others are told."""
    made = home.make(kind)
    head = home.head()
    with ThreadPoolExecutor(RACERS) as crowd:
        answers = list(crowd.map(lambda _: home.archive(made), range(RACERS)))
    assert sum(a.is_success for a in answers) == 1
    assert {a.status_code for a in answers if not a.is_success} <= {404, 409}
    assert len(home.events(kind, head)) == 1


def again(home: Builder, made: Made, **changes: object) -> httpx.Response:
    """The same body once more."""
    return home.client.post(made.collection, json=made.sent | changes)


def taken(answer: httpx.Response, kind: Kind) -> None:
    [(place, code)] = refused(answer, 409).items()
    assert (place[-1], code) in {(u.key, u.code) for u in kind.unique}


@pytest.mark.parametrize("kind", DUPLICATES, ids=[k.name for k in DUPLICATES])
def test_what_must_be_unique_is_refused_a_second_time(home: Builder, kind: Kind) -> None:
    """The same body again is 409 with the code of what is taken, and nothing is written."""
    made = home.make(kind, CROWDED.get(kind.name))
    head = home.head()
    taken(again(home, made), kind)
    assert home.head() == head


@each_with("duplicate_name")
def test_names_are_compared_without_case_and_outer_blanks(home: Builder, kind: Kind) -> None:
    """A name in other case, or with blanks around it, is the same name: on create and on PATCH."""
    made = home.make(kind)
    name = made.record["name"]
    for variant in (name.upper(), name.lower(), f"  {name} "):
        assert refused(again(home, made, name=variant), 409) == {("body", "name"): "duplicate_name"}, variant
        other = home.make(kind)
        answer = home.patch(other, 1, {"name": variant})
        assert refused(answer, 409) == {("body", "name"): "duplicate_name"}, variant
        assert home.client.read(other.path) == other.record
    assert home.patch(made, 1, {"name": name.upper()}).json()["name"] == name.upper(), "its own name is not taken"


@each_with("duplicate_name")
def test_the_name_of_an_archived_one_can_be_used_again(home: Builder, kind: Kind) -> None:
    """Names are unique among the active ones alone, so a catalog never runs out of them."""
    made = home.make(kind)
    for _ in range(2):
        assert home.archive(made).status_code == 200
        successor = again(home, made)
        assert successor.status_code == 201, successor.text
        made = Made(kind, made.collection, made.patient, made.sent, successor)
    taken(again(home, made), kind)


@pytest.mark.parametrize(("kind", "ref"), REFERENCES)
def test_nothing_can_refer_to_what_is_not_there(home: Builder, other: Builder, kind: Kind, ref: Reference) -> None:
    """A reference to no record, an archived one or one of another org is 404 naming the field, on create and PATCH."""
    target = BY_NAME[ref.to]
    wrong = [nobody(), other.make(target, small=True).id]
    if "archive" in target.verbs:
        archived = home.make(target, small=True)
        assert home.archive(archived).status_code == 200
        wrong.append(archived.id)
    made = home.make(kind)
    sent = home.naming(kind, ref, nobody())
    head = home.head()
    for target_id in wrong:
        refusal = {("body", ref.key): "not_found"}
        assert refused(home.client.post(made.collection, json=sent | {ref.key: target_id}), 404) == refusal
        if "patch" in kind.verbs and ref.patch:
            assert refused(home.patch(made, 1, {ref.key: target_id}), 404) == refusal
    assert home.head() == head


@each("create")
def test_every_reference_that_names_nothing_is_named(home: Builder, kind: Kind) -> None:
    """When several references are wrong, each of them is named at once."""
    patient, sent = home.patient_of(kind), home.body(kind)
    wrong = {key: nobody() for key in references(kind) if key in sent}
    if wrong:
        answer = home.client.post(home.collection(kind, patient), json=sent | wrong)
        assert refused(answer, 404) == {("body", key): "not_found" for key in wrong}


@pytest.mark.parametrize(("kind", "ref"), REFERENCES)
def test_an_archived_definition_keeps_serving_who_names_it(home: Builder, kind: Kind, ref: Reference) -> None:
    """Records that name it show it as before, can be changed, and may even be sent it again."""
    target = BY_NAME[ref.to]
    if (kind.name, ref.name) in HELD or "archive" not in target.verbs:
        pytest.skip("cannot be archived while it is named")
    named = home.make(target, small=True)
    patient, sent = home.patient_of(kind), home.naming(kind, ref, named.id)
    answer = home.client.post(home.collection(kind, patient), json=sent)
    assert answer.status_code == 201, answer.text
    made = Made(kind, home.collection(kind, patient), patient, sent, answer)
    assert home.archive(named).status_code == 200
    shown = made.record[ref.name]
    [listed] = [r for r in home.listed(kind, made.patient) if r["id"] == made.id]
    assert listed[ref.name] == shown
    if "get" in kind.verbs:
        assert home.client.read(made.path)[ref.name] == shown
    if "patch" in kind.verbs and ref.patch:
        changed = home.patch(made, 1, home.change(made) | {ref.key: named.id})
        assert (changed.status_code, changed.json()[ref.name]) == (200, shown), changed.text
