"""The clock of an org never goes back, whatever the clocks of machines do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from chairside.store.clock import BEGINNING, FIRST_ID, MOST_KNOWN, Clocks, event_id, id_at, time_of
from chairside.store.pool import Place
from chairside.store.sql import queries
from tests.cli.hands import command
from tests.database import connected
from tests.house import Client, House, Org
from tests.patients.acts import unheard_of
from tests.store.crowd import crowd
from tests.store.plans import explaining, filling, nodes, plan_of, still_database

ORG, OTHER = "00000000-0000-7000-8000-00000000000c", "00000000-0000-7000-8000-00000000000d"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def nanoseconds(at: datetime) -> int:
    return (at - BEGINNING) // timedelta(microseconds=1) * 1000


class Machine:
    """The clock of a machine, which can be set."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = nanoseconds(at)

    def __call__(self) -> int:
        return self.at


def test_times_and_ids_grow_while_the_machines_clock_steps_back() -> None:
    """Each is later than all before it, and close to the last while the machine's time is behind."""
    machine = Machine()
    clocks = Clocks(machine)
    first, first_id = clocks.now(ORG), clocks.new_id(ORG)
    machine.at -= 30_000_000_000
    second, second_id, third = clocks.now(ORG), clocks.new_id(ORG), clocks.now(ORG)
    assert first < second < third < first + timedelta(milliseconds=1)
    assert first_id < second_id
    assert time_of(first_id) < nanoseconds(second) < time_of(second_id) < nanoseconds(third)
    machine.at += 60_000_000_000
    assert clocks.now(ORG) == NOON + timedelta(seconds=30)


def test_what_another_process_has_given_is_never_given_again() -> None:
    """The next time is later to the microsecond, because a walk goes on behind the last microsecond it has shown."""
    clocks = Clocks(Machine())
    clocks.learn(ORG, nanoseconds(NOON) + 1_234_567)
    assert clocks.now(ORG) == NOON + timedelta(microseconds=1_235)
    clocks.learn(ORG, nanoseconds(NOON))
    assert clocks.now(ORG) == NOON + timedelta(microseconds=1_236)
    assert clocks.now(OTHER) == NOON


def test_a_worker_remembers_the_orgs_used_last() -> None:
    """The times that it remembers fill no memory, however many orgs there are."""
    clocks = Clocks(Machine())
    orgs = [id_at(n) for n in range(MOST_KNOWN)]
    for org_id in orgs:
        clocks.now(org_id)
    clocks.now(orgs[0])
    clocks.now(ORG)
    assert (clocks.last(orgs[0]) > 0, clocks.last(orgs[1]), clocks.last(ORG) > 0) == (True, 0, True)


@pytest.mark.parametrize("offset", [0, 1, 243, 244, 245, 999, 1000, 999_755, 999_999])
def test_an_id_is_read_as_a_time_not_before_it_was_made(offset: int) -> None:
    """Rounded down, the last microsecond would be given a second time."""
    made = nanoseconds(NOON) + offset
    assert made <= time_of(id_at(made)) < made + 245


def test_events_of_one_transaction_are_in_order_and_before_those_of_the_next() -> None:
    """Ten thousand events of an import come before the one event of what followed a microsecond later."""
    ids = [event_id(NOON, place) for place in range(10_000)]
    assert ids == sorted(ids)
    assert ids[-1] < event_id(NOON + timedelta(microseconds=1), 0)
    assert len({*ids, event_id(NOON, 0)}) == 10_001


async def put_ahead(house: House, patient_id: str, by: timedelta) -> str:
    """Gives a patient a time of change that has not come yet, as a machine did whose clock was ahead."""
    async with connected(house.data_dir, "superuser") as database:
        ahead = datetime.now(UTC) + by
        await database.execute("UPDATE patients SET updated_at = $2 WHERE id = $1", patient_id, ahead)
    return ahead.strftime("%Y-%m-%dT%H:%M:%S.%f")


@pytest.fixture
def desk(org: Org) -> Client:
    return org.desk()


def register(desk: Client) -> dict[str, str]:
    return desk.made("/patients", {"first_name": "Ana", "last_name": unheard_of()})


def walked(desk: Client, cursor: str | None) -> tuple[list[str], str]:
    after = {"after": cursor} if cursor else {}
    page = desk.read("/patients/cursor", sort_by="updated_at", status="all", first=200, **after)
    return [p["id"] for p in page["data"]], page["page_info"]["end_cursor"]


async def test_a_change_after_a_clock_was_ahead_is_not_lost_to_a_walk(org: Org, desk: Client) -> None:
    """The walk has passed the time that was ahead, and finds the records that were made and changed after it."""
    first, second = register(desk), register(desk)
    ahead = await put_ahead(org.house, first["id"], timedelta(minutes=10))
    _, cursor = walked(desk, None)
    third = register(desk)
    edited = desk.patch(f"/patients/{second['id']}", json={"city": "Ulm", "base_version": 1}).json()
    assert ahead < third["updated_at"] < edited["updated_at"]
    found, cursor = walked(desk, cursor)
    assert found == [third["id"], second["id"]]
    again = desk.patch(f"/patients/{first['id']}", json={"city": "Ulm", "base_version": 1}).json()
    assert edited["updated_at"] < again["updated_at"]
    assert walked(desk, cursor)[0] == [first["id"]]


async def test_versions_stay_in_order_where_a_write_waited_for_a_later_one(org: Org, desk: Client) -> None:
    """The lock is held by a change with a later time, which is not committed when the next write takes its time."""
    patient = register(desk)
    path = f"/patients/{patient['id']}"
    async with connected(org.house.data_dir, "superuser") as database:
        transaction = database.transaction()
        await transaction.start()
        ahead = datetime.now(UTC) + timedelta(minutes=5)
        change = "UPDATE patients SET updated_at = $2, revision = revision + 1 WHERE id = $1"
        await database.execute(change, patient["id"], ahead)
        balances = dict.fromkeys(("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90"), "1")
        waiting = asyncio.create_task(asyncio.to_thread(desk.put, f"{path}/balances", json=balances))
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
        while not await database.fetchval(blocked):  # noqa: ASYNC110 - another process sets no event here
            await asyncio.sleep(0.01)
        await transaction.commit()
        answer = await waiting
    assert answer.status_code == 200, answer.text
    assert answer.json()["updated_at"] > ahead.strftime("%Y-%m-%dT%H:%M:%S.%f")
    events = [e for e in desk.read("/events", limit=1000)["items"] if e["record_id"] == patient["id"]]
    assert [e["occurred_at"] for e in events] == [patient["updated_at"], answer.json()["updated_at"]]


@pytest.fixture
async def full(house: House) -> AsyncIterator[Place]:
    async with still_database(house) as place:
        async with filling(place) as inside:
            await crowd(inside, ORG, 20_000, beside=False)
            made = "('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid"
            await inside.execute(
                f"INSERT INTO events (org_id, id, type, occurred_at, kind, record_id, version, actor_id, actor_name,"
                f" actor_role, changed) SELECT $1, {made}, 'tag.updated', now(), 'tag', {made}, 1, {made}, '', '', ''"
                " FROM generate_series(1, 20000) i",
                ORG,
            )
            await inside.execute("ANALYZE")
        yield place


@pytest.mark.parametrize("known", [FIRST_ID, "ffffffff-ffff-ffff-ffff-ffffffffffff"])
async def test_the_latest_time_is_read_from_the_ends_of_indexes(full: Place, known: str) -> None:
    """Every write asks for it, so it must cost the same in an org of any age."""
    async with explaining(full, ORG) as connection:
        plan = await plan_of(connection, queries()["clock.latest"], [ORG, known, BEGINNING])
    read = [node for node in nodes(plan) if "Relation Name" in node]
    assert {node["Relation Name"] for node in read} == {"events", "patients"}
    assert all("Index" in node["Node Type"] for node in read), read
    assert all(node["Actual Rows"] <= 1 and not node.get("Rows Removed by Filter") for node in read), read


def test_doctor_warns_of_times_that_have_not_come_yet(org: Org, desk: Client) -> None:
    """The clock of a machine was ahead when it wrote; the warning says in which org and by how much."""
    asyncio.run(put_ahead(org.house, register(desk)["id"], timedelta(minutes=90, seconds=30)))
    done = command("doctor", "--json", data_dir=org.house.data_dir)
    [finding] = [row for row in json.loads(done.stdout) if row["check"] == "clock"]
    assert finding["level"] == "warning"
    assert f"org {org.id} by 90 minutes" in finding["says"]
