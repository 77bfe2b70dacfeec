"""Every statement finds its rows by an index that begins with the org, and a page reads a bounded part of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import date

import asyncpg
import pytest

from chairside.questions import question
from chairside.records import ALL
from chairside.store.lists import (
    FOR_ANY_VALUES,
    FOR_THESE_VALUES,
    Order,
    count_statement,
    page_ids,
    page_statement,
    rows_statement,
    walk_ids,
    walk_statement,
)
from chairside.store.narrowing import Chosen, Narrowing
from chairside.store.pool import Place
from chairside.store.sql import queries
from chairside.store.tables import tables
from chairside.store.typeahead import nickname_statement
from chairside.store.typeahead import statement as typeahead
from chairside.words import after
from tests.database import Connection
from tests.house import House
from tests.statements import EVERY, OF_NO_ORG, OF_OWNER, tagged
from tests.store.crowd import COMMON, LOCATION, PATIENT, PROVIDER, RARE, SCARCE, TAG, crowd, made_id
from tests.store.plans import Plan, buffers, explaining, filling, nodes, plan_of, still_database

PATIENTS = 100_000
ORG, SKETCHY = "00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"
TABLE = tables(ALL)["patient"]
LARGE = {"patients", "patient_words", "patient_tags"}
# Pages of 8 kB; all patients take 5,000, and their indexes as many again.
MOST_OF_A_PAGE, MOST_OF_A_SUMMARY, MOST_OF_A_RECORD = 3_000, 100, 60
UNKNOWN = "UPDATE patients SET date_of_birth = NULL, chart_number = NULL, chart_number_key = NULL WHERE org_id = $1"
FIFTY = "SELECT id FROM patients WHERE org_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 50"
BOTH = (
    "SELECT count(*) FROM patients WHERE org_id = $1 AND deleted_at IS NULL"
    " AND (last_name_key ^@ 'a' AND first_name_key ^@ 'm' OR last_name_key ^@ 'm' AND first_name_key ^@ 'a')"
)
OF_ORGS = "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'"


@pytest.fixture(scope="module")
async def practice(house: House) -> AsyncIterator[Place]:
    """An org of 100,000 patients, and one beside it that knows little of its own: the planner knows both as one."""
    async with still_database(house) as place:
        async with filling(place) as connection:
            await crowd(connection, ORG, PATIENTS)
            await crowd(connection, SKETCHY, PATIENTS // 10)
            await connection.execute(UNKNOWN, SKETCHY)
            await connection.execute("VACUUM (ANALYZE)")
        yield place


def faults(plan: Plan, of_orgs: set[str]) -> list[str]:
    """Scans of a table with rows of orgs, and looks into an index that do not begin with the org."""
    found = []
    for node in nodes(plan):
        kind, table = node["Node Type"], node.get("Relation Name", "")
        if kind == "Seq Scan" and table in of_orgs:
            found.append(f"scans {table}")
        if "Index Name" in node and not node.get("Index Cond", "").lstrip("(").startswith(("org_id = ", "id = ")):
            found.append(f"looks through {node['Index Name']} by {node.get('Index Cond')}")
        if node.get("Index Cond", "").lstrip("(").startswith("id = ") and node["Index Name"] != "orgs_pkey":
            found.append(f"looks into {node['Index Name']} without org")
    return found


async def test_no_statement_can_only_scan(practice: Place) -> None:
    """Where a table is small a scan is right, so here scans are dear: whatever still scans has no index to go by."""
    bad = {}
    async with explaining(practice, ORG) as connection:
        of_orgs = {row["relname"] for row in await connection.fetch(OF_ORGS)}
        assert {"patients", "patient_words", "patient_counts", "tag_counts", "audit_events"} <= of_orgs
        await connection.execute("SET LOCAL enable_seqscan = off")
        for name, statement in EVERY.items():
            if name.startswith(OF_NO_ORG) or name in OF_OWNER:
                continue
            with suppress(asyncpg.InsufficientPrivilegeError):  # an update of what is only ever added to is never sent
                if found := faults(await plan_of(connection, statement), of_orgs):
                    bad[name] = found
    assert not bad


async def test_a_scan_is_noticed(practice: Place) -> None:
    """The test above can fail."""
    async with explaining(practice, ORG) as connection:
        for way in ("indexscan", "indexonlyscan", "bitmapscan"):
            await connection.execute(f"SET LOCAL enable_{way} = off")
        assert "scans patients" in faults(await plan_of(connection, TABLE.load), LARGE)


def narrowings(ids: dict[str, str]) -> Iterator[tuple[str, Narrowing]]:
    """What lists are typically narrowed by."""
    for name, how, column, value in (
        ("status", "equals", "status", "inactive"),
        ("location", "equals", "location_id", ids[LOCATION]),
        ("provider", "equals", "primary_provider_id", ids[PROVIDER]),
    ):
        narrowing = Narrowing()
        narrowing.add(how, column, value)
        yield name, narrowing
    for number, some in ((COMMON, 9_000), (SCARCE, 1_000), (RARE, 200)):
        yield f"tag {number}", tagged(some, PATIENTS, ids[TAG + number])
    born = Narrowing()
    born.add("from", "date_of_birth", date(1984, 1, 1))
    born.add("to", "date_of_birth", date(1984, 3, 31))
    yield "born", born
    for typed in ("gab", "gab jo", "1312007", "1984-02-11"):
        search = Narrowing()
        search.words(question(typed, "US", date(2026, 1, 5)))
        yield f"search {typed}", search
    archived = Narrowing(archived=True)
    archived.add("equals", "status", "archived")
    yield "archived", archived
    yield "all", Narrowing()


def pages(ids: dict[str, str]) -> Iterator[tuple[str, Chosen, str, list[object]]]:
    """The first page of each sort both ways, one from the middle of a walk, and the first of its nulls."""
    for name, narrowing in narrowings(ids):
        if name == "archived":
            continue  # read whole and sorted, for they are few
        for sort in TABLE.kind.sorts:
            for down in (False, True):
                order = Order((sort.column, "id"), sort.nullable, down)
                label = f"{name} by {sort.name} {'down' if down else 'up'}"
                chosen = narrowing.chosen
                page_of, walk_of = (page_ids, walk_ids) if chosen.uneven else (page_statement, walk_statement)
                yield f"{label}: page", chosen, page_of(TABLE, chosen, order, 50, None), narrowing.values
                at = len(narrowing.values) + 2
                walk = walk_of(TABLE, chosen, order, 51, False, at)
                yield f"{label}: walk", chosen, walk, [*narrowing.values, ids[PATIENT], MIDDLE[sort.name]]
                if sort.nullable:
                    nulls = walk_of(TABLE, chosen, order, 51, True, None)
                    yield f"{label}: nulls", chosen, nulls, narrowing.values


MIDDLE: dict[str, object] = {
    "last_name": "m",
    "first_name": "m",
    "date_of_birth": date(1975, 1, 1),
    "chart_number": "c5",
    "created_at": "2024-02-01T00:00:00Z",
    "updated_at": "2024-02-01T00:00:00Z",
    "status": "active",
}


async def known_ids(connection: Connection) -> dict[str, str]:
    ids = {w: await connection.fetchval(f"SELECT {made_id(w, '3')}") for w in (LOCATION, PROVIDER, PATIENT)}
    return ids | {TAG + t: await connection.fetchval(f"SELECT {made_id(TAG, t)}") for t in (COMMON, SCARCE, RARE)}


async def test_a_page_reads_a_bounded_part_of_a_large_practice(practice: Place) -> None:
    """Under the settings of the server, whatever the sort and the filter, also in the middle of a walk."""
    read: dict[str, int] = {}
    async with explaining(practice, ORG) as connection:
        for name, chosen, statement, values in pages(await known_ids(connection)):
            await connection.execute(FOR_THESE_VALUES if chosen.uneven else FOR_ANY_VALUES)
            plan = await plan_of(connection, statement, [ORG, *values])
            assert not scanned(plan), name
            read[name] = buffers(plan)
    assert {name: n for name, n in read.items() if n > MOST_OF_A_PAGE} == {}


async def test_a_walk_of_live_and_archived_reads_a_bounded_part_of_a_large_practice(practice: Place) -> None:
    """In the order that a copy is kept in step by, at its start and in the middle: two indexes, merged."""
    async with explaining(practice, ORG) as connection:
        ids = await known_ids(connection)
        await connection.execute(FOR_ANY_VALUES)
        for at, values in ((None, []), (2, [ids[PATIENT], MIDDLE["updated_at"]])):
            statement = walk_statement(TABLE, Narrowing(both=True).chosen, Order(("updated_at", "id")), 51, False, at)
            plan = await plan_of(connection, statement, [ORG, *values])
            assert not scanned(plan)
            assert buffers(plan) <= MOST_OF_A_PAGE
            used = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
            assert {"patients_by_updated", "patients_archived_by_updated"} <= used


async def test_the_second_step_reads_the_records_of_the_first_and_no_more(practice: Place) -> None:
    """By one plan for any values, however common what the list is narrowed to."""
    async with explaining(practice, ORG) as connection:
        ids = await known_ids(connection)
        listed = [row["id"] for row in await connection.fetch(FIFTY, ORG)]
        await connection.execute(FOR_ANY_VALUES)
        for name, narrowing in narrowings(ids):
            if narrowing.chosen.uneven:
                statement = rows_statement(TABLE, narrowing.chosen, len(narrowing.values) + 2)
                plan = await plan_of(connection, statement, [ORG, *narrowing.values, listed])
                assert not scanned(plan), name
                assert buffers(plan) <= MOST_OF_A_RECORD * len(listed), name


async def test_a_total_reads_a_bounded_part_of_a_large_practice(practice: Place) -> None:
    """A summary knows those of plain filters; a search reads as many records as it finds."""
    read: dict[str, int] = {}
    async with explaining(practice, ORG) as connection:
        # A summary may be so small that scanning it is right.
        await connection.execute("SET LOCAL enable_seqscan = off")
        ids = await known_ids(connection)
        for name, narrowing in narrowings(ids):
            statement = count_statement(TABLE.kind, narrowing.chosen)
            plan = await plan_of(connection, statement, [ORG, *narrowing.values])
            assert not scanned(plan), name
            read[name] = buffers(plan)
        statement = queries()["patients.counted_by_location"]
        read["by location"] = buffers(await plan_of(connection, statement, [ORG, ["active", "archived"]]))
        record = buffers(await plan_of(connection, TABLE.get, [ORG, ids[PATIENT]]))
    tags = {f"tag {COMMON}", f"tag {SCARCE}"}  # the rare are counted as they are read
    plain = {"all", "archived", "status", "location", "provider", *tags, "by location"}
    assert {name: read[name] for name in plain if read[name] > MOST_OF_A_SUMMARY} == {}
    assert {name: n for name, n in read.items() if n > MOST_OF_A_PAGE} == {}
    assert record <= MOST_OF_A_RECORD


@pytest.fixture
async def tidied(practice: Place) -> AsyncIterator[Place]:
    """The same, vacuumed after a test that wrote: even what was rolled back leaves rows that others would read past."""
    yield practice
    async with filling(practice) as connection:
        await connection.execute("VACUUM patients, patient_words")


async def test_what_many_share_is_read_no_further_than_it_takes_to_know(tidied: Place) -> None:
    """An address and telephones that 5,000 patients have in common: 21 rows of each, and few pages."""
    async with explaining(tidied, ORG) as connection:
        await connection.execute(
            "UPDATE patients SET email_key = 'all@example.org', mobile_phone_e164 = '+12125550100'"
            " WHERE org_id = $1 AND id IN"
            " (SELECT id FROM patients WHERE org_id = $1 AND deleted_at IS NULL LIMIT 5000)",
            ORG,
        )
        await connection.execute(
            "INSERT INTO patient_words (org_id, scope, word, beside, patient_id, name)"
            " SELECT org_id, 1, '+12125550199', '', id, '' FROM patients"
            " WHERE org_id = $1 AND email_key = 'all@example.org'",
            ORG,
        )
        nobody: list[object] = [[], [], [], []]
        values = [["0"], ["all@example.org"], ["0", "0"], ["+12125550100", "+12125550199"], [], []]
        for mode in ("force_generic_plan", "force_custom_plan"):
            await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
            plan = await plan_of(connection, queries()["patients.duplicates"], [ORG, *nobody, *values])
            assert plan["Actual Rows"] == 3 * 21
            read = [n["Actual Rows"] * n["Actual Loops"] for n in nodes(plan) if n.get("Relation Name") in LARGE]
            assert max(read) <= 3 * 21
            assert buffers(plan) <= MOST_OF_A_PAGE


async def test_two_words_typed_read_little_more_than_whom_they_find(practice: Place) -> None:
    """Not all whom the one finds and all whom the other does, of whom in a large practice there are very many."""
    async with explaining(practice, ORG) as connection:
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        values = ["am", "a", after("a"), "m", after("m")]
        plan = await plan_of(connection, typeahead(2, 20), [ORG, *values])
        found = await connection.fetchval(BOTH, ORG)
    read = [n["Actual Rows"] for n in nodes(plan) if n.get("Relation Name") == "patient_words"]
    assert found > 200
    assert not scanned(plan)
    assert sum(read) <= 2 * found
    assert buffers(plan) <= MOST_OF_A_PAGE


async def test_digits_typed_read_a_bounded_part_of_a_large_practice(practice: Place) -> None:
    """Also where all telephones begin so, as with the area code of the town; those of few are read alone."""
    async with explaining(practice, ORG) as connection:
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        # The most that a limit of rows and a look at the names of some allow, and for a whole number next to nothing.
        for typed, most in (("1312", 2 * MOST_OF_A_PAGE), ("13120007919", MOST_OF_A_SUMMARY)):
            [word] = question(typed, "US", date(2026, 1, 5))
            bounds = [b for start in (typed, word.tail, *word.numbers) for b in (start, after(start))]
            statement = typeahead(1, 20, 0, len(word.numbers))
            plan = await plan_of(connection, statement, [ORG, typed, *bounds])
            rows = await connection.fetch(statement, ORG, typed, *bounds)
            assert not scanned(plan), typed
            assert buffers(plan) <= most, typed
            assert rows[0]["total"] == (1000 if typed == "1312" else 1)


async def test_nicknames_read_a_bounded_part_of_a_large_practice(practice: Place) -> None:
    """As many names as the longest list of nicknames has, alone and with the beginning of a last name."""
    async with explaining(practice, ORG) as connection:
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        names = await connection.fetch("SELECT DISTINCT first_name_key FROM patients WHERE org_id = $1 LIMIT 20", ORG)
        called = [row["first_name_key"] for row in names]
        for others in ([], ["a", after("a")]):
            statement = nickname_statement(len(others) // 2, 20)
            plan = await plan_of(connection, statement, [ORG, called, [], *others])
            assert not scanned(plan)
            assert buffers(plan) <= MOST_OF_A_PAGE


def scanned(plan: Plan) -> list[str]:
    return [n["Relation Name"] for n in nodes(plan) if n["Node Type"] == "Seq Scan" and n["Relation Name"] in LARGE]
