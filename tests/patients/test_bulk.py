"""An import of many patients: each row judged alone, written together, safe to send again."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from chairside.engine.desk import AT_A_TURN, Desk
from tests.house import Client, Org, problems
from tests.patients.acts import Json, act, bulk, events_of, feed, register, unheard_of

NOBODY = "01890000-0000-7000-8000-000000000000"


def row(**fields: Any) -> Json:
    return {"first_name": "Ana", "last_name": "Lind"} | fields


def statuses(answer: Json) -> list[str]:
    results = answer["results"]
    assert [r["index"] for r in results] == list(range(len(results)))
    assert answer["total"] == len(results)
    for status in ("created", "updated", "unchanged", "skipped", "failed", "validated"):
        assert answer[status] == sum(r["status"] == status for r in results)
    assert all(bool(r["errors"]) == (r["status"] == "failed") for r in results)
    assert all((r["patient_id"] is not None) == (r["status"] in ("created", "updated", "unchanged")) for r in results)
    return [r["status"] for r in results]


def codes(result: Json) -> dict[tuple[Any, ...], str]:
    return {tuple(e["loc"]): e["type"] for e in result["errors"]}


def test_rows_become_patients_in_their_order(desk: Client) -> None:
    """With all fields and rules of a single create, each row's key given back, one event each."""
    name = unheard_of()
    rows = [
        row(last_name=name, row_key="a", email="A@example.com", mobile_phone="(312) 555-0142", receives_sms=True),
        row(last_name=name, first_name="  Eva ", row_key=None, status="deceased", receives_sms=True),
        row(last_name=name, first_name="Ida", date_of_birth="1984-02-11", social_security_number="900-11-2222"),
    ]
    answer = bulk(desk, rows)
    assert statuses(answer) == ["created"] * 3
    assert [r["row_key"] for r in answer["results"]] == ["a", None, None]
    made = [desk.read(f"/patients/{r['patient_id']}") for r in answer["results"]]
    assert [p["first_name"] for p in made] == ["Ana", "Eva", "Ida"]
    assert [p["version"] for p in made] == [1, 1, 1]
    assert [p["responsible_party"]["id"] for p in made] == [p["id"] for p in made]
    assert (made[1]["receives_sms"], made[1]["date_time_deceased"] is None) == (False, False)
    assert made[2]["social_security_number"] == "***-**-2222"
    assert made[0] == register(desk, **{k: v for k, v in rows[0].items() if k != "row_key"}) | {
        k: made[0][k] for k in ("id", "responsible_party", "created_at", "updated_at", "potential_duplicates")
    }
    assert desk.read("/patients", search=f"{name} 555 0143")["total"] == 0
    assert desk.read("/patients", search=f"{name} 555 0142")["total"] == 2
    assert desk.read("/patients", search=f"{name} (312) 555 0142")["total"] == 2
    for patient in made:
        assert [(e["type"], e["version"]) for e in events_of(desk, patient["id"])] == [("patient.created", 1)]


def test_validating_writes_nothing_and_judges_the_same(desk: Client) -> None:
    """Good rows are validated, bad ones fail as they would; no patient, no event."""
    number = register(desk, chart_number=uuid4().hex)["chart_number"]
    before = desk.read("/patients")["total"], len(feed(desk))
    rows = [row(chart_number="v-1"), row(email="x"), row(chart_number="v-1"), row(chart_number=number), row()]
    tried = bulk(desk, rows, mode="validate")
    assert statuses(tried) == ["validated", "failed", "failed", "failed", "validated"]
    assert (desk.read("/patients")["total"], len(feed(desk))) == before
    done = bulk(desk, rows)
    assert statuses(done) == ["created", "failed", "failed", "failed", "created"]
    assert [r["errors"] for r in done["results"]] == [r["errors"] for r in tried["results"]]


def test_a_bad_row_fails_alone_with_all_that_is_wrong(desk: Client) -> None:
    """Every problem of every bad row, at its row; the good rows beside it are made."""
    rows: list[Any] = [
        row(),
        {"first_name": " ", "email": "x", "date_of_birth": "1984-02-30", "shoe_size": 1, "row_key": "bad"},
        row(status="archived"),
        row(location_uuid=NOBODY, employer_uuid=NOBODY),
        "Ana Lind",
        row(row_key=7),
        row(responsible_party_uuid=NOBODY),
        row(),
    ]
    answer = bulk(desk, rows)
    assert statuses(answer) == ["created", *["failed"] * 6, "created"]
    found = [codes(r) for r in answer["results"]]
    at = ("body", "rows")
    assert found[1] == {
        (*at, 1, "first_name"): "too_short",
        (*at, 1, "last_name"): "missing",
        (*at, 1, "email"): "invalid_email",
        (*at, 1, "date_of_birth"): "invalid_date",
        (*at, 1, "shoe_size"): "unknown_field",
    }
    assert answer["results"][1]["row_key"] == "bad"
    assert found[2] == {(*at, 2, "status"): "invalid_choice"}
    assert found[3] == {(*at, 3, "location_uuid"): "not_found", (*at, 3, "employer_uuid"): "not_found"}
    assert found[4] == {(*at, 4): "wrong_type"}
    assert found[5] == {(*at, 5, "row_key"): "wrong_type"}
    assert found[6] == {(*at, 6, "responsible_party_uuid"): "not_found"}


def test_atomic_writes_all_or_nothing(desk: Client) -> None:
    """One bad row, and the others are skipped; without it, all are made."""
    before = desk.read("/patients")["total"]
    rows = [row(), row(email="x"), row()]
    assert statuses(bulk(desk, rows, atomic=True)) == ["skipped", "failed", "skipped"]
    assert desk.read("/patients")["total"] == before
    assert statuses(bulk(desk, [rows[0], rows[2]], atomic=True)) == ["created", "created"]
    assert desk.read("/patients")["total"] == before + 2
    tried = bulk(desk, rows, atomic=True, mode="validate")
    assert tried["failed"] == 1
    assert desk.read("/patients")["total"] == before + 2


def test_chart_numbers_are_unique_within_a_call_too(desk: Client) -> None:
    """The first row gets the number; those of present and archived patients are taken."""
    number, gone = uuid4().hex, uuid4().hex
    act(desk, register(desk, chart_number=gone), "archive")
    answer = bulk(desk, [row(chart_number=number), row(chart_number=f" {number} "), row(chart_number=gone)])
    assert statuses(answer) == ["created", "failed", "failed"]
    for index in (1, 2):
        assert codes(answer["results"][index]) == {("body", "rows", index, "chart_number"): "duplicate_chart_number"}


def test_guarantors_of_one_call_make_no_chain(desk: Client) -> None:
    """Rows that join, rows that agree or contradict, rows that join who has joined or is archived."""
    parent, other, gone = (register(desk) for _ in range(3))
    child = register(desk, responsible_party_uuid=parent["id"])
    act(desk, gone, "archive")
    join = {"mode": "join", "guarantor_uuid": other["id"]}
    answer = bulk(
        desk,
        [
            row(responsible_party_uuid=parent["id"]),
            row(billing_account=join),
            row(billing_account=join, responsible_party_uuid=other["id"]),
            row(billing_account=join, responsible_party_uuid=parent["id"]),
            row(responsible_party_uuid=child["id"]),
            row(responsible_party_uuid=gone["id"]),
        ],
    )
    assert statuses(answer) == ["created"] * 3 + ["failed"] * 3
    assert [set(codes(r).values()) for r in answer["results"][3:]] == [
        {"contradiction"}, {"guarantor_not_own"}, {"not_found"},
    ]  # fmt: skip
    made = [desk.read(f"/patients/{r['patient_id']}")["responsible_party"]["id"] for r in answer["results"][:3]]
    assert made == [parent["id"], other["id"], other["id"]]


def test_a_row_cannot_make_a_chain_of_an_earlier_one(desk: Client) -> None:
    """Updates: A joins X, then B joins A, is a chain; B joins A, then A joins X, too: the second row fails."""
    for order in ((0, 1), (1, 0)):
        a, b = (register(desk, chart_number=uuid4().hex) for _ in range(2))
        x = register(desk)
        joins = [
            row(chart_number=a["chart_number"], responsible_party_uuid=x["id"]),
            row(chart_number=b["chart_number"], responsible_party_uuid=a["id"]),
        ]
        answer = bulk(desk, [joins[i] for i in order], on_duplicate="update")
        assert statuses(answer) == ["updated", "failed"]
        [code] = codes(answer["results"][1]).values()
        assert code == ("guarantor_not_own" if order == (0, 1) else "guarantor_of_dependents")
        of = {p["id"]: desk.read(f"/patients/{p['id']}")["responsible_party"]["id"] for p in (a, b, x)}
        assert all(of[of[p]] == of[p] for p in of)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, ("body", "rows")),
        ({"rows": None}, ("body", "rows")),
        ({"rows": []}, ("body", "rows")),
        ({"rows": {}}, ("body", "rows")),
        ({"rows": [{}], "extra": 1}, ("body", "extra")),
        ({"rows": [{}], "meta": []}, ("body", "meta")),
        ({"rows": [{}], "meta": {"mode": "try"}}, ("body", "meta", "mode")),
        ({"rows": [{}], "meta": {"atomic": "yes"}}, ("body", "meta", "atomic")),
        ({"rows": [{}], "meta": {"on_duplicate": "merge"}}, ("body", "meta", "on_duplicate")),
        ({"rows": [{}], "meta": {"match_on": []}}, ("body", "meta", "match_on")),
        ({"rows": [{}], "meta": {"match_on": ["shoe"]}}, ("body", "meta", "match_on", 0)),
        ({"rows": [{}], "meta": {"match_on": "email"}}, ("body", "meta", "match_on")),
        ({"rows": [{}], "meta": {"speed": 1}}, ("body", "meta", "speed")),
        ([], ("body",)),
    ],
)
def test_a_wrong_envelope_is_refused(desk: Client, body: object, place: tuple[Any, ...]) -> None:
    """422 at its place: the only thing but good answers that an import gives."""
    answer = desk.post("/patients/bulk", json=body)
    assert answer.status_code == 422
    assert place in problems(answer)


def test_all_that_is_wrong_with_the_settings_is_named_at_once(desk: Client) -> None:
    """Never only the first."""
    meta = {"mode": "try", "atomic": "yes", "on_duplicate": "merge", "match_on": ["shoe"], "speed": 1}
    answer = desk.post("/patients/bulk", json={"rows": "all", "meta": meta})
    assert answer.status_code == 422
    named = {loc[:3] for loc in problems(answer)}
    assert named == {("body", "rows"), *(("body", "meta", k) for k in meta)}


def test_five_thousand_rows_are_taken_and_one_more_is_not(desk: Client) -> None:
    """422 without a look at the rows."""
    answer = desk.post("/patients/bulk", json={"rows": [row()] * 5001, "meta": {"mode": "validate"}})
    assert (answer.status_code, problems(answer)) == (422, {("body", "rows"): "too_long"})
    taken = bulk(desk, [row()] * 5000, mode="validate")
    assert taken["validated"] == 5000


def test_sixteen_mebibytes_are_taken_and_more_is_not(desk: Client) -> None:
    """413 beyond; other operations stop at one."""
    for size, status in (((16 << 20), 200), ((16 << 20) + 1, 413)):
        raw = json.dumps({"rows": [row()], "meta": {"mode": "validate"}}).encode()
        raw += b" " * (size - len(raw))
        answer = desk.post("/patients/bulk", content=raw, headers={"content-type": "application/json"})
        assert answer.status_code == status, answer.text


def test_an_import_sent_again_with_its_key_writes_nothing_twice(desk: Client) -> None:
    """The same answer to the byte, the same patients, no more events; another body with the key is 409."""
    key = {"Idempotency-Key": uuid4().hex}
    body = {"rows": [row(), row(email="x"), row(row_key="c")]}
    first = desk.post("/patients/bulk", json=body, headers=key)
    after = desk.read("/patients")["total"], len(feed(desk))
    again = desk.post("/patients/bulk", json=body, headers=key)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (desk.read("/patients")["total"], len(feed(desk))) == after
    other = desk.post("/patients/bulk", json={"rows": [row()]}, headers=key)
    assert (other.status_code, set(problems(other).values())) == (409, {"idempotency_conflict"})


def test_an_import_leaves_one_audit_record(desk: Client) -> None:
    """However many its rows; a refused one leaves one too."""

    def records() -> list[Json]:
        found = desk.read("/audit-events", action="bulk", first=200)["data"]
        return [e for e in found if e["kind"] == "patient"]

    known = {e["id"] for e in records()}
    bulk(desk, [row() for _ in range(20)])
    desk.post("/patients/bulk", json={"rows": []})
    newest = [e for e in records() if e["id"] not in known]
    assert [(e["outcome"], e["status"]) for e in newest] == [("invalid", 422), ("allowed", 200)]


@pytest.mark.parametrize(("role", "status"), [("front_desk", 200), ("integration", 200), ("clinician", 403)])
def test_who_may_import(shared_org: Org, role: str, status: int) -> None:
    """Who may write demographics."""
    assert shared_org.desk(role).post("/patients/bulk", json={"rows": [row()]}).status_code == status


async def test_much_work_lets_others_have_their_turn() -> None:
    """Whoever waits for the same worker goes on after every few rows, not after all of them."""
    rows, turns, worked = 40 * AT_A_TURN, 0, False

    async def others() -> None:
        nonlocal turns
        while not worked:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    assert [n async for few in Desk.in_turns(range(rows)) for n in few] == list(range(rows))
    worked = True
    await waiting
    assert turns >= 40
