"""Totals come from summaries that every write keeps, and are exact after any order of acts, and while many act."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chairside.engine.summaries import fold
from chairside.records.patients import PATIENTS
from chairside.records.patients.rules import TRANSITIONS
from chairside.records.tags import TAGS
from chairside.store.transactions import transaction
from tests.database import Connection, connected
from tests.house import Client, House, Org
from tests.patients.acts import Json, act, bulk, change, imported, move, register, unheard_of

COUNTED = """SELECT deleted_at IS NOT NULL, status, location_id, primary_provider_id, count(*)
FROM patients WHERE org_id = $1 GROUP BY 1, 2, 3, 4"""
KEPT = """SELECT archived, status, location_id, primary_provider_id, sum(n)::bigint
FROM patient_counts WHERE org_id = $1 GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0"""
ROWS = """SELECT (SELECT count(*) FROM patient_counts WHERE org_id = $1),
  (SELECT count(*) FROM tag_counts WHERE org_id = $1)"""
CARRIED = """SELECT p.deleted_at IS NOT NULL, t.tag_definition_id, count(*)
FROM patient_tags t JOIN patients p ON p.id = t.patient_id WHERE t.org_id = $1 AND t.deleted_at IS NULL GROUP BY 1, 2"""
TOLD = """SELECT archived, tag_definition_id, sum(n)::bigint
FROM tag_counts WHERE org_id = $1 GROUP BY 1, 2 HAVING sum(n) <> 0"""
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'chairside write%'"
)
WRITERS, ACTS, MANY = 4, 25, 5000
# Whether archived, and what the summary tells apart: status, location and provider, or a tag.
Cell = tuple[bool | str | None, ...]


async def look(connection: Connection, org: Org) -> tuple[Counter[Cell], Counter[Cell]]:
    """What the summaries say and what is there, in one snapshot."""
    await connection.execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL app.org = '{org.id}'")
    try:
        found = [
            [row for statement in both for row in await connection.fetch(statement, org.id)]
            for both in ((KEPT, TOLD), (COUNTED, CARRIED))
        ]
    finally:
        await connection.execute("COMMIT")
    kept, counted = (Counter({tuple(cell): n for *cell, n in rows}) for rows in found)
    return kept, counted


async def fold_once(connection: Connection, org: Org) -> None:
    for kind in (PATIENTS, TAGS):
        async with transaction(connection, org.id, writes=True):
            await fold(connection, org.id, kind)


async def rows_of(connection: Connection, org: Org) -> int:
    async with transaction(connection, org.id, writes=False):
        return sum(*await connection.fetch(ROWS, org.id))


class Practice:
    """An org with two locations, providers and tags, and acts on its patients that move them between totals."""

    def __init__(self, desk: Client) -> None:
        self.desk = desk
        self.locations = [None, *(str(desk.made("/locations", {"name": n})["id"]) for n in ("North", "South"))]
        self.providers = [None, *(str(desk.made("/providers", {"name": n})["id"]) for n in ("Dr. A", "Dr. B"))]
        self.tags = [str(desk.made("/patient-tag-definitions", {"name": n})["id"]) for n in ("VIP", "Recall")]

    def values(self, dice: random.Random) -> Json:
        return {"location_uuid": dice.choice(self.locations), "primary_provider_uuid": dice.choice(self.providers)}

    def some(self, dice: random.Random, number: int) -> list[str]:
        rows = [{"first_name": "A", "last_name": "B", "status": dice.choice(["active", "prospective"])}] * number
        return imported(self.desk, [row | self.values(dice) for row in rows])

    def step(self, dice: random.Random, patient: str) -> None:
        """Something that may well be refused, for then nothing may be counted."""
        path = f"/patients/{patient}"
        if dice.randrange(3) == 0:
            self.tag(dice, patient)
            return
        now = self.desk.get(path)
        if now.status_code == 404:
            act(self.desk, {"id": patient}, "restore")
            return
        record = now.json()
        match dice.randrange(4):
            case 0:
                change(self.desk, record, **self.values(dice))
            case 1 if TRANSITIONS[record["status"]]:
                move(self.desk, record, dice.choice(sorted(TRANSITIONS[record["status"]])))
            case 2:
                act(self.desk, record, "archive")
            case _:
                stale = {"base_version": record["version"] + 1, **self.values(dice)}
                assert self.desk.patch(path, json=stale).status_code == 409

    def tag(self, dice: random.Random, patient: str) -> None:
        """Put one on, twice perhaps, or take it off; of somebody who is archived neither can be done."""
        worn = self.desk.get(f"/patients/{patient}/tags")
        of = {t["tag_definition"]["id"]: t["id"] for t in worn.json()} if worn.status_code == 200 else {}
        tag = dice.choice(self.tags)
        if tag in of and dice.randrange(2):
            assert self.desk.post(f"/patients/{patient}/tags/{of[tag]}/archive").status_code == 200
        else:
            answer = self.desk.post(f"/patients/{patient}/tags", json={"tag_definition_uuid": tag})
            assert answer.status_code in (201, 404, 409)


class Totals(RuleBasedStateMachine):
    """Acts on patients of one org, judged by what its lists say after each."""

    practice: Practice
    org: Org
    runner: asyncio.Runner
    connection: Connection
    patients = Bundle("patients")

    @rule(target=patients, seed=st.integers(0, 99))
    def create(self, seed: int) -> str:
        values = self.practice.values(random.Random(seed))
        return str(register(self.practice.desk, chart_number=unheard_of(), **values)["id"])

    @rule(target=patients, seed=st.integers(0, 99))
    def create_many(self, seed: int) -> str:
        return self.practice.some(random.Random(seed), 5)[0]

    @rule(patient=patients, seed=st.integers(0, 99))
    def step(self, patient: str, seed: int) -> None:
        self.practice.step(random.Random(seed), patient)

    @rule(patient=patients, seed=st.integers(0, 99))
    def change_many(self, patient: str, seed: int) -> None:
        """An import that brings somebody up to date, somebody new, and a row that fails: all, or none if atomic."""
        chart = self.practice.desk.get(f"/patients/{patient}").json().get("chart_number")
        if chart is not None:
            row = {"first_name": "A", "last_name": "B", "chart_number": chart}
            rows = [row | self.practice.values(random.Random(seed)), {"first_name": "New", "last_name": "One"}, {}]
            bulk(self.practice.desk, rows, on_duplicate="update", atomic=seed % 2 == 1)

    @rule()
    def fold(self) -> None:
        self.runner.run(fold_once(self.connection, self.org))

    @invariant()
    def every_total_is_the_number_of_patients(self) -> None:
        kept, counted = self.runner.run(look(self.connection, self.org))
        assert kept == counted
        tagged = {cell: counted.pop(cell) for cell in list(counted) if len(cell) == 2}
        live = Counter({cell: n for cell, n in counted.items() if not cell[0]})
        desk, place, who = self.practice.desk, self.practice.locations[1], self.practice.providers[1]
        asked: list[tuple[dict[str, Any], int]] = [
            ({}, live.total()),
            ({"status": "active"}, sum(n for c, n in live.items() if c[1] == "active")),
            ({"status": "archived"}, sum(n for c, n in counted.items() if c[0])),
            ({"location_uuid": place}, sum(n for c, n in live.items() if c[2] == place)),
            (
                {"primary_provider_uuid": who, "location_uuid": place, "status": "active"},
                sum(n for c, n in live.items() if c[1:] == ("active", place, who)),
            ),
            *(({"tag_definition_uuid": tag}, tagged.get((False, tag), 0)) for tag in self.practice.tags),
            *(
                ({"tag_definition_uuid": tag, "status": "archived"}, tagged.get((True, tag), 0))
                for tag in self.practice.tags
            ),
        ]
        for query, total in asked:
            assert desk.read("/patients", page_size=1, **query)["total"] == total
        places = desk.read("/patients/counts/by-location", status_set="active,archived")
        assert places["total"] == sum(n for c, n in counted.items() if c[1] in ("active", "archived"))


@asynccontextmanager
async def as_server(house: House) -> AsyncIterator[Connection]:
    async with connected(house.data_dir) as connection:
        yield connection


def test_totals_are_exact_after_any_order_of_acts(house: House, org: Org) -> None:
    """10 made-up histories of 12 acts each, folding among them, the same on every run, judged after each act."""
    with asyncio.Runner() as runner:
        way = as_server(house)
        connection = runner.run(way.__aenter__())
        members = {"practice": Practice(org.desk()), "org": org, "runner": runner, "connection": connection}
        bounds = settings(
            max_examples=10,
            stateful_step_count=12,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        try:
            run_state_machine_as_test(type("TotalsOfTheServer", (Totals,), members), settings=bounds)
        finally:
            runner.run(way.__aexit__(None, None, None))


async def test_totals_are_exact_in_every_snapshot_while_many_write_and_fold(house: House, org: Org) -> None:
    """Four writers of one org, two that fold at once, and one that looks all the time: summary and table agree."""
    practice = await asyncio.to_thread(Practice, org.desk())

    def write(number: int) -> None:
        dice = random.Random(number)
        own = practice.some(dice, 5)
        for _ in range(ACTS):
            practice.step(dice, dice.choice(own))

    writing = asyncio.gather(*(asyncio.to_thread(write, number) for number in range(WRITERS)))

    async def folding() -> None:
        async with connected(house.data_dir) as connection:
            while not writing.done():
                await fold_once(connection, org)

    async def looking() -> int:
        looks = 0
        async with connected(house.data_dir) as connection:
            while not writing.done():
                kept, counted = await look(connection, org)
                assert kept == counted
                looks += 1
        return looks

    _, _, _, looks = await asyncio.gather(writing, folding(), folding(), looking())
    assert looks
    async with connected(house.data_dir) as connection:
        await fold_once(connection, org)
        kept, counted = await look(connection, org)
        assert kept == counted
        assert sum(n for cell, n in counted.items() if len(cell) == 4) == WRITERS * 5
        assert any(len(cell) == 2 for cell in counted)
        assert await rows_of(connection, org) == len(counted)


@pytest.mark.parametrize("first", ["tag", "archive"])
async def test_a_tag_put_on_while_its_patient_is_archived_is_counted_once(house: House, org: Org, first: str) -> None:
    """Both are under way and neither has ended when the other counts: the trail, which both write last, is locked."""
    desk = org.desk()
    practice = await asyncio.to_thread(Practice, desk)
    patient = (await asyncio.to_thread(register, desk))["id"]
    tag = {"tag_definition_uuid": practice.tags[0]}
    acts = {
        "tag": partial(desk.post, f"/patients/{patient}/tags", json=tag),
        "archive": partial(desk.post, f"/patients/{patient}/archive"),
    }
    async with connected(house.data_dir, "superuser") as blocker, connected(house.data_dir, "superuser") as watcher:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE audit_events IN SHARE MODE")
            started = []
            for number, name in enumerate([first, *(acts.keys() - {first})], 1):
                started.append(asyncio.ensure_future(asyncio.to_thread(acts[name])))
                while await watcher.fetchval(WAITING) < number:
                    assert not started[-1].done()
                    await asyncio.sleep(0.005)
        answers = await asyncio.gather(*started)
        assert [answer.status_code for answer in answers] == ([201, 200] if first == "tag" else [200, 201])
        kept, counted = await look(blocker, org)
    assert kept == counted == Counter({(True, "archived", None, None): 1, (True, practice.tags[0]): 1})


async def test_a_summary_that_writes_make_long_is_folded_by_the_server(house: House, org: Org) -> None:
    """Without anybody asking for it; each worker folds what it has piled up."""
    desk = org.desk()
    async with connected(house.data_dir) as connection:
        made = await asyncio.to_thread(register, desk)
        written, rows = 1, 1
        while rows == written < MANY:
            for status in ("inactive", "active"):
                made = await asyncio.to_thread(move, desk, made, status)
            written, rows = written + 4, await rows_of(connection, org)
        assert rows < written
        assert (await look(connection, org))[0].total() == 1
