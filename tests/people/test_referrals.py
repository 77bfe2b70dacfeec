"""Whom the practice owes a patient to, and one primary of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from uuid import uuid4

import pytest

from tests.house import Client, Org
from tests.patients.acts import Json, act, at_once, events_of, register
from tests.people.deeds import NOBODY, archived, credit, ids, insist, refusal, source

SOURCES = ("provider_uuid", "referral_partner_uuid", "referral_source_uuid", "referring_patient_uuid")
ROLE = ("body", "attribution_role")


@pytest.fixture(scope="module")
def sources(desk: Client) -> dict[str, dict[str, Any]]:
    """One of each source, by its key."""
    return {
        "provider_uuid": desk.made("/providers", {"name": f"Dr. {uuid4().hex}"}),
        "referral_partner_uuid": desk.made("/referral-partners", {"name": f"Partner {uuid4().hex}"}),
        "referral_source_uuid": desk.made("/referral-sources", {"name": f"Source {uuid4().hex}"}),
        "referring_patient_uuid": register(desk),
    }


def path_of(patient: Json, attribution: Json | None = None) -> str:
    path = f"/patients/{patient['id']}/referral-attributions"
    return f"{path}/{attribution['id']}" if attribution else path


@pytest.mark.parametrize("key", SOURCES)
def test_each_source_alone_is_enough(desk: Client, sources: dict[str, Any], key: str) -> None:
    """It is shown by id and name, the other three are null, the role is primary unless said otherwise."""
    patient, one = register(desk), sources[key]
    made = credit(desk, patient, **{key: one["id"]}, source_note="By the flyer")
    name = one.get("name") or f"{one['first_name']} {one['last_name']}"
    shown = {k: made[k.removesuffix("_uuid")] for k in SOURCES}
    assert shown == dict.fromkeys(SOURCES) | {key: {"id": one["id"], "name": name}}
    assert (made["attribution_role"], made["source_note"], made["version"]) == ("primary", "By the flyer", 1)
    assert made["attributed_at"] == made["created_at"]
    assert desk.read(path_of(patient))["items"] == [made]


@pytest.mark.parametrize("keys", [(), *combinations(SOURCES, 2), SOURCES])
def test_none_or_several_sources_are_refused(desk: Client, sources: dict[str, Any], keys: tuple[str, ...]) -> None:
    """422, and nothing is credited."""
    patient = register(desk)
    answer = desk.post(path_of(patient), json={k: sources[k]["id"] for k in keys})
    status, places = refusal(answer)
    assert (status, set(places.values())) == (422, {"contradiction" if keys else "missing"})
    assert desk.read(path_of(patient))["total"] == 0


def test_a_null_source_is_no_source(desk: Client, sources: dict[str, Any]) -> None:
    """Three nulls and one id are one source; four nulls are none."""
    patient = register(desk)
    nulls: dict[str, Any] = dict.fromkeys(SOURCES)
    assert desk.post(path_of(patient), json=nulls).status_code == 422
    credit(desk, patient, **nulls | {"provider_uuid": sources["provider_uuid"]["id"]})


def test_nobody_refers_themselves(desk: Client) -> None:
    """422 at the referring patient."""
    patient = register(desk)
    answer = desk.post(path_of(patient), json={"referring_patient_uuid": patient["id"]})
    assert refusal(answer) == (422, {("body", "referring_patient_uuid"): "contradiction"})


@pytest.mark.parametrize("key", SOURCES)
def test_a_source_that_is_not_there_is_not_credited(desk: Client, own_desk: Client, key: str) -> None:
    """Nobody, archived, or of another org: 404 at the source."""
    patient, stranger = register(desk), own_desk
    catalog = {"provider_uuid": "/providers", "referral_partner_uuid": "/referral-partners"}.get(
        key, "/referral-sources"
    )
    if key == "referring_patient_uuid":
        other, gone = register(stranger)["id"], act(desk, register(desk), "archive")["id"]
    else:
        other = stranger.made(catalog, {"name": uuid4().hex})["id"]
        gone = desk.made(catalog, {"name": uuid4().hex})["id"]
        archived(desk, f"{catalog}/{gone}", 1)
    for wrong in (NOBODY, other, gone):
        assert refusal(desk.post(path_of(patient), json={key: wrong})) == (404, {("body", key): "not_found"})


def test_an_archived_source_keeps_its_credit(desk: Client) -> None:
    """Records that name it still show it by name."""
    patient, name = register(desk), uuid4().hex
    one = desk.made("/referral-sources", {"name": name})
    credit(desk, patient, referral_source_uuid=one["id"])
    archived(desk, f"/referral-sources/{one['id']}", 1)
    [seen] = desk.read(path_of(patient))["items"]
    assert seen["referral_source"] == {"id": one["id"], "name": name}


def test_a_second_primary_is_refused_on_create(desk: Client) -> None:
    """409 whether said or by default; any number of secondary and assisting ones are fine."""
    patient = register(desk)
    credit(desk, patient, referral_source_uuid=source(desk))
    for role in ({}, {"attribution_role": "primary"}):
        answer = desk.post(path_of(patient), json={"referral_source_uuid": source(desk)} | role)
        assert refusal(answer) == (409, {ROLE: "primary_exists"})
    for lesser in ("secondary", "secondary", "assist", "assist"):
        credit(desk, patient, referral_source_uuid=source(desk), attribution_role=lesser)
    assert desk.read(path_of(patient))["total"] == 5


def test_a_second_primary_is_refused_on_change(desk: Client) -> None:
    """409 and nothing changes; once the first steps back, the second may step forward."""
    patient = register(desk)
    first = credit(desk, patient, referral_source_uuid=source(desk))
    second = credit(desk, patient, referral_source_uuid=source(desk), attribution_role="assist")
    forward = {"base_version": 1, "attribution_role": "primary"}
    assert refusal(desk.patch(path_of(patient, second), json=forward)) == (409, {ROLE: "primary_exists"})
    back = desk.patch(path_of(patient, first), json={"base_version": 1, "attribution_role": "secondary"})
    assert (back.status_code, back.json()["version"]) == (200, 2)
    again = desk.patch(path_of(patient, second), json=forward)
    assert (again.status_code, again.json()["attribution_role"], again.json()["version"]) == (200, "primary", 2)


def test_role_and_note_alone_can_change(desk: Client) -> None:
    """The source is what it is for good: 422 for each; null leaves the role and clears the note."""
    patient = register(desk)
    made = credit(desk, patient, referral_source_uuid=source(desk), source_note="Flyer")
    path = path_of(patient, made)
    for key in SOURCES:
        answer = desk.patch(path, json={"base_version": 1, key: NOBODY})
        assert refusal(answer) == (422, {("body", key): "unknown_field"})
    assert desk.patch(path, json={"base_version": 1, "attribution_role": None}).json() == made
    cleared = desk.patch(path, json={"base_version": 1, "source_note": None}).json()
    assert cleared == made | {"source_note": None, "version": 2, "updated_at": cleared["updated_at"]}


def test_of_32_racing_primaries_one_is_made(shared_org: Org, desk: Client) -> None:
    """One 201, 31 times 409, and one primary in the list."""
    patient = register(desk)
    desks, one = [shared_org.desk() for _ in range(32)], source(desk)
    body = {"referral_source_uuid": one}
    answers = at_once(32, lambda n: insist(lambda: desks[n].post(path_of(patient), json=body)))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 31
    assert all(refusal(a)[1] == {ROLE: "primary_exists"} for a in answers if a.status_code == 409)
    assert desk.read(path_of(patient))["total"] == 1


def test_of_32_that_race_to_become_primary_one_does(shared_org: Org, desk: Client) -> None:
    """The same rule for PATCH: one 200, the others 409 and unchanged."""
    patient, one = register(desk), source(desk)
    made = [credit(desk, patient, referral_source_uuid=one, attribution_role="assist") for _ in range(32)]
    desks = [shared_org.desk() for _ in made]
    body = {"base_version": 1, "attribution_role": "primary"}
    answers = at_once(32, lambda n: insist(lambda: desks[n].patch(path_of(patient, made[n]), json=body)))
    assert sorted(a.status_code for a in answers) == [200] + [409] * 31
    items = desk.read(path_of(patient))["items"]
    assert sorted((i["attribution_role"], i["version"]) for i in items) == [("assist", 1)] * 31 + [("primary", 2)]


def test_an_archive_says_which_version_it_has_seen(desk: Client) -> None:
    """Absent or no number: 422; stale: 409 with the present version; right: 204 and gone."""
    patient = register(desk)
    made = credit(desk, patient, referral_source_uuid=source(desk))
    path = f"{path_of(patient, made)}/archive"
    desk.patch(path_of(patient, made), json={"base_version": 1, "source_note": "x"})
    assert refusal(desk.post(path)) == (422, {("query", "base_version"): "missing"})
    assert refusal(desk.post(path, params={"base_version": "two"})) == (422, {("query", "base_version"): "wrong_type"})
    stale = desk.post(path, params={"base_version": 1})
    assert refusal(stale) == (409, {("query", "base_version"): "version_conflict"})
    assert stale.json()["detail"][0]["current_version"] == 2
    gone = desk.post(path, params={"base_version": 2})
    assert (gone.status_code, gone.content, "content-type" in gone.headers) == (204, b"", False)
    assert desk.read(path_of(patient))["total"] == 0
    assert refusal(desk.post(path, params={"base_version": 3})) == (404, {("path", "attribution_uuid"): "not_found"})
    credit(desk, patient, referral_source_uuid=source(desk))


def test_a_repeated_archive_is_replayed(desk: Client) -> None:
    """With an Idempotency-Key the 204 comes again, without a body, and nothing happens twice."""
    patient = register(desk)
    made = credit(desk, patient, referral_source_uuid=source(desk))
    path, key = f"{path_of(patient, made)}/archive", {"Idempotency-Key": str(uuid4())}
    first = desk.post(path, params={"base_version": 1}, headers=key)
    again = desk.post(path, params={"base_version": 1}, headers=key)
    assert [(a.status_code, a.content) for a in (first, again)] == [(204, b"")] * 2
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert [e["type"] for e in events_of(desk, patient["id"])].count("referral_attribution.archived") == 1


def test_an_attribution_is_reached_through_its_own_patient_alone(desk: Client) -> None:
    """Under another patient's path it is not there."""
    patient, other = register(desk), register(desk)
    made = credit(desk, patient, referral_source_uuid=source(desk))
    for answer in (
        desk.patch(path_of(other, made), json={"base_version": 1, "source_note": "x"}),
        desk.post(f"{path_of(other, made)}/archive", params={"base_version": 1}),
    ):
        assert refusal(answer) == (404, {("path", "attribution_uuid"): "not_found"})


def test_attributions_are_listed_in_pages_with_an_exact_total(desk: Client) -> None:
    """Oldest first, no gap and no double between pages."""
    patient, one = register(desk), source(desk)
    made = [credit(desk, patient, referral_source_uuid=one, attribution_role="assist") for _ in range(5)]
    pages = [desk.read(path_of(patient), page=n, page_size=2) for n in (1, 2, 3, 4)]
    assert [i for p in pages for i in ids(p)] == [m["id"] for m in made]
    assert {p["total"] for p in pages} == {5}
