"""Every record that has an id can be read by it: from where its create says it is, live or archived."""

from __future__ import annotations

import pytest

from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import Builder, Made, each, lasting, nobody, refused

BELONGING = pytest.mark.parametrize(
    "kind", [k for k in ALL if k.parent and "create" in k.verbs], ids=lambda kind: kind.name
)
READ_ANY = {"archived": True}


def test_every_kind_with_records_of_its_own_can_be_read_by_id() -> None:
    """Org settings are one record of the org, read without an id."""
    assert {k.name for k in ALL if "get" not in k.verbs} == {"org_settings"}


@each("create")
def test_the_location_of_a_new_record_answers_it(home: Builder, kind: Kind) -> None:
    """A client that follows Location finds the record that it made, with the same version as ETag."""
    made = home.make(kind)
    answer = home.client.get(f"{home.org.house.url}{made.answer.headers['location']}")
    assert answer.status_code == 200, answer.text
    assert lasting(kind, answer.json()) == lasting(kind, made.record)
    assert answer.headers.get("etag") == made.answer.headers.get("etag")


@each("create")
def test_a_record_is_read_by_its_own_id_alone(home: Builder, kind: Kind) -> None:
    """Another id, or another patient's path, is 404."""
    made = home.make(kind, small=True)
    refused(home.client.get(f"{made.collection}/{nobody()}"), 404, ("path", kind.id_param))
    if kind.parent:
        elsewhere = home.collection(kind, home.patient_of(kind))
        for query in ({}, READ_ANY):
            refused(home.client.get(f"{elsewhere}/{made.id}", params=query), 404, ("path", kind.id_param))


@each("create", "archive")
def test_an_archived_record_is_read_on_request(home: Builder, kind: Kind) -> None:
    """With ?archived=true and not else, as it is now, its end included; a live one is read either way."""
    made = home.make(kind)
    assert lasting(kind, home.client.read(made.path, **READ_ANY)) == lasting(kind, made.record)
    assert home.archive(made).is_success
    refused(home.client.get(made.path), 404, ("path", kind.id_param))
    shown = home.client.read(made.path, **READ_ANY)
    assert shown["id"] == made.id
    assert shown["deleted_at"] is not None
    if kind.versioned:
        assert shown["version"] == 2


@BELONGING
def test_a_record_of_an_archived_patient_is_read_on_request(home: Builder, kind: Kind) -> None:
    """A copy of the org holds the charts of archived patients, too."""
    made = home.make(kind)
    assert home.client.post(f"/patients/{made.patient}/archive").status_code == 200
    refused(home.client.get(made.path), 404)
    assert lasting(kind, home.client.read(made.path, **READ_ANY)) == lasting(kind, made.record)


@each("create", "archive")
def test_roles_read_the_archived_as_they_read_the_live(home: Builder, kind: Kind) -> None:
    """A role that may read a record may read it archived, and no other role."""
    live, archived = home.make(kind, small=True), home.make(kind, small=True)
    assert home.archive(archived).is_success
    for role in ("clinician", "front_desk", "billing", "read_only", "integration"):
        client = home.org.desk(role)
        statuses = [client.get(made.path, params=READ_ANY).status_code for made in (live, archived)]
        assert statuses in ([200, 200], [403, 403]), (role, statuses)


def test_a_portal_login_reads_nothing_archived(home: Builder) -> None:
    """Neither an archived record of its own chart, nor itself once the patient is archived."""
    kinds = [k for k in ALL if k.parent and any(f.portal for f in k.fields)]
    patient = home.make(ALL[0], small=True)
    portal = home.org.desk("portal", "--patient", patient.id)
    records: list[Made] = [home.make(kind, patient=patient.id) for kind in kinds]
    for made in records:
        assert portal.get(made.path, params=READ_ANY).status_code == 200
        assert home.archive(made).is_success
        refused(portal.get(made.path, params=READ_ANY), 404)
    assert home.archive(patient).is_success
    refused(portal.get(patient.path, params=READ_ANY), 404)


def test_what_is_sealed_is_revealed_of_the_archived_too(home: Builder) -> None:
    """To who may see it, on request."""
    made = home.make(ALL[0], {"social_security_number": "900-45-6789"}, small=True)
    assert home.archive(made).is_success
    shown = home.client.read(made.path, archived=True, reveal="ssn")
    assert shown["social_security_number"].replace("-", "") == "900456789"
