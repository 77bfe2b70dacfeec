"""Bookkeeping is no edit: what the server keeps leaves `version` alone, and neither it nor an edit is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.database import Connection, connected
from tests.house import Client, House, Org
from tests.patients.acts import at_once, bulk, change, events_of, register

Json = dict[str, Any]
Act = Callable[[Client, Json, int], httpx.Response]
OWED = {"balance_31_60": 0, "balance_61_90": 0, "balance_over_90": 0}
RACERS = 6


def path(patient: Json, *parts: str) -> str:
    return "/".join(("/patients", patient["id"], *parts))


def measure(desk: Client, patient: Json, number: int) -> httpx.Response:
    return desk.post(path(patient, "vital-signs"), json={"date_taken": f"2026-01-{number + 1:02}", "pulse": 70})


def owe(desk: Client, patient: Json, number: int) -> httpx.Response:
    return desk.put(path(patient, "balances"), json={"balance_0_30": number + 1, **OWED})


def smoke(desk: Client, patient: Json, number: int) -> httpx.Response:
    if number == 0:
        body = {"category": "tobacco", "value": "Smokes", "snomed_code": "77176002"}
        return desk.post(path(patient, "social-history"), json=body)
    [entry] = desk.read(path(patient, "social-history"))["items"]
    body = {"base_version": entry["version"], "snomed_code": f"7717600{number % 10}"}
    return desk.patch(path(patient, "social-history", entry["id"]), json=body)


def be_allergic(desk: Client, patient: Json, number: int) -> httpx.Response:
    definition = desk.read("/allergy-definitions", page_size=200)["items"][number]
    return desk.post(path(patient, "allergies"), json={"allergy_definition_uuid": definition["id"]})


ACTS: dict[str, tuple[Act, str]] = {
    "vital signs": (measure, "latest_vitals_date"),
    "balances": (owe, "balance_total"),
    "tobacco": (smoke, "smoking_snomed"),
    "allergy": (be_allergic, "allergy_review_status"),
}
acts = pytest.mark.parametrize(("act", "column"), ACTS.values(), ids=list(ACTS))


@acts
def test_an_open_form_is_not_refused(desk: Client, act: Act, column: str) -> None:
    """Loaded before, saved after: 200 by base_version and by If-Match, in both forms of the ETag."""
    loaded = register(desk)
    assert act(desk, loaded, 0).status_code in (200, 201)
    kept = desk.read(path(loaded))
    assert (kept["version"], kept[column] != loaded[column]) == (1, True)
    saved = desk.patch(path(loaded), json={"base_version": 1, "city": "Chicago"}, headers={"If-Match": '"1"'})
    assert (saved.status_code, saved.json()["version"], saved.headers["etag"]) == (200, 2, '"2"')
    assert saved.json()[column] == kept[column]


@acts
def test_etag_updated_at_and_events_move(desk: Client, act: Act, column: str) -> None:
    """No 304 shows what was, and no sync by updated_at or by events misses it; the event has the version as it is."""
    made = register(desk)
    before = desk.get(path(made))
    act(desk, made, 0)
    after = desk.get(path(made), headers={"If-None-Match": before.headers["etag"]})
    assert (before.headers["etag"], after.status_code, after.headers["etag"]) == ('"1"', 200, '"1-1"')
    assert after.json()["updated_at"] > before.json()["updated_at"]
    same = desk.get(path(made), headers={"If-None-Match": '"1-1"'})
    assert (same.status_code, same.headers["etag"]) == (304, '"1-1"')
    [event] = [e for e in events_of(desk, made["id"]) if e["type"] == "patient.updated"]
    assert event["version"] == 1
    assert column in event["changed"]


@pytest.mark.parametrize("act", [measure, owe, smoke], ids=["vital signs", "balances", "tobacco"])
def test_two_in_a_row_have_different_etags(desk: Client, act: Act) -> None:
    """And so has an edit after them, whose version is one more."""
    made = register(desk)
    seen = [desk.get(path(made)).headers["etag"]]
    for number in range(3):
        act(desk, made, number)
        seen.append(desk.get(path(made)).headers["etag"])
    change(desk, made, city="Chicago")
    seen.append(desk.get(path(made)).headers["etag"])
    assert seen == ['"1"', '"1-1"', '"1-2"', '"1-3"', '"2"']


@pytest.mark.parametrize(
    ("sent", "status"),
    [('"1"', 200), ('"1-1"', 200), ('"1-7"', 200), ('"2"', 412), ('"2-1"', 412), ('W/"1-1"', 412), ('"1-"', 412)],
)
def test_if_match_compares_the_version(desk: Client, sent: str, status: int) -> None:
    """The part behind it counts what the server kept, which is no conflict for an edit."""
    made = register(desk)
    measure(desk, made, 0)
    answer = desk.patch(path(made), json={"base_version": 1, "city": "Chicago"}, headers={"If-Match": sent})
    assert answer.status_code == status


def test_a_review_by_hand_is_an_edit(desk: Client) -> None:
    """The same column moves the version when a person changes it."""
    made = register(desk)
    assert change(desk, made, allergy_review_status="nkda")["version"] == 2


def test_a_stale_edit_is_still_refused(desk: Client) -> None:
    """Bookkeeping between two edits hides no conflict."""
    made = register(desk)
    change(desk, made, city="Chicago")
    measure(desk, made, 0)
    late = desk.patch(path(made), json={"base_version": 1, "city": "Boston"})
    assert (late.status_code, late.json()["detail"][0]["current_version"]) == (409, 2)


def test_a_retried_put_answers_the_same_etag(desk: Client) -> None:
    """By its Idempotency-Key, also after the ETag has moved on."""
    made = register(desk)
    headers = {"Idempotency-Key": f"owe-{made['id']}"}
    body = {"balance_0_30": 1, **OWED}
    first = desk.put(path(made, "balances"), json=body, headers=headers)
    measure(desk, made, 0)
    again = desk.put(path(made, "balances"), json=body, headers=headers)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert (first.headers["etag"], desk.get(path(made)).headers["etag"]) == ('"1-1"', '"1-2"')


async def until_blocked(watcher: Connection, pid: int, running: asyncio.Task[httpx.Response]) -> None:
    """Wait until another connection waits for what this one has locked."""
    while not await watcher.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))", pid
    ):
        assert not running.done(), running.result().text
        await asyncio.sleep(0.01)


WRITES: dict[str, Callable[[Client, Json], httpx.Response]] = {
    "a change": lambda desk, made: desk.patch(path(made), json={"base_version": 1, "city": "Chicago"}),
    "a change by the front desk's If-Match": lambda desk, made: desk.patch(
        path(made), json={"base_version": 1, "city": "Chicago"}, headers={"If-Match": '"1"'}
    ),
    "a transition": lambda desk, made: desk.post(
        path(made, "transition-status"), json={"base_version": 1, "new_status": "inactive"}
    ),
    "an archive": lambda desk, made: desk.post(path(made, "archive")),
    "an import": lambda desk, made: desk.post(
        "/patients/bulk",
        json={
            "rows": [{k: made[k] for k in ("first_name", "last_name", "chart_number")} | {"city": "Chicago"}],
            "meta": {"on_duplicate": "update"},
        },
    ),
    "balances": lambda desk, made: owe(desk, made, 0),
    "vital signs": lambda desk, made: measure(desk, made, 0),
}
KEPT_MEANWHILE = "UPDATE patients SET smoking_snomed = '8517006', revision = revision + 1 WHERE org_id = $1 AND id = $2"


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
async def test_what_is_kept_between_load_and_update_is_not_lost(
    house: House, shared_org: Org, desk: Client, write: Callable[[Client, Json], httpx.Response]
) -> None:
    """The write has loaded the patient and waits for the row, whose holder then commits: both survive, without 409."""
    made = register(desk, chart_number=f"K-{len(WRITES)}-{id(write)}-{id(desk)}")
    async with connected(house.data_dir, "superuser") as connection, connected(house.data_dir, "superuser") as watcher:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(KEPT_MEANWHILE, shared_org.id, made["id"])
        running = asyncio.create_task(asyncio.to_thread(write, desk, made))
        await until_blocked(watcher, connection.get_server_pid(), running)
        await transaction.commit()
        answer = await running
    assert answer.status_code in (200, 201), answer.text
    async with connected(house.data_dir, "superuser") as connection:
        row = await connection.fetchrow("SELECT * FROM patients WHERE id = $1", made["id"])
    assert row is not None
    assert row["smoking_snomed"] == "8517006"
    written = [row["city"] == "Chicago", row["status"] != "active", row["balance_total"], row["latest_vitals_date"]]
    assert any(written)


def test_edits_and_bookkeeping_at_once_all_survive(shared_org: Org, desk: Client) -> None:
    """Readings, balances and changes of one patient at the same moment, round after round: nobody is refused."""
    made = register(desk)
    desks = [shared_org.desk() for _ in range(RACERS)]
    for turn in range(5):
        version = desk.read(path(made))["version"]

        def one(number: int, turn: int = turn, version: int = version) -> int:
            if number == 0:
                body = {"base_version": version, "city": f"City {turn}"}
                return desks[0].patch(path(made), json=body).status_code
            if number == 1:
                return owe(desks[1], made, turn).status_code
            return measure(desks[number], made, turn * RACERS + number - 2).status_code

        assert sorted(at_once(RACERS, one)) == [200, 200, *[201] * (RACERS - 2)]
        now = desk.read(path(made))
        assert (now["version"], now["city"], now["balance_total"]) == (version + 1, f"City {turn}", f"{turn + 1}.00")
        assert now["latest_vitals_date"] == f"2026-01-{turn * RACERS + RACERS - 2:02}"


def test_an_import_is_an_edit(desk: Client) -> None:
    """An import moves the version of the patients it updates, and loses no bookkeeping."""
    made = register(desk, chart_number=f"E-{register(desk)['id']}")
    measure(desk, made, 0)
    row = {k: made[k] for k in ("first_name", "last_name", "chart_number")} | {"city": "Chicago"}
    assert bulk(desk, [row], on_duplicate="update")["updated"] == 1
    now = desk.read(path(made))
    assert (now["version"], now["city"], now["latest_vitals_date"]) == (2, "Chicago", "2026-01-01")
