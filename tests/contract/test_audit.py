from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import CROWDED, Body, Builder, Made, archive_form, each, nobody, refused
from tests.house import Client, House

OUTCOMES = {
    403: "denied",
    404: "denied",
    409: "invalid",
    412: "invalid",
    413: "invalid",
    415: "invalid",
    422: "invalid",
}


@pytest.fixture(scope="module")
def watched(house: House) -> Builder:
    """An org whose trail nobody else writes into."""
    return Builder(house.org("Watched Dental"))


@pytest.fixture(scope="module")
def onlooker(watched: Builder) -> Client:
    """One who may only read."""
    return watched.org.desk("read_only")


@dataclass
class Trail:
    """Requests made under ids of their own, each with what the trail must say of it."""

    home: Builder
    expected: dict[str, Body] = field(default_factory=dict)

    def ask(self, client: Client, method: str, path: str, status: int, wanted: Body, **more: Any) -> httpx.Response:
        request_id = uuid4().hex
        headers = {"X-Request-Id": request_id, **more.pop("headers", {})}
        answer = client.request(method, path, headers=headers, **more)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.headers["x-request-id"] == request_id
        self.expected[request_id] = wanted | {
            "method": method,
            "status": status,
            "outcome": OUTCOMES.get(status, "allowed"),
            "actor": actor(client),
        }
        return answer

    def check(self) -> None:
        """Exactly one record of each request, saying what was expected of it."""
        written = newest(self.home)
        for request_id, wanted in self.expected.items():
            about = f"{wanted['method']} {wanted['route']} {wanted['status']}"
            mine = [r for r in written if r["request_id"] == request_id]
            assert len(mine) == 1, f"{about} left {len(mine)} records"
            shown = mine[0] | {"actor": {k: mine[0]["actor"][k] for k in ("name", "role")}}
            assert {k: shown[k] for k in wanted} == wanted, about
            assert UUID(mine[0]["actor"]["id"]).version == 7
            assert UUID(mine[0]["id"]).version == 7
            assert abs(datetime.fromisoformat(mine[0]["at"]) - datetime.now(UTC)) < timedelta(minutes=5)
            assert mine[0]["at"].endswith("Z")


def newest(home: Builder, **query: object) -> list[Body]:
    return list(home.client.read("/audit-events", first=200, **query)["data"])


def actor(client: Client) -> Body:
    """Who a client is: a user is named after the role and the visible part of the token, unless it has a name."""
    token = client.headers["authorization"].removeprefix("Bearer ")
    role = ROLE_OF[token]
    return {"name": f"{role} {token.split('_', 2)[2][:8]}", "role": role}


ROLE_OF: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _known(watched: Builder, onlooker: Client) -> None:
    ROLE_OF.update({token: key.split()[0] for key, token in watched.org.tokens.items()})


def about(made: Made, action: str, record: str | None) -> Body:
    """What the trail says of a request about a record, or beside it."""
    kind = made.kind
    route = "/api/v1/{org_id}/" + kind.path + ("" if action in {"list", "create"} else f"/{{{kind.id_param}}}")
    return {
        "action": action,
        "kind": kind.name,
        "record_id": record,
        "patient_id": record if kind.name == "patient" else made.patient,
        "route": route + ("/archive" if action == "archive" else ""),
    }


def whose(made: Made) -> Body:
    """The patient of a record that is no child of one but names one; known once it was found."""
    return {"patient_id": made.sent["patient_uuid"]} if "patient_uuid" in made.sent else {}


def _created(made: Made, answer: httpx.Response) -> Body:
    """What the trail says of a create beside a record, once it is answered."""
    said = about(made, "create", answer.json()["id"])
    return said | ({"patient_id": answer.json()["patient"]["id"]} if whose(made) else {})


@each("create")
def test_every_request_that_is_answered_leaves_one_audit_record(watched: Builder, kind: Kind) -> None:
    """Create, list, read, change, archive: who, what, which record and patient, with what outcome."""
    trail, desk = Trail(watched), watched.client
    made = watched.make(kind)
    created = trail.ask(desk, "POST", made.collection, 201, {}, json=watched.body(kind))
    trail.expected[created.headers["x-request-id"]].update(_created(made, created))
    if "list" in kind.verbs:
        trail.ask(desk, "GET", made.collection, 200, about(made, "list", None))
    if "get" in kind.verbs:
        trail.ask(desk, "GET", made.path, 200, about(made, "read", made.id) | whose(made))
    if "patch" in kind.verbs:
        change = {"base_version": 1, **watched.change(made)}
        trail.ask(desk, "PATCH", made.path, 200, about(made, "update", made.id) | whose(made), json=change)
    if "archive" in kind.verbs:
        form = archive_form(kind, 1 + ("patch" in kind.verbs))
        status = 204 if kind.archive_by == "query" else 200
        trail.ask(desk, "POST", f"{made.path}/archive", status, about(made, "archive", made.id) | whose(made), **form)
    trail.check()


def _refusals(home: Builder, made: Made, onlooker: Client) -> Iterator[tuple[Client, str, str, int, Body, Body]]:
    """Requests that are refused: by whom, method, path, status, what the trail says, and the rest of the request."""
    kind, desk, lost = made.kind, home.client, nobody()
    wrong = {"json": {"nonsense": 1}}
    yield onlooker, "POST", made.collection, 403, about(made, "create", None), {"json": home.body(kind, small=True)}
    yield desk, "POST", made.collection, 422, about(made, "create", None), wrong
    if "get" in kind.verbs:
        yield desk, "GET", f"{made.collection}/{lost}", 404, about(made, "read", lost), {}
    if "patch" in kind.verbs:
        change = home.change(made)
        right, stale = {"json": {"base_version": 1, **change}}, {"json": {"base_version": 9, **change}}
        yield desk, "PATCH", made.path, 409, about(made, "update", made.id), stale
        yield desk, "PATCH", made.path, 422, about(made, "update", made.id), wrong
        yield onlooker, "PATCH", made.path, 403, about(made, "update", made.id), right
        yield desk, "PATCH", f"{made.collection}/{lost}", 404, about(made, "update", lost), right
    if "archive" in kind.verbs:
        form = archive_form(kind, 1)
        yield onlooker, "POST", f"{made.path}/archive", 403, about(made, "archive", made.id), form
        yield desk, "POST", f"{made.collection}/{lost}/archive", 404, about(made, "archive", lost), form


@each("create")
def test_every_request_that_is_refused_leaves_one_audit_record(watched: Builder, onlooker: Client, kind: Kind) -> None:
    """403, 404, 409 and 422 are written down like what was answered, under the name of whoever tried."""
    trail = Trail(watched)
    made = watched.make(kind)
    for client, method, path, status, wanted, form in list(_refusals(watched, made, onlooker)):
        trail.ask(client, method, path, status, wanted, **form)
    if kind.unique:
        crowd = watched.make(kind, CROWDED.get(kind.name))
        trail.ask(watched.client, "POST", crowd.collection, 409, about(crowd, "create", None), json=crowd.sent)
    for content, media, status in ((b"{", JSON, 422), (b"{}", "text/plain", 415), (LARGE, JSON, 413)):
        form_of = {"Content-Type": media}
        trail.ask(
            watched.client,
            "POST",
            made.collection,
            status,
            about(made, "create", None),
            content=content,
            headers=form_of,
        )
    trail.check()


JSON = "application/json"
LARGE = b'{"nonsense": "' + b"x" * (1 << 20) + b'"}'


@each("create")
def test_a_retry_is_audited_as_what_it_answers(watched: Builder, kind: Kind) -> None:
    """A replayed answer shows the record again, so the trail names the record and patient again."""
    trail, key = Trail(watched), {"Idempotency-Key": f"audit-{uuid4()}"}
    made = watched.make(kind)
    sent = watched.body(kind)
    for _ in range(2):
        answer = trail.ask(watched.client, "POST", made.collection, 201, {}, json=sent, headers=dict(key))
        trail.expected[answer.headers["x-request-id"]].update(_created(made, answer))
    trail.check()


def test_a_request_to_a_foreign_org_is_audited_where_the_caller_belongs(watched: Builder, other: Builder) -> None:
    """Trying another org's door is written down in one's own org, and nowhere else."""
    request_id = uuid4().hex
    url = f"{other.org.base}/patients/{nobody()}"
    refused(watched.client.get(url, headers={"X-Request-Id": request_id}), 404)
    [tried] = [r for r in newest(watched) if r["request_id"] == request_id]
    assert (tried["outcome"], tried["status"], tried["action"]) == ("denied", 404, "read")
    assert request_id not in {r["request_id"] for r in newest(other)}


def test_the_trail_and_the_feed_are_audited_themselves(watched: Builder) -> None:
    """Reading who read what is a read too."""
    for path, kind in (("/audit-events", "audit_event"), ("/events", "event")):
        request_id = uuid4().hex
        watched.client.get(path, headers={"X-Request-Id": request_id})
        [mine] = [r for r in newest(watched) if r["request_id"] == request_id]
        assert (mine["kind"], mine["action"], mine["outcome"]) == (kind, "list", "allowed")


@pytest.mark.parametrize("role", ["clinician", "front_desk", "billing", "read_only", "integration"])
def test_only_an_admin_reads_the_trail(watched: Builder, role: str) -> None:
    """Every other role is refused with 403."""
    refused(watched.org.desk(role).get("/audit-events"), 403, ("header", "authorization"))


def test_the_trail_is_newest_first_and_walks_without_gaps(watched: Builder) -> None:
    """Page after page by cursor gives every record once, newest first."""
    for _ in range(7):
        watched.client.read("/billing-types")
    day = datetime.now(UTC).date()
    whole = newest(watched, action="list", date_to=str(day + timedelta(days=1)))
    anchor = {r["id"] for r in whole}
    assert [r["at"] for r in whole] == sorted((r["at"] for r in whole), reverse=True)
    walked: list[Body] = []
    after: dict[str, str] = {}
    while len(walked) < len(whole):
        answer = watched.client.read("/audit-events", action="list", first=3, **after)
        info = answer["page_info"]
        assert set(answer) == {"data", "page_info"}
        assert set(info) == {"has_next_page", "end_cursor", "has_previous_page", "start_cursor"}
        assert info["has_previous_page"] == bool(after)
        walked += [r for r in answer["data"] if r["id"] in anchor]
        if not info["has_next_page"]:
            break
        after = {"after": info["end_cursor"]}
    assert [r["id"] for r in walked] == [r["id"] for r in whole]


def test_filters_of_the_trail_narrow_it(watched: Builder, onlooker: Client) -> None:
    """actor, patient, action, outcome and days each leave exactly what they say, alone and together."""
    made = watched.make(ALL[0])
    onlooker.read(made.path)
    refused(onlooker.patch(made.path, json={"base_version": 1}), 403)
    today = datetime.now(UTC).date()
    mine = newest(watched, patient=made.id)
    assert [(r["action"], r["outcome"]) for r in mine[:3]] == [
        ("update", "denied"),
        ("read", "allowed"),
        ("create", "allowed"),
    ]
    who = mine[0]["actor"]["id"]
    checks: list[tuple[Body, Callable[[Body], bool]]] = [
        ({"actor": who}, lambda r: bool(r["actor"]["id"] == who)),
        ({"patient": made.id}, lambda r: bool(r["patient_id"] == made.id)),
        ({"action": "create"}, lambda r: bool(r["action"] == "create")),
        ({"outcome": "denied"}, lambda r: bool(r["outcome"] == "denied")),
        ({"date_from": str(today - timedelta(days=1)), "date_to": str(today)}, lambda _: True),
        ({"patient": made.id, "actor": who, "outcome": "allowed"}, lambda r: bool(r["action"] == "read")),
    ]
    for query, fits in checks:
        found = newest(watched, **query)
        assert found, query
        assert all(fits(r) for r in found), query
    assert not newest(watched, date_from=str(today + timedelta(days=2)))
    assert not newest(watched, date_to=str(today - timedelta(days=2)))
    assert not newest(watched, actor=nobody())


def test_wrong_parameters_of_the_trail_are_named(watched: Builder) -> None:
    """Ids that are none, unknown outcomes, bad days, bounds and broken cursors are 422."""
    wrong: dict[str, str] = {
        "actor": "1",
        "patient": "x",
        "outcome": "maybe",
        "date_from": "today",
        "date_to": "2026-02-30",
        "first": "0",
    }
    answer = watched.client.get("/audit-events", params=wrong)
    assert set(refused(answer, 422)) == {("query", key) for key in wrong}
    refused(watched.client.get("/audit-events", params={"first": 201}), 422, ("query", "first"))
    broken = watched.client.get("/audit-events", params={"after": "nonsense"})
    assert refused(broken, 422) == {("query", "after"): "invalid_cursor"}


def test_the_trail_holds_no_clinical_text(watched: Builder) -> None:
    """Nothing of what is written about a patient is in the trail: neither values nor bodies that were refused."""
    secret = f"Secret{uuid4().hex}"
    made = watched.make(ALL[0], {"treatment_notes": secret, "last_name": secret})
    watched.client.patch(made.path, json={"base_version": 1, "title": secret * 9})
    watched.client.get("/patients", params={"search": secret})
    watched.client.get("/patients", params={"status": secret})
    assert secret not in watched.client.get("/audit-events", params={"first": 200}).text


@pytest.mark.parametrize("sent", ["0123456789abcdef", "f" * 16, "0" * 16, "ABCDEF0123456789", "a" * 32, "desk-42"])
def test_a_request_id_stands_in_the_trail_as_it_was_sent(watched: Builder, sent: str) -> None:
    """Ids of the form that the server makes are stored as numbers, others as texts."""
    answer = watched.client.get("/billing-types", headers={"X-Request-Id": sent})
    assert answer.headers["x-request-id"] == sent
    assert newest(watched)[0]["request_id"] == sent
