"""The net under every statement: without its filter the database still shows and changes nothing of another org."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from chairside.engine.bodies import create_body
from chairside.questions import question
from chairside.records import ALL
from chairside.resource import Kind
from chairside.rest.examples import of_body
from chairside.store.lists import Order, count_statement, page_statement, walk_statement
from chairside.store.narrowing import Narrowing
from chairside.store.tables import many
from chairside.store.typeahead import statement as typeahead
from chairside.words import after
from tests.database import Connection, connected
from tests.house import House, Org
from tests.statements import TABLES, unfiltered

# Everybody may append to the trail, for reads of many orgs become durable together; nobody reads another's.
APPENDED_BY_ALL = ("audit_events", "audit_patients")
# Tables whose ids are numbers.
NUMBERED = ("audit_callers", "audit_operations")
WRITTEN = (
    "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"
    " AND attgenerated = ''"
)
NO_ORG_SET = (asyncpg.UndefinedObjectError, asyncpg.InvalidTextRepresentationError)


@dataclass
class Filled:
    """An org with a record of every kind, by the name of the kind."""

    org: Org
    ids: dict[str, str] = field(default_factory=dict)


def filled(house: House, name: str) -> Filled:
    org = house.org(name)
    made = Filled(org, {"org_settings": org.id})
    with org.desk() as desk:
        other = desk.made("/patients", {"first_name": "Bo", "last_name": "Relative"})["id"]
        for kind in sorted(ALL, key=_how_much_comes_first):
            path = "/" + kind.path.format(patient_uuid=made.ids.get("patient"))
            if kind.name == "field_value":
                sent = {"fields": [{"field_definition_uuid": made.ids["field_definition"], "value": "yes"}]}
                made.ids[kind.name] = desk.put(path, json=sent).json()[0]["id"]
            elif kind.name == "hold_override":
                path = f"/patients/{made.ids['patient']}/vital-signs/{made.ids['vital_signs']}/override"
                made.ids[kind.name] = desk.post(path, json={"reason": "Emergency"}).json()["id"]
            elif "create" in kind.verbs:
                body = of_body(create_body(kind))
                body |= {f.key: made.ids[f.to] for f in kind.references if f.key in body}
                for key, value in UNLIKE.get(kind.name, {}).items():
                    body[key] = value.format(other=other, **made.ids) if isinstance(value, str) else value
                made.ids[kind.name] = desk.made(path, body, **{"Idempotency-Key": f"make-{kind.name}"})["id"]
        known = {"last_name": "Guessed", "date_of_birth": "1984-02-11"}
        desk.made("/patients", {"first_name": "Gus", "social_security_number": "412557634"} | known)
    with org.desk("front_desk") as guesser:
        guess = {"social_security_number": "412557635"} | known
        assert guesser.post("/patients/check-duplicates", json=guess).json()["total"] == 1
    return made


def _how_much_comes_first(kind: Kind) -> tuple[bool, bool, int]:
    """Kinds that name others, or belong to one, are made after those; last the kinds that only an action makes."""
    body = of_body(create_body(kind))
    return "create" not in kind.verbs, kind.parent is not None, len([f for f in kind.references if f.key in body])


# What the examples of the document cannot know: which values go together.
UNLIKE: Mapping[str, Mapping[str, str | int]] = {
    "relationship": {"to_patient_uuid": "{other}"},
    "referral_attribution": {"provider_uuid": "{provider}"},
    "vital_signs": {"date_taken": "2026-03-02", "oxygen_saturation": 88},
    "social_history": {"category": "occupation", "value": "Baker"},
    "communication_log": {"mode": "phone", "direction": "sent"},
}


@pytest.fixture(scope="module")
def ours(house: House) -> Filled:
    return filled(house, "Ours Dental")


@pytest.fixture(scope="module")
def theirs(house: House) -> Filled:
    return filled(house, "Theirs Dental")


@asynccontextmanager
async def as_org(house: House, org: str | None, role: str = "app") -> AsyncIterator[Connection]:
    """A transaction of the server's role with this org set, as every request has one; undone at the end."""
    async with connected(house.data_dir, role) as connection:
        transaction = connection.transaction()
        await transaction.start()
        if org is not None:
            await connection.execute(f"SET LOCAL app.org = '{org}'")
        try:
            yield connection
        finally:
            await transaction.rollback()


async def tenant_tables(house: House) -> list[str]:
    async with connected(house.data_dir) as connection:
        rows = await connection.fetch(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND a.attname = 'org_id'"
            " AND NOT c.relispartition"
        )
    return sorted(row["relname"] for row in rows)


def lists(kind: Kind) -> Iterator[tuple[str, str, Mapping[int, object]]]:
    """The list statements of a kind by page, by walk and as a count, and those of searching, with their values."""
    table = TABLES[kind.name]
    narrowing = Narrowing()
    yield "count", count_statement(kind, narrowing.chosen), {}
    for order in (Order(kind.order), *(Order((s.column, "id"), nullable=s.nullable) for s in kind.sorts)):
        yield f"page by {order.columns[0]}", page_statement(table, narrowing.chosen, order, 200, None), {}
        if order.columns[0] in {s.column for s in kind.sorts}:
            yield f"walk by {order.columns[0]}", walk_statement(table, narrowing.chosen, order, 200, False, None), {}


@pytest.mark.parametrize("kind", ALL, ids=lambda k: k.name)
async def test_reading_one_record_without_the_filter_finds_only_ones_own(
    house: House, ours: Filled, theirs: Filled, kind: Kind
) -> None:
    """Get and load, by the id of another org's record; the owner of the database proves that the filter is gone."""
    table = TABLES[kind.name]
    for statement in (unfiltered(table.get), unfiltered(table.load)):
        owners = ("patient",) if kind.parent and statement == unfiltered(table.get) else ()
        for whose, seen in ((theirs, 0), (ours, 1)):
            args = (whose.ids[kind.name], *(whose.ids[name] for name in owners))
            async with as_org(house, ours.org.id) as connection:
                assert len(await connection.fetch(statement, ours.org.id, *args)) == seen
            async with as_org(house, ours.org.id, "superuser") as connection:
                assert len(await connection.fetch(statement, ours.org.id, *args)) == 1


@pytest.mark.parametrize("kind", ALL, ids=lambda k: k.name)
async def test_lists_and_counts_without_the_filter_hold_only_ones_own(
    house: House, ours: Filled, theirs: Filled, kind: Kind
) -> None:
    """Every sort, by page and by walk: the same rows as with the filter, where the owner would see those of all."""
    for what, statement, _ in lists(kind):
        async with as_org(house, ours.org.id) as connection:
            right = await connection.fetch(statement, ours.org.id)
            bare = await connection.fetch(unfiltered(statement), ours.org.id)
        assert bare == right, what
        async with as_org(house, ours.org.id, "superuser") as connection:
            everyone = await connection.fetch(unfiltered(statement), ours.org.id)
        assert everyone != right or what.startswith("walk"), what


async def test_searching_without_the_filter_finds_only_ones_own(house: House, ours: Filled, theirs: Filled) -> None:
    """Search words are of an org as much as the patients they lead to."""
    narrowing = Narrowing()
    narrowing.words(question("ana", "US", date(2026, 1, 5)))
    table = TABLES["patient"]
    cases: list[tuple[str, list[object]]] = [
        (page_statement(table, narrowing.chosen, Order(table.kind.order), 10_000, None), narrowing.values),
        (typeahead(1, 10_000), ["ana", "ana", after("ana")]),
        (typeahead(1, 10_000, 1), ["ana", "ana", after("ana"), "an"]),
        (typeahead(1, 10_000, 0, 1), ["ana", "ana", after("ana"), "", after(""), "", after("")]),
        (typeahead(2, 10_000), ["ana", "ana", after("ana"), "", after("")]),
    ]
    for statement, values in cases:
        async with as_org(house, ours.org.id) as connection:
            rows = await connection.fetch(unfiltered(statement), ours.org.id, *values)
        assert [row["id"] for row in rows] == [ours.ids["patient"]]
        async with as_org(house, ours.org.id, "superuser") as connection:
            rows = await connection.fetch(unfiltered(statement), ours.org.id, *values)
        assert {ours.ids["patient"], theirs.ids["patient"]} <= {row["id"] for row in rows}


# Kinds that nobody changes, neither by the API nor by the database role of the server.
APPEND_ONLY = {k.name for k in ALL if "create" in k.verbs and not {"patch", "archive"} & {*k.verbs}}


@pytest.mark.parametrize("kind", [k for k in ALL if k.name in APPEND_ONLY], ids=lambda k: k.name)
async def test_what_is_only_appended_cannot_be_changed(house: House, ours: Filled, kind: Kind) -> None:
    """A log that can be rewritten is no log: the server's role may neither update nor delete its own org's rows."""
    for statement in (f"UPDATE {kind.table} SET version = version", f"DELETE FROM {kind.table}"):
        async with as_org(house, ours.org.id) as connection:
            assert await connection.fetchval(f"SELECT count(*) FROM {kind.table}") > 0
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                await connection.execute(statement)


@pytest.mark.parametrize("kind", [k for k in ALL if k.name not in APPEND_ONLY], ids=lambda k: k.name)
async def test_updating_without_the_filter_touches_only_ones_own(
    house: House, ours: Filled, theirs: Filled, kind: Kind
) -> None:
    """One record or many, with the right id and version of another org's record: no row is written."""
    table = TABLES[kind.name]
    for whose, written in ((theirs, "UPDATE 0"), (ours, "UPDATE 1")):
        async with as_org(house, None, "superuser") as connection:
            row = await connection.fetchrow(f"SELECT * FROM {kind.table} WHERE id = $1", whose.ids[kind.name])
        assert row is not None
        new = dict(row) | {"version": row["version"] + 1}
        one = [new[column] for column in table.updated]
        read = [row["version"], row["revision"]] if kind.bookkept else [row["version"]]
        rows = many(kind, [new], [row["revision"]] if kind.bookkept else None)
        for statement, values in ((table.update, [*one, *read]), (table.update_many, [rows])):
            for text in (statement, unfiltered(statement)):
                async with as_org(house, ours.org.id) as connection:
                    assert await connection.execute(text, ours.org.id, *values) == written
            async with as_org(house, ours.org.id, "superuser") as connection:
                assert await connection.execute(unfiltered(statement), ours.org.id, *values) == "UPDATE 1"


@pytest.mark.parametrize("kind", [k for k in ALL if k.references], ids=lambda k: k.name)
async def test_names_of_references_without_the_filter_are_only_ones_own(
    house: House, ours: Filled, theirs: Filled, kind: Kind
) -> None:
    """A record of another org cannot be referred to, not even to learn what it is called."""
    table = TABLES[kind.name]
    for whose, seen in ((theirs, 0), (ours, len(table.targets))):
        ids = [[whose.ids[target]] for target in table.targets]
        async with as_org(house, ours.org.id) as connection:
            assert len(await connection.fetch(unfiltered(table.names), ours.org.id, *ids)) == seen


async def test_a_statement_of_no_org_raises(house: House, ours: Filled, theirs: Filled) -> None:
    """A forgotten org is an error in the log, never an empty answer that looks like the truth."""
    named = await tenant_tables(house)
    assert len(named) >= 14
    async with connected(house.data_dir) as connection:
        for used_before in (False, True):
            for table in ("orgs", *named):
                for statement in (f"SELECT * FROM {table}", f"SELECT count(*) FROM {table}"):
                    with pytest.raises(NO_ORG_SET):
                        await connection.fetch(statement)
            if not used_before:
                # After a transaction that set it the setting is empty, not unknown.
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL app.org = '{ours.org.id}'")
                    assert await connection.fetchval("SELECT count(*) FROM patients") == 3


async def test_writing_for_no_org_raises(house: House, ours: Filled) -> None:
    """Neither can a row be changed, nor taken away where that is allowed at all."""
    async with connected(house.data_dir) as connection:
        for table in await tenant_tables(house):
            if table not in APPENDED_BY_ALL:
                with pytest.raises((*NO_ORG_SET, asyncpg.InsufficientPrivilegeError)):
                    await connection.execute(f"UPDATE {table} SET org_id = org_id")
        for table in ("idempotency_keys", "match_locks", "patient_words"):
            with pytest.raises(NO_ORG_SET):
                await connection.execute(f"DELETE FROM {table}")


async def test_a_row_of_another_org_is_refused_by_every_table(house: House, ours: Filled, theirs: Filled) -> None:
    """A copy of one's own row under another's org_id, new or moved there: the database refuses it by its policy."""
    for table in await tenant_tables(house):
        if table in APPENDED_BY_ALL:
            continue
        async with as_org(house, ours.org.id) as connection:
            written = ", ".join(row["attname"] for row in await connection.fetch(WRITTEN, table))
            copied = (
                f"INSERT INTO {table} ({written}) SELECT {written} FROM (SELECT"
                f" (jsonb_populate_record(NULL::{table}, to_jsonb(x) || $1::jsonb)).* FROM {table} x LIMIT 1) copy"
            )
            if not await connection.fetchval("SELECT has_table_privilege($1, 'INSERT, UPDATE, DELETE')", table):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):  # the owner's, such as audit_archives
                    await connection.execute(f"INSERT INTO {table} SELECT * FROM {table}")
                continue
            if table == "match_locks":  # empty to everybody but the transaction that writes
                await connection.execute("INSERT INTO match_locks (org_id, key) VALUES ($1, 1)", ours.org.id)
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") > 0, f"{table} is empty"
            new = "7" if table in NUMBERED else f'"{uuid4()}"'
            changed = f'{{"org_id": "{theirs.org.id}", "id": {new}}}'
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                async with connection.transaction():
                    await connection.execute(copied, changed)
            if table != "patient_words":
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"row-level security|permission denied"):
                    await connection.execute(f"UPDATE {table} SET org_id = '{theirs.org.id}'")


async def test_the_trail_is_appended_to_and_read_by_its_own_org_alone(
    house: House, ours: Filled, theirs: Filled
) -> None:
    """The tables that take rows of any org show each org its own."""
    async with as_org(house, ours.org.id) as connection:
        seen = await connection.fetch("SELECT DISTINCT org_id FROM audit_events")
        assert [row["org_id"] for row in seen] == [ours.org.id]
        transaction = connection.transaction()
        await transaction.start()
        before = await connection.fetchval("SELECT count(*) FROM audit_events")
        await connection.execute(
            "INSERT INTO audit_events (org_id, id, at, action, method, route, status, outcome, request_id)"
            " VALUES ($1, $2, now(), 'read', 'GET', '/', 200, 'allowed', 'x')",
            theirs.org.id,
            str(uuid4()),
        )
        assert await connection.fetchval("SELECT count(*) FROM audit_events") == before
        named = await connection.fetchval("SELECT count(*) FROM audit_patients")
        await connection.execute("INSERT INTO audit_patients VALUES ($1, $2, now())", theirs.org.id, str(uuid4()))
        assert await connection.fetchval("SELECT count(*) FROM audit_patients") == named
        await transaction.rollback()  # the server would never seal a record that it has not written


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET outcome = 'allowed'",
        "DELETE FROM audit_events",
        "UPDATE audit_patients SET at = now()",
        "DELETE FROM audit_patients",
        "UPDATE audit_clients SET agent = NULL",
        "DELETE FROM audit_clients",
        "UPDATE audit_callers SET actor_name = NULL",
        "DELETE FROM audit_callers",
        "UPDATE audit_operations SET outcome = 'allowed'",
        "DELETE FROM audit_operations",
        "TRUNCATE audit_events",
        "DELETE FROM patients",
        "TRUNCATE patients CASCADE",
        "DELETE FROM events",
        "DELETE FROM orgs",
        "UPDATE orgs SET name = name",
        "UPDATE key_fingerprints SET id = id",
        "UPDATE leases SET until = until",
        "DELETE FROM schema_migrations",
        "CREATE TABLE mine (x int)",
        "ALTER TABLE patients DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE patients NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own_org ON patients",
        "SET ROLE chairside_owner",
        "SET SESSION AUTHORIZATION chairside_owner",
        "CREATE ROLE other",
        "ALTER ROLE chairside_app BYPASSRLS",
        "COPY patients TO '/tmp/patients'",
        "COPY patients TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/hostname')",
    ],
)
async def test_the_role_of_the_server_may_not(house: House, ours: Filled, statement: str) -> None:
    """What a request that goes wrong, or is made to, must never be able to do."""
    async with as_org(house, ours.org.id) as connection:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidAuthorizationSpecificationError)):
            await connection.execute(statement)


async def test_row_level_security_cannot_be_asked_away(house: House, ours: Filled) -> None:
    """With `row_security` off a statement fails, instead of showing what the policy hides."""
    async with as_org(house, ours.org.id) as connection:
        await connection.execute("SET LOCAL row_security = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT id FROM patients")


async def test_the_role_of_the_server_owns_nothing_and_is_nobody_else(house: House) -> None:
    """No table, function, schema or database is its own; it is member of no role and has no power of one."""
    async with connected(house.data_dir) as connection:
        me = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
        assert me is not None
        powers = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
        assert (me["rolname"], [me[power] for power in powers]) == ("chairside_app", [False] * len(powers))
        for catalog, column in (
            ("pg_class", "relowner"), ("pg_proc", "proowner"), ("pg_namespace", "nspowner"), ("pg_type", "typowner"),
            ("pg_database", "datdba"),
        ):  # fmt: skip
            assert await connection.fetchval(f"SELECT count(*) FROM {catalog} WHERE {column} = $1", me["oid"]) == 0
        assert await connection.fetchval("SELECT count(*) FROM pg_auth_members WHERE member = $1", me["oid"]) == 0


async def test_the_owner_of_the_tables_sees_no_rows_of_an_org_either(house: House, theirs: Filled) -> None:
    """Row-level security is forced: who migrates does not read patients by the way."""
    async with connected(house.data_dir, "owner") as connection:
        with pytest.raises(NO_ORG_SET):
            await connection.fetch("SELECT * FROM patients")
        assert await connection.fetchval("SELECT count(*) FROM orgs WHERE id = $1", theirs.org.id) == 1
