"""What a patient's own login is answered, on every operation of the API: its reduced shapes or not_found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from chairside.records import ALL
from chairside.resource import Kind
from chairside.types import Text
from tests.contract.builder import Builder
from tests.house import Client, Org
from tests.people.deeds import NOBODY, define, fill
from tests.portal import ONE_PATIENT, SEEN

REFERENCE, PAGE = {"id", "name"}, {"items", "page", "page_size", "total"}
ERROR = {"detail", "loc", "msg", "type", "current_version"}
REFERENCES = {"primary_provider", "location", "allergy_definition", "medication_definition", "disease_definition"}


PATIENT = next(k for k in ALL if k.name == "patient")
HIDDEN = "Hidden "


def hidden(kind: Kind) -> dict[str, Any]:
    """Words for the text fields of a kind that a patient's own login may not see."""
    seen = SEEN[ONE_PATIENT if kind is PATIENT else kind.path]
    texts = [f for f in kind.fields if isinstance(f.type, Text) and f.create and f.name not in seen and not f.hidden]
    return {f.name: f"{HIDDEN}{uuid4().hex}"[: f.type.max] for f in texts if isinstance(f.type, Text)}


class Operation(NamedTuple):
    """An operation of the document; `path` is relative to the org."""

    method: str
    path: str

    @property
    def kind(self) -> str:
        """The path of the kind that a patient's own login may see by this operation; empty where there is none."""
        for path in SEEN:
            one = rf"{re.escape(path)}(/{{[a-z_]+}})?" if path != ONE_PATIENT else re.escape(path)
            if re.fullmatch(one, self.path) and (self.method == "GET" or self == ("PATCH", ONE_PATIENT)):
                return path
        return ""


class Records:
    """Two patients of one org with a record of every kind each, and a login for the first."""

    def __init__(self, org: Org) -> None:
        self.builder = Builder(org)
        self.admin = self.builder.client
        self.patients = [self.builder.make(PATIENT, hidden(PATIENT)).record for _ in range(2)]
        self.made = [self._of(p["id"]) for p in self.patients]
        self.login = org.desk("portal", "--patient", str(self.patients[0]["id"]))

    def _of(self, patient: str) -> dict[str, dict[str, Any]]:
        """A record of every kind, by the path of the kind and the name of its id."""
        found = {
            f"{kind.path}/{{{kind.id_param}}}": self.builder.make(
                kind, hidden(kind) if kind.path in SEEN else None, patient=patient if kind.parent else None
            ).record
            for kind in ALL
            if "create" in kind.verbs and kind is not PATIENT
        }
        [value] = fill(self.admin, {"id": patient}, {define(self.admin, "text")["id"]: "In confidence"})
        readings = f"/patients/{patient}/vital-signs"
        held = self.admin.made(readings, {"date_taken": "2026-03-02", "oxygen_saturation": 88})
        override = self.admin.post(f"{readings}/{held['id']}/override", json={"reason": "In confidence"}).json()
        return found | {
            f"{ONE_PATIENT}/field-values/{{field_value_uuid}}": value,
            f"{ONE_PATIENT}/hold-overrides/{{hold_override_uuid}}": override,
        }

    def at(self, path: str, whose: int | None) -> str:
        """A path with the ids of one of the two, or of nobody's records."""

        def named(match: re.Match[str]) -> str:
            if whose is None:
                return NOBODY
            if match.group(1) == "patient_uuid":
                return str(self.patients[whose]["id"])
            return str(self.made[whose][path[: match.end()]]["id"])

        return "/" + re.sub(r"{([a-z_]+)}", named, path)


@pytest.fixture(scope="module")
def records(own_org: Org) -> Records:
    return Records(own_org)


@pytest.fixture(scope="module")
def operations(own_org: Org) -> list[Operation]:
    """Every operation that the server says it has."""
    document = httpx.get(f"{own_org.house.url}/openapi.json").json()
    prefix = "/api/v1/{org_id}/"
    assert all(p.startswith(prefix) for p in document["paths"])
    return [
        Operation(m.upper(), p.removeprefix(prefix))
        for p, item in document["paths"].items()
        for m in item
        if m in ("get", "post", "put", "patch", "delete")
    ]


def ask(caller: Client, operation: Operation, path: str) -> httpx.Response:
    sent = None if operation.method == "GET" else {"base_version": 1}
    return caller.request(operation.method, path, json=sent)


def keys(found: Any, within: str = "") -> Iterator[str]:
    """The keys of an answer at every depth; those of a reference with the name of the reference."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield f"{within}.{key}" if within in REFERENCES else key
            yield from keys(value, key)
    elif isinstance(found, list):
        for value in found:
            yield from keys(value, within)


def assert_reduced(answer: httpx.Response, kind: str) -> None:
    """No key but those declared for the kind, or of an error."""
    about = f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}"
    inner = {f"{r}.{k}" for r in REFERENCES for k in REFERENCE}
    allowed = ERROR if answer.is_error else SEEN[kind] | PAGE | inner
    if answer.content:
        assert set(keys(answer.json())) <= allowed, about


def test_the_walk_goes_everywhere(operations: list[Operation]) -> None:
    """Every documented operation, those open to a patient's own login among them; a walk of nothing proves nothing."""
    assert len(operations) >= 74
    assert {o for o in operations if o.kind} == {
        ("GET", ONE_PATIENT),
        ("PATCH", ONE_PATIENT),
        ("GET", f"{ONE_PATIENT}/allergies"),
        ("GET", f"{ONE_PATIENT}/medications"),
        ("GET", f"{ONE_PATIENT}/diseases"),
        ("GET", f"{ONE_PATIENT}/allergies/{{allergy_uuid}}"),
        ("GET", f"{ONE_PATIENT}/medications/{{medication_uuid}}"),
        ("GET", f"{ONE_PATIENT}/diseases/{{disease_uuid}}"),
        ("GET", f"{ONE_PATIENT}/vital-signs"),
        ("GET", f"{ONE_PATIENT}/vital-signs/{{vitals_uuid}}"),
    }


def test_nothing_else_is_there_for_a_patients_own_login(records: Records, operations: list[Operation]) -> None:
    """Whose ids it tries, its own, another patient's or nobody's: 404, no field of a record, no word of one."""
    for operation in operations:
        for whose in (0, 1, None):
            if whose == 0 and operation.kind:
                continue
            answer = ask(records.login, operation, records.at(operation.path, whose))
            about = f"{operation} of {whose}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code == 404, about
            assert [set(p) for p in answer.json()["detail"]] == [{"loc", "msg", "type"}], about
            assert {p["type"] for p in answer.json()["detail"]} == {"not_found"}, about


def test_what_is_not_there_is_told_in_one_way(records: Records, operations: list[Operation]) -> None:
    """Another patient's record, one that never was and one of its own that is not shown: the same words."""
    told = {
        ask(records.login, operation, records.at(operation.path, whose)).text
        for operation in operations
        for whose in (0, 1, None)
        if not (operation.kind and whose == 0)
    }
    assert len(told) == 1


def test_the_refused_requests_changed_nothing(records: Records, operations: list[Operation]) -> None:
    """After a walk over every writing operation both patients' records are as they were made."""
    paths = {o.path for o in operations if o.method == "GET" and "{patient_uuid}" in o.path}
    before = {p: [records.admin.read(records.at(p, whose)) for whose in (0, 1)] for p in paths}
    head = records.builder.head()
    for operation in operations:
        if operation.method != "GET" and not operation.kind:
            for whose in (0, 1):
                ask(records.login, operation, records.at(operation.path, whose))
    assert records.builder.head() == head
    assert {p: [records.admin.read(records.at(p, whose)) for whose in (0, 1)] for p in paths} == before


def test_own_records_have_the_reduced_shapes_exactly(records: Records, operations: list[Operation]) -> None:
    """Every field declared for the kind, no other at any depth, and the values that the practice sees."""
    for operation in operations:
        if operation.kind and operation.method == "GET":
            path = records.at(operation.path, 0)
            answer = records.login.get(path)
            assert answer.status_code == 200, answer.text
            assert_reduced(answer, operation.kind)
            seen, whole = answer.json(), records.admin.read(path)
            pairs = list(zip(seen["items"], whole["items"], strict=True)) if "items" in seen else [(seen, whole)]
            assert pairs
            for mine, theirs in pairs:
                assert mine == {name: theirs[name] for name in SEEN[operation.kind]}


def test_the_declared_shapes_are_those_of_the_code() -> None:
    """A field that is opened to patients' own logins in the code must be opened here as well, on purpose."""
    one = {k.path if k.path != "patients" else ONE_PATIENT: k for k in ALL}
    declared = {path: {f.name for f in kind.answered if f.portal} for path, kind in one.items()}
    opened = {k.path if k.path != "patients" else ONE_PATIENT for k in ALL if any(f.portal for f in k.fields)}
    assert {path: names for path, names in declared.items() if path in opened} == SEEN


def test_no_word_of_what_is_not_shown_appears(records: Records, operations: list[Operation]) -> None:
    """Words that the practice wrote into other fields of the patient's own records are in no answer at all."""
    kept = [*records.patients, *records.made[0].values(), *records.made[1].values()]
    assert sum(str(value).startswith(HIDDEN) for record in kept for value in record.values()) > 20
    said = "".join(ask(records.login, o, records.at(o.path, 0)).text for o in operations if o.method == "GET")
    assert HIDDEN not in said
    assert records.patients[1]["id"] not in said


def test_errors_of_open_operations_tell_nothing_more(records: Records, operations: list[Operation]) -> None:
    """Wrong queries, ids, versions, headers and bodies: an error with place and code, and no field of a record."""
    answers: list[tuple[str, httpx.Response]] = []
    own = records.at(ONE_PATIENT, 0)
    for operation in (o for o in operations if o.kind and o.method == "GET"):
        path = records.at(operation.path, 0)
        queries = ({"page": "0"}, {"nothing": "x"}, {"reveal": "ssn"}, {"include_family": "true"})
        answers += [(operation.kind, records.login.get(path, params=query)) for query in queries]
        last = path.rpartition("/")[0]
        answers += [
            (operation.kind, records.login.get(f"{last}/{i}")) for i in (NOBODY, "x", records.patients[1]["id"])
        ]
    json = {"Content-Type": "application/json"}
    bodies: list[dict[str, Any]] = [
        {"json": {"base_version": 99, "city": "Boston"}},
        {"json": {"base_version": 1, "treatment_notes": "x", "chart_number": None, "status": "active"}},
        {"json": {"base_version": 1, "city": None}, "headers": {"If-Match": '"77"'}},
        {"json": {"base_version": 1, "email": "x", "city": "a\x00"}},
        {"json": {}},
        {"json": []},
        {"content": b"{", "headers": json},
        {"content": rb'{"base_version": 1, "city": "\ud800"}', "headers": json},
        {"content": b"city=Boston", "headers": {"Content-Type": "text/plain"}},
        {"content": b" " * (2**20 + 1), "headers": json},
        {"json": {"base_version": 1, "city": "x"}, "headers": {"Idempotency-Key": ""}},
    ]
    answers += [(ONE_PATIENT, records.login.patch(own, **sent)) for sent in bodies]
    assert {a.status_code for _, a in answers} >= {404, 409, 412, 413, 415, 422}
    for kind, answer in answers:
        assert answer.is_error or answer.status_code == 200, answer.text
        assert_reduced(answer, kind)
        assert HIDDEN not in answer.text


def test_a_patients_own_change_is_answered_in_the_reduced_shape(records: Records) -> None:
    """So are a change that changes nothing and the replay of one."""
    own, key = records.at(ONE_PATIENT, 0), {"Idempotency-Key": "once"}
    version = records.admin.read(own)["version"]
    sent = {"base_version": version, "city": "Springfield"}
    for body in (sent, sent, {"base_version": version + 1}):
        answer = records.login.patch(own, json=body, headers=key if body is sent else {})
        assert (answer.status_code, set(answer.json())) == (200, SEEN[ONE_PATIENT]), answer.text
        assert_reduced(answer, ONE_PATIENT)
