"""A database is brought to the schema whole or not at all, once, by files that never change."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from types import SimpleNamespace

import asyncpg
import pytest

from chairside import embedded
from chairside.knowledge.data_files import csv_rows
from chairside.store import migrate as schema
from chairside.store.migrate import Migration, MigrationFault, check_version, migrate, migrations, pending
from chairside.store.pool import Place, connect
from chairside.words import in_pairs, longest
from tests.database import Connection, connected
from tests.house import House
from tests.store.crowd import crowd

TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
LEDGER = "SELECT number, name, checksum FROM schema_migrations ORDER BY number"


@pytest.fixture
def with_another(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A release that has one migration more."""

    def release(text: str) -> None:
        monkeypatch.setattr(schema, "migrations", lambda: [*migrations(), Migration(9999, "9999_more", text)])

    return SimpleNamespace(release=release)


async def fetched(place: Place, statement: str) -> list[tuple[object, ...]]:
    connection = await connect(place)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def names() -> list[str]:
    return [m.name for m in migrations()]


async def test_a_second_time_nothing_is_done(empty: Place) -> None:
    """Every start migrates; what is there stays as it is."""
    assert await migrate(empty) == names()
    first = await fetched(empty, "TABLE schema_migrations")
    assert await migrate(empty) == []
    assert await fetched(empty, "TABLE schema_migrations") == first


async def test_several_servers_may_migrate_at_once(empty: Place) -> None:
    """Four starts race; each file is applied by one of them, and all go on."""
    applied = await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert sorted(name for one in applied for name in one) == names()
    assert await fetched(empty, LEDGER) == [(m.number, m.name, m.checksum) for m in migrations()]


async def test_a_migration_that_fails_leaves_nothing(empty: Place, with_another: SimpleNamespace) -> None:
    """Not a table, not a line in the ledger; mended, it goes through."""
    await migrate(empty)
    before = await fetched(empty, TABLES)
    with_another.release("CREATE TABLE half (x int); SELECT 1 / 0; CREATE TABLE other_half (x int);")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty)
    assert await fetched(empty, TABLES) == before
    assert await fetched(empty, LEDGER) == [(m.number, m.name, m.checksum) for m in migrations()]
    with_another.release("CREATE TABLE half (x int); CREATE TABLE other_half (x int);")
    assert await migrate(empty) == ["9999_more"]
    assert await fetched(empty, TABLES) == sorted([*before, ("half",), ("other_half",)])


async def test_a_migrator_that_is_killed_leaves_nothing(
    house: House, empty: Place, with_another: SimpleNamespace
) -> None:
    """The connection dies in the middle of a file; the next start applies it whole."""
    await migrate(empty)
    before = await fetched(empty, TABLES)
    with_another.release("CREATE TABLE half (x int); SELECT pg_sleep(60);")
    running = asyncio.create_task(migrate(empty))
    async with connected(house.data_dir, "superuser") as watcher:
        while not await _ended_a_sleeper(watcher, str(empty.database)):
            assert not running.done()
            await asyncio.sleep(0.01)
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError)):
        await running
    assert await fetched(empty, TABLES) == before
    with_another.release("CREATE TABLE half (x int);")
    assert await migrate(empty) == ["9999_more"]


async def _ended_a_sleeper(watcher: Connection, database: str) -> bool:
    ended = await watcher.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'", database
    )
    return bool(ended)


async def test_a_file_that_was_changed_after_it_was_applied_is_refused(empty: Place) -> None:
    """Two databases of one release must not differ; the message names the file, and nothing is done."""
    await migrate(empty)
    await fetched(empty, "UPDATE schema_migrations SET checksum = 'x' WHERE number = 1 RETURNING 1")
    with pytest.raises(MigrationFault, match=r"^Migration 0001_foundation was applied in another form"):
        await migrate(empty)


async def test_a_database_of_a_newer_release_is_refused(empty: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old program would write what the new one cannot read."""
    with monkeypatch.context() as newer:
        more = Migration(9999, "9999_more", "CREATE TABLE newer (x int);")
        newer.setattr(schema, "migrations", lambda: [*migrations(), more])
        assert await migrate(empty) == [*names(), "9999_more"]
    with pytest.raises(MigrationFault, match=r"^The database has migration 9999, which this release does not know"):
        await migrate(empty)


async def test_looking_for_what_is_missing_changes_nothing(empty: Place) -> None:
    """`migrate --check` on an empty database."""
    connection = await connect(empty)
    try:
        assert [m.name for m in await pending(connection)] == names()
    finally:
        await connection.close()
    assert await fetched(empty, TABLES) == []


TAGS_OF_OLD = """INSERT INTO patient_tags
  (org_id, id, patient_id, tag_definition_id, created_by, created_at, updated_at, version, deleted_at)
SELECT org_id, gen_random_uuid(), id, ('00000000-0000-7000-8003-00000000000' || n)::uuid, 1, now(), now(), 1,
  CASE WHEN n = length(chart_number) THEN now() END
FROM patients CROSS JOIN generate_series(1, 3) n WHERE right(chart_number, 1)::int > n"""


async def test_a_summary_is_made_of_what_is_there_already(
    house: House, empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two practices of the release before; one nobody has registered with, and it has no rows."""
    with monkeypatch.context() as before:
        before.setattr(schema, "migrations", lambda: migrations()[:3])
        await migrate(empty)
    sizes = {f"00000000-0000-7000-9000-00000000000{number}": size for number, size in enumerate((70, 0, 130))}
    at = embedded.endpoint(house.data_dir)
    superuser = await connect(replace(empty, user=at.superuser))
    try:
        for org_id, size in sizes.items():
            await superuser.execute(f"INSERT INTO orgs (id, name, created_at) VALUES ('{org_id}', 'Old', now())")
            await crowd(superuser, org_id, size, beside=False)
        await superuser.execute("SET session_replication_role = replica")  # what the tags refer to is not needed here
        await superuser.execute(TAGS_OF_OLD)
        await migrate(empty)
        columns = "org_id, {}, status, location_id, primary_provider_id, {}"
        kept = await superuser.fetch(f"SELECT {columns.format('archived', 'n')} FROM patient_counts")
        there = columns.format("deleted_at IS NOT NULL", "count(*)")
        counted = await superuser.fetch(f"SELECT {there} FROM patients GROUP BY 1, 2, 3, 4, 5")
        assert {tuple(row) for row in kept} == {tuple(row) for row in counted}
        assert sum(row["n"] for row in kept) == sum(sizes.values())
        kept = await superuser.fetch("SELECT org_id, archived, tag_definition_id, n FROM tag_counts")
        counted = await superuser.fetch(
            "SELECT t.org_id, p.deleted_at IS NOT NULL, tag_definition_id, count(*) FROM patient_tags t"
            " JOIN patients p ON (p.org_id, p.id) = (t.org_id, t.patient_id) WHERE t.deleted_at IS NULL"
            " GROUP BY 1, 2, 3"
        )
        assert {tuple(row) for row in kept} == {tuple(row) for row in counted}
        assert len(kept) > len(sizes)
    finally:
        await superuser.close()


# A patient's number, what there is of them, the words of the release before, and those of this one.
FOUND_BY: list[tuple[int, dict[str, str], set[str], set[str]]] = [
    (
        1,
        {"mobile_phone": "3125550142", "home_phone": "13125550143", "email_key": "ann.lee@x.org"},
        {"ann", "3125550142", "13125550142", "0142", "3125550143", "13125550143", "0143", "annleexorg", "@1990-05-01"},
        {"ann", "0142", "+13125550143", "0143"},
    ),
    (
        2,
        {"mobile_phone": "442079460958", "work_phone": "442079460959"},
        {"442079460958", "2079460958", "0958", "442079460959", "2079460959", "0959", "02079460959", "@1990-05-01"},
        {"2079460958", "0958", "+442079460959", "2079460959", "0959", "02079460959"},
    ),
    (
        4,  # archived
        {"mobile_phone": "3125550142", "email_key": "ann.lee@x.org"},
        {"ann", "3125550142", "13125550142", "0142", "annleexorg", "@1990-05-01"},
        {"ann", "+13125550142", "0142", "annleexorg", "@1990-05-01"},
    ),
]


async def test_search_words_become_those_of_this_release(
    house: House, empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would stay would find a patient by a number or an address they have no longer."""
    with monkeypatch.context() as before:
        before.setattr(schema, "migrations", lambda: migrations()[:5])
        await migrate(empty)
    org_id = "00000000-0000-7000-9000-000000000001"
    at = embedded.endpoint(house.data_dir)
    superuser = await connect(replace(empty, user=at.superuser))
    try:
        await superuser.execute(f"INSERT INTO orgs (id, name, created_at) VALUES ('{org_id}', 'Old', now())")
        await crowd(superuser, org_id, 10, beside=False)
        await superuser.execute("UPDATE patients SET mobile_phone_e164 = NULL, email_key = NULL")
        for number, has, old, _ in FOUND_BY:
            patient = f"id = (SELECT id FROM patients ORDER BY chart_number LIMIT 1 OFFSET {number})"
            await superuser.execute(f"UPDATE patients SET deleted_at = NULL WHERE {patient}")
            if number == 4:
                await superuser.execute(f"UPDATE patients SET deleted_at = now() WHERE {patient}")
            for name, value in has.items():
                column, stored = (name, value) if name == "email_key" else (f"{name}_e164", _e164(value))
                await superuser.execute(f"UPDATE patients SET {column} = $1 WHERE {patient}", stored)
            add = f"""INSERT INTO patient_words SELECT org_id, CASE WHEN deleted_at IS NULL THEN 1 ELSE 2 END, w, id
                FROM patients, unnest($1::text[]) w WHERE {patient}"""
            await superuser.execute(add, list(old))
        await migrate(empty)
        for number, _, _, new in FOUND_BY:
            patient = f"patient_id = (SELECT id FROM patients ORDER BY chart_number LIMIT 1 OFFSET {number})"
            rows = await superuser.fetch(f"SELECT word FROM patient_words WHERE {patient}")
            assert {row["word"] for row in rows} == new
    finally:
        await superuser.close()


async def test_words_stand_in_the_pairs_that_this_release_writes(
    house: House, empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pair that stands the other way round would stay when the patient's name changes."""
    with monkeypatch.context() as before:
        before.setattr(schema, "migrations", lambda: migrations()[:6])
        await migrate(empty)
    org_id = "00000000-0000-7000-9000-000000000001"
    superuser = await connect(replace(empty, user=embedded.endpoint(house.data_dir).superuser))
    letters = random.Random(7)
    try:
        await superuser.execute(f"INSERT INTO orgs (id, name, created_at) VALUES ('{org_id}', 'Old', now())")
        await crowd(superuser, org_id, 60, beside=False)
        patients = await superuser.fetch("SELECT * FROM patients WHERE deleted_at IS NULL")
        expected = {}
        for n, patient in enumerate(patients):
            words = {"".join(letters.choices("aßé王", k=letters.randint(1, 3))) for _ in range(n % 13)}
            await superuser.execute(
                "INSERT INTO patient_words SELECT $1::uuid, 0, w, $2::uuid FROM unnest($3::text[]) w"
                " UNION SELECT $1, 1, 'x', $2",
                org_id,
                patient["id"],
                list(words),
            )
            name = f"{patient['last_name_key']} {patient['first_name_key']}"
            pairs = {(0, word, beside, name) for word, beside in in_pairs(longest(words))}
            expected[patient["id"]] = pairs | {(1, "x", "", "")}
        await migrate(empty)
        found: dict[str, set[object]] = {}
        for row in await superuser.fetch("SELECT * FROM patient_words"):
            found.setdefault(row["patient_id"], set()).add((row["scope"], row["word"], row["beside"], row["name"]))
        assert found == expected
    finally:
        await superuser.close()


# A region, and the zone that an org of it gets; the last has none.
ZONES_OF_OLD = [("US", "America/New_York"), ("GB", "Europe/London"), ("NZ", "Pacific/Auckland"), ("ZZ", "UTC")]
# Time zones of locations, and what becomes of each.
PLACES_OF_OLD = {
    "America/Denver": ("America/Denver", 1), None: (None, 1), "CET": ("Europe/Brussels", 2),
    "EET": ("Europe/Athens", 2), "MET": ("Europe/Brussels", 2), "WET": ("Europe/Lisbon", 2), "localtime": (None, 2),
}  # fmt: skip
SETTINGS_OF_OLD = """INSERT INTO org_settings (org_id, id, blocking_preset, created_at, updated_at, version)
VALUES ($1, $1, 'conservative', now(), now(), 3)"""
LOCATION_OF_OLD = """INSERT INTO locations
  (org_id, id, name, is_active, timezone, item_order, name_key, created_at, updated_at, version)
VALUES ($1, gen_random_uuid(), $2, true, $3, 0, $2, now(), now(), 1)"""


async def test_orgs_of_old_count_days_where_their_region_is(
    house: House, empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every region gets the zone that a new org of it gets; locations keep theirs where the database knows it."""
    with monkeypatch.context() as before:
        older = [m for m in migrations() if m.number < next(n.number for n in migrations() if "time_zones" in n.name)]
        before.setattr(schema, "migrations", lambda: older)
        await migrate(empty)
    regions = dict(ZONES_OF_OLD) | {row["region"]: row["timezone"] for row in csv_rows("data/region_time_zones.csv")}
    ids = {region: f"00000000-0000-7000-9000-{place:012}" for place, region in enumerate(regions)}
    superuser = await connect(replace(empty, user=embedded.endpoint(house.data_dir).superuser))
    try:
        for region, org_id in ids.items():
            await superuser.execute("INSERT INTO orgs VALUES ($1, 'Old', $2, now())", org_id, region)
            await superuser.execute(SETTINGS_OF_OLD, org_id)
        for place, zone in enumerate(PLACES_OF_OLD):
            await superuser.execute(LOCATION_OF_OLD, ids["NZ"], f"Place {place}", zone)
        await migrate(empty)
        kept = await superuser.fetch("SELECT org_id, timezone, blocking_preset, version FROM org_settings")
        assert {row["org_id"]: row["timezone"] for row in kept} == {ids[r]: zone for r, zone in regions.items()}
        assert {(row["blocking_preset"], row["version"]) for row in kept} == {("conservative", 3)}
        places = await superuser.fetch("SELECT name, timezone, version FROM locations ORDER BY name")
        assert [(row["timezone"], row["version"]) for row in places] == list(PLACES_OF_OLD.values())
    finally:
        await superuser.close()


def _e164(digits: str) -> str:
    return f"+1{digits}" if len(digits) == 10 else f"+{digits}"


@pytest.mark.parametrize("major", [14, 19])
def test_a_postgresql_that_was_never_tried_is_refused(major: int) -> None:
    """15 to 18 are; another may do the wrong thing in silence."""
    with pytest.raises(MigrationFault, match=f"^PostgreSQL {major} is not supported; use 15 to 18"):
        check_version(major)
    for tried in (15, 16, 17, 18):
        check_version(tried)


def test_migrations_are_numbered_without_gaps() -> None:
    """Two branches that both add number 7 must notice."""
    assert [m.number for m in migrations()] == list(range(1, len(migrations()) + 1))


async def test_a_server_reads_what_others_commit_whatever_the_database_is_set_to(empty: Place) -> None:
    """Summaries would drift where a statement that waited for a lock still saw what was before."""
    await fetched(empty, f"ALTER DATABASE {empty.database} SET default_transaction_isolation = 'serializable'")
    assert await fetched(empty, "SHOW transaction_isolation") == [("read committed",)]
