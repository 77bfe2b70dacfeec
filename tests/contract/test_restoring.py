"""Archived entries of catalogs come back: every kind that has a restore, by one rule."""

from __future__ import annotations

from uuid import uuid4

from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import Builder, each, each_with, refused
from tests.house import Client


def test_every_catalog_and_definition_can_be_restored() -> None:
    """Kinds outside a patient that can be archived; patients have a restore of their own."""
    archived = {k.name for k in ALL if "archive" in k.verbs and k.parent is None and k.name != "patient"}
    assert {k.name for k in ALL if "restore" in k.verbs} == archived
    assert len(archived) >= 13


@each("restore")
def test_a_restored_record_is_as_it_was(home: Builder, kind: Kind) -> None:
    """In lists, to be read and changed, under its id; the version has grown, one event and one audit record tell."""
    made = home.make(kind)
    gone = home.archive(made).json()
    before = home.head()
    answer = home.client.post(f"{made.path}/restore")
    assert answer.status_code == 200, answer.text
    back = answer.json()
    assert back == gone | {"deleted_at": None, "version": 3, "updated_at": back["updated_at"]}
    assert (home.client.read(made.path), answer.headers["etag"]) == (back, '"3"')
    assert made.id in {r["id"] for r in home.listed(kind)}
    [event] = home.events(kind, before)
    assert (event["type"], event["record_id"], event["version"]) == (f"{kind.name}.restored", made.id, 3)
    audited = home.client.read("/audit-events", action="restore", first=1)["data"]
    assert [(r["kind"], r["record_id"], r["outcome"]) for r in audited] == [(kind.name, made.id, "allowed")]
    assert home.patch(made, 3, home.change(made)).status_code == 200


@each("restore")
def test_what_is_not_archived_cannot_be_restored(home: Builder, kind: Kind) -> None:
    """422 at the id, and nothing is written."""
    made = home.make(kind, small=True)
    head = home.head()
    assert refused(home.client.post(f"{made.path}/restore"), 422) == {("path", kind.id_param): "not_archived"}
    assert home.head() == head


@each("restore")
def test_a_restore_takes_a_version_and_needs_none(home: Builder, kind: Kind) -> None:
    """A stale one is refused in the body and in If-Match."""
    made = home.make(kind, small=True)
    assert home.archive(made).is_success
    path = f"{made.path}/restore"
    assert refused(home.client.post(path, json={"base_version": 1}), 409) == {
        ("body", "base_version"): "version_conflict"
    }
    refused(home.client.post(path, headers={"If-Match": '"1"'}), 412)
    assert home.client.post(path, json={"base_version": 2}).status_code == 200


@each_with("duplicate_name")
def test_a_name_that_was_taken_meanwhile_keeps_the_record_archived(home: Builder, kind: Kind) -> None:
    """409 duplicate_name; once the other has another name, the record comes back."""
    made = home.make(kind)
    assert home.archive(made).is_success
    other = home.make(kind, {"name": made.record["name"].upper()})
    answer = home.client.post(f"{made.path}/restore")
    assert refused(answer, 409) == {("path", kind.id_param): "duplicate_name"}
    assert home.client.get(made.path).status_code == 404
    assert home.patch(other, 1, {"name": f"Sample {uuid4()}"}).status_code == 200
    assert home.client.post(f"{made.path}/restore").status_code == 200


def _tagged(client: Client, tag: str) -> tuple[int, list[str]]:
    page = client.read("/patients", tag_definition_uuid=tag)
    return page["total"], [p["id"] for p in page["items"]]


def test_patients_keep_an_archived_tag_and_count_as_before(home: Builder) -> None:
    """A list by the tag is right while its definition is archived, and after it came back."""
    client = home.client
    tag = client.made("/patient-tag-definitions", {"name": f"Sample {uuid4()}"})["id"]
    patients = [client.made("/patients", {"first_name": "Ana", "last_name": "Lind"})["id"] for _ in range(3)]
    for patient in patients:
        client.made(f"/patients/{patient}/tags", {"tag_definition_uuid": tag})
    expected = 3, _tagged(client, tag)[1]
    assert sorted(expected[1]) == sorted(patients)
    client.post(f"/patient-tag-definitions/{tag}/archive", json={"base_version": 1})
    assert _tagged(client, tag) == expected
    walked = client.read("/patients/cursor", tag_definition_uuid=tag)["data"]
    assert sorted(p["id"] for p in walked) == sorted(patients)
    fresh = client.made("/patients", {"first_name": "Ana", "last_name": "Lind"})["id"]
    refused(client.post(f"/patients/{fresh}/tags", json={"tag_definition_uuid": tag}), 404)
    assert client.post(f"/patient-tag-definitions/{tag}/restore").status_code == 200
    assert _tagged(client, tag) == expected
    client.made(f"/patients/{fresh}/tags", {"tag_definition_uuid": tag})
    assert _tagged(client, tag)[0] == 4


def test_the_patients_of_a_departed_dentist_can_be_reassigned(home: Builder) -> None:
    """List and cursor by an archived provider and location answer their patients, whom others can take over."""
    client = home.client
    for path, field, filtered in (
        ("/providers", "primary_provider_uuid", "primary_provider_uuid"),
        ("/locations", "location_uuid", "location_uuid"),
    ):
        old, new = (client.made(path, {"name": f"Sample {uuid4()}"})["id"] for _ in range(2))
        patient = client.made("/patients", {"first_name": "Ana", "last_name": "Lind", field: old})
        assert client.post(f"{path}/{old}/archive", json={"base_version": 1}).status_code == 200
        page = client.read("/patients", **{filtered: old})
        assert (page["total"], [p["id"] for p in page["items"]]) == (1, [patient["id"]])
        for sort in ("first_name", "updated_at"):
            walked = client.read("/patients/cursor", sort_by=sort, **{filtered: old})["data"]
            assert [p["id"] for p in walked] == [patient["id"]]
        changed = client.patch(f"/patients/{patient['id']}", json={"base_version": 1, field: new})
        assert changed.status_code == 200, changed.text
        assert client.read("/patients", **{filtered: old})["total"] == 0
