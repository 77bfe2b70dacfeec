"""Requests that reach no operation: recorded for known callers, and refused where two readers would differ on them."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.house import House, Org

Json = dict[str, Any]


def trail(org: Org, action: str) -> list[Json]:
    return list(org.desk().read("/audit-events", action=action)["data"])


@pytest.mark.parametrize(
    ("method", "path", "action", "status", "outcome"),
    [
        ("OPTIONS", "/patients", "options", 204, "allowed"),
        ("DELETE", "/patients", "unmatched", 405, "invalid"),
        ("PATCH", "/events", "unmatched", 405, "invalid"),
        ("GET", "/no/such/path", "unmatched", 404, "denied"),
        ("POST", "/patients/archive/everything/now", "unmatched", 404, "denied"),
    ],
)
def test_what_a_known_caller_asks_in_vain_is_in_the_trail(
    org: Org, method: str, path: str, action: str, status: int, outcome: str
) -> None:
    """A caller who tries paths of the server leaves records with the caller's name."""
    answer = org.desk("front_desk").request(method, path)
    assert answer.status_code == status
    [record] = trail(org, action)
    assert (record["method"], record["status"], record["outcome"]) == (method, status, outcome)
    assert (record["actor"]["role"], record["kind"]) == ("front_desk", "path")
    assert record["request_id"] == answer.headers["x-request-id"]
    assert record["source_address"] == "127.0.0.1"
    assert "archive/everything" not in str(record)


def test_who_is_not_known_leaves_no_record_and_gets_the_same_answer(org: Org) -> None:
    """A stranger's request belongs to no org, whatever org its path names."""
    desk = org.desk()
    desk.headers["Authorization"] = "Bearer chs_nothing"
    assert desk.request("DELETE", "/patients").status_code == 405
    assert desk.get("/no/such/path").status_code == 404
    assert trail(org, "unmatched") == []


def test_a_caller_at_another_orgs_unknown_path_is_in_the_trail_of_the_own_org(house: House, org: Org) -> None:
    """The record goes to the org that can ask the caller about it, and the other org learns nothing."""
    other = house.org("Other Dental")
    assert org.desk().get(f"{other.base}/no/such/path").status_code == 404
    assert len(trail(org, "unmatched")) == 1
    assert trail(other, "unmatched") == []


def test_an_operation_leaves_one_record(org: Org) -> None:
    """Requests that an operation records are not recorded again."""
    org.desk().read("/patients")
    assert len(trail(org, "list")) == 1
    assert trail(org, "unmatched") == []


def test_the_query_belongs_to_what_a_key_stands_for(org: Org) -> None:
    """A second request with the key and another query is another request, and not answered by the first."""
    desk, key = org.desk(), {"Idempotency-Key": "one"}
    source = desk.made("/referral-sources", {"name": "Flyer"})
    patient = desk.made("/patients", {"first_name": "Ana", "last_name": "Query"})
    path = f"/patients/{patient['id']}/referral-attributions"
    made = desk.made(path, {"referral_source_uuid": source["id"]})
    archive = f"{path}/{made['id']}/archive"
    assert desk.post(f"{archive}?base_version=1", headers=key).status_code == 204
    again = desk.post(f"{archive}?base_version=1", headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (204, "true")
    other = desk.post(f"{archive}?base_version=2", headers=key)
    assert (other.status_code, other.json()["detail"][0]["type"]) == (409, "idempotency_conflict")


def test_ids_in_a_path_are_compared_without_case(org: Org) -> None:
    """Some systems write UUIDs in capitals; they are the same ids, also for a retry under a key."""
    desk, key = org.desk(), {"Idempotency-Key": "capitals"}
    body = {"first_name": "Ana", "last_name": "Upper"}
    made = desk.post("/patients", json=body, headers=key)
    capitals = f"{org.house.url}/api/v1/{org.id.upper()}/patients"
    again = desk.post(capitals, json=body, headers=key)
    assert (made.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    found = desk.get(f"{capitals}/{made.json()['id'].upper()}")
    assert (found.status_code, found.json()["id"]) == (200, made.json()["id"])
    fresh = desk.post(capitals, json=body | {"last_name": "Lower"})
    assert fresh.headers["location"] == f"/api/v1/{org.id}/patients/{fresh.json()['id']}"


AMBIGUOUS = {
    "two hosts": [b"Host: localhost", b"Host: evil.example"],
    "the same host twice": [b"Host: localhost", b"Host: localhost"],
    "chunked twice": [b"Host: localhost", b"Transfer-Encoding: chunked, chunked"],
    "chunked in two lines": [b"Host: localhost", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
    "gzip, then chunked": [b"Host: localhost", b"Transfer-Encoding: gzip, chunked"],
    "identity, then chunked": [b"Host: localhost", b"Transfer-Encoding: identity, chunked"],
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_a_request_that_can_be_read_in_two_ways_is_refused(shared_org: Org, what: str) -> None:
    """Refused with 400, and the connection ends: what follows on it may belong to this request or to the next."""
    body = b"0\r\n\r\n" if any(b"Transfer" in line for line in AMBIGUOUS[what]) else b""
    lines = [b"POST /api/v1/%s/patients HTTP/1.1" % shared_org.id.encode(), *AMBIGUOUS[what]]
    lines += [b"Authorization: Bearer " + shared_org.token("admin").encode(), b"Content-Type: application/json"]
    follows = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", shared_org.house.port), timeout=30) as client:
        client.sendall(b"\r\n".join([*lines, b"", b""]) + body + follows)
        said = b""
        while piece := client.recv(65536):
            said += piece
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1
