"""The audit record of every answer names each patient that the answer showed, however it was asked for."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chairside.app import every_operation
from chairside.engine.operations import Operation
from proofs.requests import KINDS, Asker
from tests.contract.builder import Body
from tests.house import Client, House

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The record of a reading of the trail keeps which part was read; what that part named stays in the records it showed.
EXEMPT = {"list_audit_events"}
EVERY = [o for o in every_operation() if o.name not in EXEMPT]


@pytest.fixture(scope="module")
def asker(house: House) -> Asker:
    """An org where a family and its neighbours stand in every list."""
    return Asker(house.org("Shown Dental"))


@pytest.fixture(scope="module")
def family(asker: Asker) -> dict[str, str]:
    """A guarantor, a dependent, and what ties them and a third patient together."""
    patient = KINDS["patient"]
    head = asker.make(patient, {"responsible_party_uuid": None, "billing_account": None}, small=True).id
    child = asker.make(patient, {"responsible_party_uuid": head}, small=True).id
    friend = asker.make(patient, small=True).id
    asker.make(KINDS["relationship"], {"to_patient_uuid": child, "is_guardian": True}, small=True, patient=head)
    asker.make(
        KINDS["referral_attribution"],
        {"provider_uuid": None, "referring_patient_uuid": friend, "attribution_role": "primary"},
        small=True,
        patient=child,
    )
    return {"head": head, "child": child, "friend": friend}


def patients_of(client: Client) -> set[str]:
    """The ids of all patients of the org."""
    found: set[str] = set()
    after: Body = {}
    while True:
        page = client.read("/patients/cursor", first=200, **after)
        found |= {p["id"] for p in page["data"]}
        if not page["page_info"]["has_next_page"]:
            return found | {p["id"] for p in client.read("/patients", status="archived", page_size=200)["items"]}
        after = {"after": page["page_info"]["end_cursor"]}


def record_of(client: Client, request_id: str) -> Body:
    """The one audit record of a request."""
    newest = client.read("/audit-events", first=50)["data"]
    [mine] = [r for r in newest if r["request_id"] == request_id]
    return dict(mine)


def asked(client: Client, method: str, path: str, **more: Any) -> tuple[httpx.Response, Body]:
    """An answer and the audit record of its request."""
    request_id = uuid4().hex
    headers = {"X-Request-Id": request_id, **more.pop("headers", {})}
    answer = client.request(method, path, headers=headers, **more)
    return answer, record_of(client, request_id)


def named(record: Body) -> set[str]:
    return {record["patient_id"], *record["patient_ids"]} - {None}


def names_all(client: Client, answer: httpx.Response, record: Body) -> set[str]:
    """The patients in an answer, once each of them was found in its record, and no stranger beside them."""
    patients = patients_of(client)
    shown = set(UUID.findall(answer.text)) & patients
    assert shown <= named(record), f"{record['route']} names {named(record)}"
    assert set(record["patient_ids"]) <= shown
    assert len(set(record["patient_ids"])) == len(record["patient_ids"])
    return shown


@pytest.mark.parametrize("operation", EVERY, ids=[o.name for o in EVERY])
def test_every_patient_in_an_answer_is_in_its_record(
    asker: Asker, family: dict[str, str], operation: Operation
) -> None:
    """Every operation: the patients of its answer are in the trail, and no action can forget one."""
    about = None
    if operation.method == "GET" and "patient_uuid" in operation.path_params:
        # A patient of its own: what a patient may have once only would stand in the way of the next operation.
        guarantor = asker.make(KINDS["patient"], {"responsible_party_uuid": None, "billing_account": None}, small=True)
        about = asker.make(KINDS["patient"], {"responsible_party_uuid": guarantor.id}, small=True).id
    right = asker.right(operation, about)
    answer, record = asked(asker.client, right.method, right.path, json=right.json, params=right.params)
    assert answer.is_success, answer.text
    shown = names_all(asker.client, answer, record)
    if operation.area != "setup" and operation.subject not in NOBODY and operation.answer:
        assert shown or operation.name in EMPTY, f"{operation.name} showed nobody, so nothing was tried"


NOBODY = {"org_settings", "field_definition", "alert_definition", "tag_definition", "communication_type", "event"}
# Answers that count or name no patient, and lists that are empty for the patient they are asked about.
EMPTY = {
    "patient_count_by_location", "field_value_form", "patient_search", "patient_check_duplicates", "patient_guardians",
    "list_alerts", "list_allergies", "list_medications", "list_diseases", "list_vital_signs", "list_social_history",
    "list_communication_logs", "list_field_values", "list_hold_overrides", "list_tags", "patient_dependents",
    "list_relationships",
}  # fmt: skip


def test_lists_of_every_kind_name_the_patients_of_their_entries(asker: Asker, family: dict[str, str]) -> None:
    """The parent, the guarantor, the other side of a relationship, who referred, and whose appointment it is."""
    asker.make(KINDS["appointment"], {"patient_uuid": family["friend"]}, small=True)
    head, child, friend = family["head"], family["child"], family["friend"]
    expected = {
        f"/patients/{child}": {child, head},
        f"/patients/{child}/family": {child, head},
        f"/patients/{child}/guardians": {child, head},
        f"/patients/{head}/dependents": {child, head},
        f"/patients/{head}/relationships": {child, head},
        f"/patients/{child}/referral-attributions": {child, friend},
        f"/appointments?patient_uuid={friend}": {friend},
        "/appointments": {friend},
        "/patients/cursor?first=200": {head, child, friend},
        "/patients?page_size=200&sort_by=created_at&sort_dir=desc": {head, child, friend},
        "/events?limit=1000": {head, child, friend},
    }
    for path, patients in expected.items():
        answer, record = asked(asker.client, "GET", path)
        assert patients <= names_all(asker.client, answer, record), path


def test_matches_of_every_sort_are_named(asker: Asker) -> None:
    """check-duplicates, potential_duplicates of a create, and an import's created, matched and doubled."""
    client, mail = asker.client, f"{uuid4().hex}@example.org"
    one = client.made("/patients", {"first_name": "One", "last_name": "Match", "email": mail})["id"]
    answer, record = asked(client, "POST", "/patients/check-duplicates", json={"last_name": "Other", "email": mail})
    assert names_all(client, answer, record) == {one}
    body: Body = {"first_name": "Two", "last_name": "Match", "email": mail}
    answer, record = asked(client, "POST", "/patients", json=body)
    assert names_all(client, answer, record) == {one, answer.json()["id"]}
    sent = {"rows": [body, body | {"email": f"x{mail}"}], "meta": {"match_on": ["email"], "on_duplicate": "skip"}}
    answer, record = asked(client, "POST", "/patients/bulk", json=sent)
    results = answer.json()["results"]
    told = {i for r in results for i in (*r["duplicate_of"], r["patient_id"]) if i}
    assert len(told) >= 2
    assert names_all(client, answer, record) == told
    assert record["count"] == 2


def test_a_replayed_answer_names_its_patients_again(asker: Asker, family: dict[str, str]) -> None:
    """The stored bytes show them a second time."""
    row = {"first_name": "Kept", "last_name": f"Answer {uuid4().hex[:8]}"}
    keyed = {"Idempotency-Key": f"shown-{uuid4()}"}
    first, before = asked(asker.client, "POST", "/patients/bulk", json={"rows": [row]}, headers=keyed)
    again, after = asked(asker.client, "POST", "/patients/bulk", json={"rows": [row]}, headers=keyed)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.content == again.content
    assert names_all(asker.client, again, after) == {first.json()["results"][0]["patient_id"]}
    assert after["patient_ids"] == before["patient_ids"]


def test_a_refusal_that_names_patients_is_found_by_them(asker: Asker, family: dict[str, str]) -> None:
    """The dependents who keep a guarantor from being archived."""
    answer, record = asked(asker.client, "POST", f"/patients/{family['head']}/archive")
    assert answer.status_code == 422
    assert names_all(asker.client, answer, record) == {family["child"]}
    assert (record["patient_id"], record["patient_ids"]) == (family["head"], [family["child"]])


def test_an_answer_that_shows_nothing_names_nobody(asker: Asker, family: dict[str, str]) -> None:
    """304 says that the caller has the record already."""
    path = f"/patients/{family['child']}"
    etag = asker.client.get(path).headers["etag"]
    answer, record = asked(asker.client, "GET", path, headers={"If-None-Match": etag})
    assert (answer.status_code, record["patient_id"], record["patient_ids"]) == (304, family["child"], [])


def test_the_trail_of_a_patient_holds_the_lists_that_showed_them(house: House) -> None:
    """Newest first, page by page without gap or double, narrowed by the other filters too."""
    asker = Asker(house.org("Found Dental"))
    client, reader = asker.client, asker.org.desk("read_only")
    mine = client.made("/patients", {"first_name": "Mia", "last_name": "Found"})["id"]
    for turn in range(3):
        reader.read("/patients", page_size=5)
        reader.read(f"/patients/{mine}")
        client.read("/patients/search", q="found", limit=10 + turn)
    refused = client.made("/patients", {"first_name": "Not", "last_name": "Shown"})["id"]
    whole = client.read("/audit-events", patient=mine, first=200)["data"]
    assert [r["at"] for r in whole] == sorted((r["at"] for r in whole), reverse=True)
    said = [(r["actor"]["role"], r["action"], r["patient_id"], r["patient_ids"]) for r in whole]
    assert said.count(("read_only", "list", None, [mine])) == 3
    assert said.count(("read_only", "read", mine, [])) == 3
    assert said.count(("admin", "search", None, [mine])) == 3
    assert said.count(("admin", "create", mine, [])) == 1
    walked: list[str] = []
    after: Body = {}
    while True:
        page = client.read("/audit-events", patient=mine, first=2, **after)
        walked += [r["id"] for r in page["data"]]
        if not page["page_info"]["has_next_page"]:
            break
        after = {"after": page["page_info"]["end_cursor"]}
    assert [i for i in walked if i in {r["id"] for r in whole}] == [r["id"] for r in whole]
    assert len(walked) == len(set(walked))
    searches = client.read("/audit-events", patient=mine, action="search")["data"]
    assert [r["query"] for r in searches] == [{"limit": 12}, {"limit": 11}, {"limit": 10}]
    assert len(client.read("/audit-events", patient=mine, actor=whole[-1]["actor"]["id"])["data"]) >= 4
    assert not [r for r in client.read("/audit-events", patient=refused)["data"] if r["action"] == "search"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/patients?page=2&page_size=5&sort_by=status&sort_dir=desc", {
            "page": 2, "page_size": 5, "sort_by": "status", "sort_dir": "desc"}),
        ("/patients?status=active&search=Zzyx&dob_from=1984-02-11&dob_to=1984-02-11", {"status": "active"}),
        ("/patients/search?q=Zzyx&limit=3", {"limit": 3}),
        ("/patients/search?q=Zzyx", None),
        ("/patients/counts/by-location?status_set=active,inactive&date_from=2026-01-01", {
            "status_set": ["active", "inactive"], "date_from": "2026-01-01"}),
        ("/patients?page=0&search=Zzyx&status=active", {"status": "active"}),
        ("/patients?nonsense=Zzyx", None),
        ("/billing-types?search=Zzyx&page_size=9", {"page_size": 9}),
    ],
)  # fmt: skip
def test_the_record_keeps_the_parameters_that_are_no_patient_data(asker: Asker, path: str, kept: Body | None) -> None:
    """Page, sort, ids, statuses, days of the trail; never words, names or dates of birth."""
    _, record = asked(asker.client, "GET", path)
    assert record["query"] == kept
    assert "Zzyx" not in str(record)


def test_the_record_says_where_the_request_came_from(asker: Asker) -> None:
    """Token, address and user agent; the agent bounded, and without what could disturb a terminal."""
    sent = {"User-Agent": "Front\tDesk/1.0 " + "x" * 500, "X-Forwarded-For": "203.0.113.7"}
    _, record = asked(asker.client, "GET", "/billing-types", headers=sent)
    assert record["source_address"] == "127.0.0.1"
    assert record["user_agent"].startswith("Front?Desk/1.0 xxx")
    assert len(record["user_agent"]) == 200
    other, wrong = asker.org.desk("read_only"), {"User-Agent": "Front\tDesk/1.0 " + "x" * 500}
    request_id = uuid4().hex
    other.post("/patients", json={}, headers=wrong | {"X-Request-Id": request_id})
    denied = record_of(asker.client, request_id)
    assert denied["token_id"] not in (None, record["token_id"])
    assert (denied["user_agent"], denied["outcome"]) == (record["user_agent"], "denied")
