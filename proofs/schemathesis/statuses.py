"""The statuses that a generator misses, each reached by a request made for it."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import httpx

from chairside import embedded
from chairside.access.roles import ROLES, TABLE
from chairside.engine.operations import Operation
from proofs.requests import Asker
from proofs.rows import execute
from tests.contract.builder import Attempt
from tests.house import Client, wait_for

Pair = tuple[str, str]
OVERSIZED, OVERSIZED_LARGE = (b" " * (most << 20) + b"{}" for most in (1, 16))
# For how long a body is waited for by the server of this proof, and an answer by the client.
BODY_SECONDS, MOST_SECONDS = 5, 60
STAFF = tuple(role for role in ROLES if role != "portal")


def label(operation: Operation) -> str:
    return f"{operation.method} /api/v1/{{org_id}}/{operation.path}"


def documented(document: Mapping[str, Any]) -> set[Pair]:
    """Every operation of a document with every status it may answer."""
    return {
        (f"{method.upper()} {path}", status)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for status in operation["responses"]
    }


def unreachable(operation: Operation, status: str) -> str:
    """Why nobody can be answered this; empty where somebody can."""
    if status == "403" and all(operation.allow in TABLE[operation.area][role] for role in STAFF):
        return "every role of the staff may"
    if status == "409" and operation.method != "GET" and not operation.writes:
        return "it writes nothing, so a key has nothing to conflict with"
    if status == "429":
        return "limits are tried by the proof of overload"
    return ""


def ask(asker: Asker, operation: Operation, status: str) -> httpx.Response:  # noqa: PLR0911 - one for each status
    """The answer to a request that should be answered with this status."""
    right, desk = asker.right(operation), asker.client
    match status:
        case "304":
            return right.by(desk, {"If-None-Match": "*"})
        case "401":
            return right.by(httpx.Client(base_url=asker.org.base))
        case "403":
            role = next(
                r for r in STAFF if operation.allow not in TABLE[operation.area][r] and not _clinical(operation, r)
            )
            return right.by(asker.org.desk(role))
        case "404":
            return right.by(Client(f"{asker.org.house.url}/api/v1/{uuid.uuid4()}", asker.org.token("admin")))
        case "409":
            return _conflict(right, desk)
        case "410" if operation.name == "list_events":
            return desk.get("/events", params={"after": 2**40})
        case "410":
            return _of_an_earlier_epoch(asker)
        case "412":
            return right.by(desk, {"If-Match": '"999999"'})
        case "413" | "415":
            media = "application/json" if status == "413" else "text/plain"
            oversized = OVERSIZED_LARGE if operation.large else OVERSIZED
            content = oversized if status == "413" else b"{}"
            return desk.request(right.method, right.path, content=content, headers={"Content-Type": media})
        case "422":
            return replace(right, params={**right.params, "nonsense": "1"}).by(desk)
    return right.by(desk)


def _clinical(operation: Operation, role: str) -> bool:
    return operation.clinical_body is not None and "write" in TABLE["chart"][role]


def _conflict(right: Attempt, desk: Client) -> httpx.Response:
    """The same key for two bodies that mean the same and are not the same."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    right.by(desk, key).raise_for_status()
    body = httpx.Request("POST", "http://x", json=right.json or {}).content + b" "
    headers = key | {"Content-Type": "application/json"}
    return desk.request(right.method, right.path, content=body, headers=headers, params=right.params)


def _of_an_earlier_epoch(asker: Asker) -> httpx.Response:
    """A walk that goes on after a restore, which adds to the versions of the org; the epoch of before is put back."""
    after = asker.client.read("/patients/cursor", first=1)["page_info"]["end_cursor"]

    def walked(added: int, status: int) -> httpx.Response:
        change = f"UPDATE orgs SET version_base = version_base + {added} WHERE id = '{asker.org.id}'"
        execute(asker.org.house.data_dir, change)
        told: list[httpx.Response] = []

        def known_to_all_workers() -> bool:
            params: dict[str, str | int] = {"first": 1, "after": after}
            told.extend(asker.client.get("/patients/cursor", params=params) for _ in range(20))
            return all(answer.status_code == status for answer in told[-20:])

        wait_for(known_to_all_workers)  # each remembers an org for a moment
        return told[-1]

    answer = walked(1, HTTPStatus.GONE)
    walked(-1, HTTPStatus.OK)
    return answer


def while_bodies_stay_away(asker: Asker, operations: list[Operation]) -> Iterator[tuple[Operation, str]]:
    """The status for every operation when only the first byte of a body comes; all wait side by side."""
    head = f"Host: localhost\r\nAuthorization: Bearer {asker.org.token('admin')}\r\nContent-Type: application/json\r\n"
    with ExitStack() as open_ones:
        waiting = []
        for operation in operations:
            line = open_ones.enter_context(socket.create_connection(("127.0.0.1", asker.org.house.port)))
            line.settimeout(MOST_SECONDS)
            right = asker.right(operation)
            path = f"/api/v1/{asker.org.id}{right.path}"
            line.sendall(f"{right.method} {path} HTTP/1.1\r\n{head}Content-Length: 10\r\n\r\n{{".encode())
            waiting.append((operation, line))
        for operation, line in waiting:
            yield operation, line.recv(1 << 16)[9:12].decode()


def while_the_database_is_away(asker: Asker, operations: list[Operation]) -> Iterator[tuple[Operation, httpx.Response]]:
    """Every operation asked while no connection is let in: the same request is right before and after."""
    data_dir, desk = asker.org.house.data_dir, asker.client
    app = embedded.endpoint(data_dir).app
    rights = [(o, asker.right(o)) for o in operations]
    cut = f"SELECT pg_terminate_backend(pid, {MOST_SECONDS}000) FROM pg_stat_activity WHERE usename = '{app}'"
    execute(data_dir, f"ALTER ROLE {app} CONNECTION LIMIT 0", cut)  # returns when they are gone
    try:
        for operation, right in rights:
            yield operation, right.by(desk)
    finally:
        execute(data_dir, f"ALTER ROLE {app} CONNECTION LIMIT -1")
        wait_for(lambda: httpx.get(f"{asker.org.house.url}/readyz").status_code == 200)
