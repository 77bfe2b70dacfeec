from __future__ import annotations

import json
import re
import time
from typing import Any

import httpx
import pytest

from chairside.access.roles import TABLE
from chairside.engine.bodies import portal_body
from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import Builder, each, nobody, refused
from tests.house import Client

WHO = {("header", "authorization"): "unauthenticated"}
GARBAGE = (
    None,
    b"",
    b"Bearer",
    b"Bearer garbage",
    b"Bearer chs_" + b"a" * 26 + b"_" + b"b" * 43,
    b"Basic YWRtaW46YWRtaW4=",
    b"Bearer caf\xc3\xa9",
)
# Every running worker refuses a revoked token within this time (semantics.md 1, architecture of the doorkeeper).
REVOKED_AFTER_SECONDS = 1.0
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
KINDS = pytest.mark.parametrize("kind", ALL, ids=[k.name for k in ALL])


@each("create")
def test_nobody_gets_in_without_a_token_that_is_known(home: Builder, kind: Kind) -> None:
    """No token, garbage or another scheme: 401 with WWW-Authenticate on every verb, and nothing is written."""
    made = home.make(kind, small=True)
    attempts = home.attempts(made)
    head = home.head()
    for sent in GARBAGE:
        headers = httpx.Headers([] if sent is None else [(b"Authorization", sent)])
        with httpx.Client(base_url=home.org.base, headers=headers) as stranger:
            for attempt in attempts:
                answer = attempt.by(stranger)
                assert refused(answer, 401) == WHO, (attempt.verb, sent)
                assert answer.headers["www-authenticate"] == "Bearer"
    assert home.head() == head


def test_two_tokens_are_none(home: Builder) -> None:
    """A request with two Authorization headers has no clear caller."""
    token = b"Bearer " + home.org.token("admin").encode()
    headers = httpx.Headers([(b"Authorization", token), (b"Authorization", b"Bearer garbage")])
    with httpx.Client(base_url=home.org.base, headers=headers) as stranger:
        assert refused(stranger.get("/patients"), 401) == WHO


def test_a_revoked_token_is_refused_by_every_worker_within_a_second(home: Builder) -> None:
    """A second after the revocation no worker lets the token in any more, whichever connection asks."""
    token = home.org.token("admin", "--name", "Leaving")
    client = home.org.desk("admin", "--name", "Leaving")
    for _ in range(10):
        with Client(home.org.base, token) as fresh:
            assert fresh.get("/patients").status_code == 200
    listed = json.loads(home.org.house.run("token", "list", "--org", home.org.id, "--json"))
    [mine] = [t for t in listed if t["name"] == "Leaving"]
    home.org.house.run("token", "revoke", "--org", home.org.id, mine["id"])
    time.sleep(REVOKED_AFTER_SECONDS)
    for _ in range(20):
        with Client(home.org.base, token) as fresh:
            answer = fresh.get("/patients")
            assert refused(answer, 401) == WHO
            assert answer.headers["www-authenticate"] == "Bearer"
    assert refused(client.post("/billing-types", json={"name": "Too late"}), 401) == WHO


@each("create")
def test_who_may_only_read_writes_nothing(home: Builder, reader: Client, kind: Kind) -> None:
    """read_only reads and lists, is refused every write with 403, and nothing is written."""
    made = home.make(kind, small=True)
    attempts = home.attempts(made)
    head = home.head()
    for attempt in attempts:
        answer = attempt.by(reader)
        if attempt.method == "GET":
            assert answer.status_code == 200, (attempt.verb, answer.text)
        else:
            assert refused(answer, 403) == {("header", "authorization"): "forbidden"}, attempt.verb
    assert home.head() == head
    assert home.stands(made)


@each("create")
def test_a_refused_role_learns_nothing_of_the_body(home: Builder, reader: Client, kind: Kind) -> None:
    """Who may not write gets 403 whatever the body is, so that a refusal tells nothing of what would be right."""
    made = home.make(kind, small=True)
    for raw in (b"", b"{", b'{"nonsense": 1}'):
        answer = reader.post(made.collection, content=raw, headers={"Content-Type": "application/json"})
        assert refused(answer, 403) == {("header", "authorization"): "forbidden"}


def test_each_role_may_do_what_the_table_says(home: Builder) -> None:
    """Every role lists and creates every kind exactly where the table of roles lets it."""
    attempts = [(k, a) for k in ALL if "create" in k.verbs for a in home.attempts(home.make(k, small=True))]
    for role in ("clinician", "front_desk", "billing", "integration"):
        client = home.org.desk(role)
        for kind, attempt in attempts:
            if attempt.verb in {"list", "create"}:
                may = ("read" if attempt.verb == "list" else "write") in TABLE[kind.area][role]
                assert (attempt.by(client).status_code != 403) == may, (role, kind.name, attempt.verb)


@each("create")
def test_a_portal_login_reaches_its_own_patient_alone(home: Builder, kind: Kind) -> None:
    """It reads and changes of its own patient what is meant for it; everything else is as if it were not there."""
    own, portal = _own_patient(home)
    foreign = home.make(kind, small=True)
    mine = home.make(kind, small=True, patient=own) if kind.parent else None
    tries = [(attempt, False) for attempt in home.attempts(foreign)]
    tries += [(a, True) for a in home.attempts(mine)] if mine else []
    if kind.name == "patient":
        tries += [(a.elsewhere(foreign.id, own), True) for a in home.attempts(foreign) if foreign.id in a.path]
    head = home.head()
    allowed = {"list", "get"} if any(f.portal for f in kind.fields) else set()
    for attempt, is_own in tries:
        if is_own and attempt.verb in allowed:
            assert attempt.by(portal).status_code == 200, attempt.verb
        elif not (is_own and attempt.verb == "patch" and portal_body(kind)):
            assert refused(attempt.by(portal), 404)[("path",)] == "not_found", attempt.verb
    assert home.head() == head
    assert home.stands(foreign)


_portals: dict[str, tuple[str, Client]] = {}


def _own_patient(home: Builder) -> tuple[str, Client]:
    """A patient with a portal login, one for each org."""
    if home.org.id not in _portals:
        own = home.make(ALL[0]).id
        _portals[home.org.id] = own, home.org.desk("portal", "--patient", own)
    return _portals[home.org.id]


def test_a_portal_login_sees_a_reduced_shape_and_changes_contact_alone(home: Builder) -> None:
    """No notes, balances, SSN or duplicates; contact fields can be changed, names cannot."""
    own, portal = _own_patient(home)
    shown = portal.read(f"/patients/{own}")
    assert set(shown) == {f.name for f in ALL[0].answered if f.portal}
    for word in ("note", "balance", "social", "duplicates", "restricted", "estimate", "chart", "medicaid"):
        assert not [name for name in shown if word in name], word
    version = shown["version"]
    refused(portal.patch(f"/patients/{own}", json={"base_version": version, "last_name": "Sample"}), 403)
    changed = portal.patch(f"/patients/{own}", json={"base_version": version, "city": "Springfield"})
    assert (changed.status_code, changed.json()["city"], set(changed.json())) == (200, "Springfield", set(shown))
    for path in ("/events", "/audit-events", "/patients/cursor", "/patients/search"):
        refused(portal.get(path), 404)


@KINDS
def test_an_unknown_path_is_404_in_the_one_form(home: Builder, kind: Kind) -> None:
    """Paths that no operation has are refused like everything else."""
    paths = (
        f"{home.org.base}/{kind.path}/{nobody()}/nonsense",
        f"{home.org.base}/{kind.path}-nonsense",
        f"{home.org.base}/nonsense",
        f"{home.org.house.url}/api/v2/{home.org.id}/{kind.path}",
        f"{home.org.house.url}/nonsense",
    )
    for path in paths:
        assert set(refused(home.client.get(path.format(patient_uuid=nobody())), 404).values()) == {"not_found"}, path


@KINDS
def test_a_wrong_method_is_405_with_allow(home: Builder, document: dict[str, Any], kind: Kind) -> None:
    """Every path under a kind names the methods it takes, in the Allow header and in the one form."""
    root = "/api/v1/{org_id}/" + kind.path
    for path, operations in document["paths"].items():
        if path != root and not path.startswith(f"{root}/{{"):
            continue
        takes = {method.upper() for method in operations}
        url = re.sub(r"{\w+}", nobody(), path.removeprefix("/api/v1/{org_id}"))
        for method in METHODS - takes:
            answer = home.client.request(method, url)
            assert set(refused(answer, 405).values()) == {"method_not_allowed"}, (method, path)
            allow = {word.strip() for word in answer.headers["allow"].split(",")}
            assert allow & METHODS == takes, (method, path)


@each("create", "get")
def test_an_id_that_is_none_is_refused(home: Builder, kind: Kind) -> None:
    """What stands in place of an id but is no UUID is 422 naming the part of the path."""
    made = home.make(kind, small=True)
    for attempt in (a for a in home.attempts(made) if made.id in a.path):
        for wrong in ("1", "not-a-uuid", made.id[:-1], made.id.replace("-", "_")):
            answer = attempt.elsewhere(made.id, wrong).by(home.client)
            assert refused(answer, 422) == {("path", kind.id_param): "invalid_uuid"}, attempt.verb


@each("list")
def test_every_answer_carries_the_request_id(home: Builder, kind: Kind) -> None:
    """A request id that the caller sends comes back; otherwise there is a new one each time."""
    path = home.collection(kind, home.patient_of(kind))
    for status, url in ((200, path), (422, f"{path}?nonsense=1"), (404, "/nonsense")):
        mine = home.client.get(url, headers={"X-Request-Id": "desk-42"})
        assert (mine.status_code, mine.headers["x-request-id"]) == (status, "desk-42")
        assert len({home.client.get(url).headers["x-request-id"] for _ in range(3)}) == 3
