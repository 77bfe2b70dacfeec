"""Requests that reach no operation: recorded for known callers, and refused where two readers would differ on them."""

from __future__ import annotations

import re
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
    # A bare line feed ends a line, so nothing can hide behind one from these checks.
    "two hosts by a line feed": [b"Host: localhost", b"X-Some: value\nHost: evil.example"],
    "gzip by a line feed": [b"Host: localhost", b"X-Some: value\nTransfer-Encoding: gzip, chunked"],
}


def until_the_end(org: Org, sent: bytes) -> bytes:
    """All that the server says to these bytes and a request after them, until it ends the connection."""
    follows, said = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b""
    with socket.create_connection(("127.0.0.1", org.house.port), timeout=30) as client:
        client.sendall(sent + follows)
        while piece := client.recv(65536):
            said += piece
    return said


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_a_request_that_can_be_read_in_two_ways_is_refused(shared_org: Org, what: str) -> None:
    """Refused with 400, and the connection ends: what follows on it may belong to this request or to the next."""
    body = b"0\r\n\r\n" if any(b"Transfer" in line for line in AMBIGUOUS[what]) else b""
    lines = [b"POST /api/v1/%s/patients HTTP/1.1" % shared_org.id.encode(), *AMBIGUOUS[what]]
    lines += [b"Authorization: Bearer " + shared_org.token("admin").encode(), b"Content-Type: application/json"]
    said = until_the_end(shared_org, b"\r\n".join([*lines, b"", b""]) + body)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1


def _post(org: Org, more: bytes, body: bytes) -> bytes:
    """A create whose head has more lines before its end, all with CR LF."""
    lines = [b"POST /api/v1/%s/patients HTTP/1.1" % org.id.encode(), b"Host: localhost"]
    lines += [b"Authorization: Bearer " + org.token("admin").encode(), b"Content-Type: application/json"]
    return b"\r\n".join(lines) + b"\r\n" + more + b"\r\n" + body


PERSON = b'{"first_name": "Ada", "last_name": "Chunked"}'
CHUNKED, WHOLE = b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(PERSON), PERSON)
# Bytes that are sent, and the status. The HTTP library reads the head, before any code of the server.
BROKEN = {
    "a bare CR in a value": (b"X-Some: value\rHost: evil.example\r\n", b"", 400),
    "two CR": (b"X-Some: value\r\r\n", b"", 400),
    "a folded line": (b"X-Some: value\r\n folded\r\n", b"", 400),
    "a line folded after a line feed": (b"X-Some: value\n folded\r\n", b"", 400),
    "a NUL": (b"X-Some: value\0\r\n", b"", 400),
    "a blank before the colon": (b"X-Some : value\r\n", b"", 400),
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4\r\n", b"{}", 400),
    "a line feed after the length of a chunk": (CHUNKED, WHOLE.replace(b"\r\n", b"\n", 1), 408),
    "a line feed after a chunk": (CHUNKED, WHOLE.replace(b"}\r\n", b"}\n"), 408),
    "a line feed in the extension of a chunk": (CHUNKED, WHOLE.replace(b"\r\n", b";a\nb\r\n", 1), 408),
    # The coding counts, and the connection ends, as RFC 9112 asks for in section 6.3.
    "a length beside chunked": (b"Content-Length: 5\r\n" + CHUNKED, WHOLE, 201),
    "chunked beside a length": (CHUNKED + b"Content-Length: 5\r\n", WHOLE, 201),
}


@pytest.mark.parametrize("what", BROKEN)
def test_nothing_is_read_after_a_request_whose_end_is_doubtful(shared_org: Org, what: str) -> None:
    """One answer, and the end of the connection: the request after it is never answered."""
    more, body, status = BROKEN[what]
    said = until_the_end(shared_org, _post(shared_org, more, body))
    assert said.startswith(b"HTTP/1.1 %d " % status), said[:200]
    assert said.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bare_line_feed_ends_a_line_of_the_head(shared_org: Org, end: bytes) -> None:
    """As RFC 9112 allows in section 2.2, so a proxy in front must read it alike or refuse it (SECURITY.md)."""
    token = b"Authorization: Bearer " + shared_org.token("admin").encode()
    lines = [b"GET /api/v1/%s/patients HTTP/1.1" % shared_org.id.encode(), b"Host: localhost", token]
    sent = end.join([*lines, b"X-Some: value", b"Connection: keep-alive", b"", b""])
    stop = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    said = until_the_end(shared_org, sent + stop)
    assert re.findall(rb"HTTP/1\.1 (\d+) ", said) == [b"200", b"200"]
