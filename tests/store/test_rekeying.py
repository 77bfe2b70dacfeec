"""After an upgrade each patient is found and compared by the rules of this release; nothing else of them changed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count

import pytest

from chairside import embedded
from chairside.records.patients import PATIENTS
from chairside.records.patients.keys import keys, search_words
from chairside.store.migrate import migrate
from chairside.store.pool import Place, connect
from chairside.store.rekeying import behind, derive_all
from chairside.store.sql import queries
from tests.database import Connection, connected
from tests.house import House
from tests.store.crowd import crowd

_numbers = count(1)
AMERICAN, BRITISH = (f"00000000-0000-7000-9000-00000000000{n}" for n in (1, 2))
# Texts of a patient, and the keys that the release before derived from them.
BEFORE: list[tuple[dict[str, str], dict[str, str | None]]] = [
    ({"first_name": "राम", "last_name": "मीना"}, {"first_name_key": "रम", "last_name_key": "मन"}),
    ({"last_name": "Kamakawiwoʻole"}, {"last_name_key": "kamakawiwoʻole"}),
    ({"home_phone": "0044 20 7946 5735"}, {"home_phone_e164": None}),
    ({"mobile_phone": "312-555-0142 or 773-555-0199"}, {"mobile_phone_e164": None}),
    ({"first_name": "Ana Luísa Beatriz", "last_name": "Albuquerque Pessoa de Melo e Silva dos Santos Reis Sousa"}, {}),
]  # fmt: skip
COLUMNS = "id, version, created_at, updated_at, deleted_at, first_name, last_name, home_phone"
SEEN = f"SELECT {COLUMNS} FROM patients ORDER BY org_id, id"


@pytest.fixture
async def upgraded(house: House) -> AsyncIterator[Place]:
    """A database of two orgs, whose patients have keys and words as the release before derived them."""
    at = embedded.endpoint(house.data_dir)
    name = f"rekeyed_{os.getpid()}_{next(_numbers)}"
    place = Place(host=at.host, port=at.port, user=at.owner, database=name)
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(f"CREATE DATABASE {name} OWNER {at.owner}")
        try:
            await migrate(place)
            superuser = await connect(replace(place, user=at.superuser))
            try:
                await _fill(superuser)
            finally:
                await superuser.close()
            yield place
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def _fill(superuser: Connection) -> None:
    for org_id, region in ((AMERICAN, "US"), (BRITISH, "GB")):
        await superuser.execute(
            f"INSERT INTO orgs (id, name, region, created_at) VALUES ('{org_id}', 'Old', '{region}', now())"
        )
        await crowd(superuser, org_id, 60)
        for number, (texts, old) in enumerate(BEFORE, 1):
            columns = texts | old
            assigned = ", ".join(f"{column} = ${n}" for n, column in enumerate(columns, 3))
            await superuser.execute(
                f"UPDATE patients SET {assigned} WHERE org_id = $1 AND chart_number = $2",
                org_id,
                f"C{number}",
                *columns.values(),
            )
        await superuser.execute(
            "INSERT INTO patient_words SELECT org_id, 1, 'left over', '', id, '' FROM patients WHERE org_id = $1",
            org_id,
        )


async def seen(place: Place, statement: str, user: str) -> list[tuple[object, ...]]:
    """The rows of all orgs, as the superuser sees them."""
    connection = await connect(replace(place, user=user))
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def assert_derived(place: Place, user: str) -> None:
    """Keys and words of every patient are what this release derives, no more and no fewer."""
    connection = await connect(replace(place, user=user))
    try:
        regions = {AMERICAN: "US", BRITISH: "GB"}
        expected = set()
        for row in map(dict, await connection.fetch("SELECT * FROM patients")):
            region = regions[row["org_id"]]
            assert {column: row[column] for column in keys(row, region)} == keys(row, region)
            expected |= {
                (row["org_id"], scope, word, beside, row["id"], name)
                for (scope, name), pairs in search_words(row, region).items()
                for word, beside in pairs
            }
        columns = "org_id, scope, word, beside, patient_id, name"
        assert {tuple(row) for row in await connection.fetch(f"SELECT {columns} FROM patient_words")} == expected
    finally:
        await connection.close()


async def is_behind(place: Place) -> list[bool]:
    connection = await connect(place)
    try:
        return [await behind(connection, PATIENTS, org) for org in await connection.fetch(queries()["orgs.all"])]
    finally:
        await connection.close()


async def test_keys_and_words_become_those_of_this_release(house: House, upgraded: Place) -> None:
    """By the region of each org; versions, times and texts stay, no event is written, and a second run does nothing."""
    user = embedded.endpoint(house.data_dir).superuser
    before = await seen(upgraded, SEEN, user)
    assert await is_behind(upgraded) == [True, True]
    assert await derive_all(upgraded, PATIENTS, lambda _: None) == 2
    await assert_derived(upgraded, user)
    assert await seen(upgraded, SEEN, user) == before
    assert await seen(upgraded, "SELECT 1 FROM events", user) == []
    assert await is_behind(upgraded) == [False, False]
    assert await derive_all(upgraded, PATIENTS, lambda _: None) == 0


async def test_a_run_that_was_ended_goes_on_where_it_was(house: House, upgraded: Place) -> None:
    """An org is derived whole and marked, or not at all."""
    told: list[str] = []

    def end_at_the_second(progress: str) -> None:
        told.append(progress)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await derive_all(upgraded, PATIENTS, end_at_the_second)
    assert sorted(await is_behind(upgraded)) == [False, True]
    assert await derive_all(upgraded, PATIENTS, lambda _: None) == 1
    await assert_derived(upgraded, embedded.endpoint(house.data_dir).superuser)


@pytest.mark.parametrize(
    "written",
    [
        "UPDATE patients SET last_name_key = 'old', updated_at = now() + interval '1 second' WHERE chart_number = 'C7'",
        "DELETE FROM patient_words w USING patients p WHERE p.id = w.patient_id AND p.chart_number = 'C7'",
    ],
)
async def test_what_an_old_server_wrote_meanwhile_is_noticed(house: House, upgraded: Place, written: str) -> None:
    """One that ran on after the upgrade left old keys, or no words; the next start derives the org anew."""
    await derive_all(upgraded, PATIENTS, lambda _: None)
    user = embedded.endpoint(house.data_dir).superuser
    touched = "UPDATE patients SET updated_at = now() + interval '1 second' WHERE chart_number = 'C7' RETURNING 1"
    await seen(upgraded, touched, user)
    assert await is_behind(upgraded) == [False, False]
    await seen(upgraded, f"{written} RETURNING 1", user)
    assert await is_behind(upgraded) == [True, True]
    assert await derive_all(upgraded, PATIENTS, lambda _: None) == 2
    await assert_derived(upgraded, user)
