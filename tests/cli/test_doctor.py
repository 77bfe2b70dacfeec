"""`chairside doctor` finds every fault that can be caused, and says which one it is."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.hands import command
from tests.database import connected
from tests.house import House, new_house


@pytest.fixture(scope="module")
def patient_zero(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that these tests hurt and heal."""
    with new_house(tmp_path_factory.mktemp("doctor"), workers=1) as house:
        yield house


def findings(house: House) -> tuple[int, dict[str, str]]:
    """Exit status, and what is said of each check that found a fault."""
    done = command("doctor", "--json", data_dir=house.data_dir)
    assert done.stdout, done.stderr
    return done.returncode, {row["check"]: row["says"] for row in json.loads(done.stdout) if not row["good"]}


def sql(house: House, statement: str, role: str = "superuser") -> None:
    async def run() -> None:
        async with connected(house.data_dir, role) as connection:
            await connection.execute(statement)

    asyncio.run(run())


def test_a_healthy_server_is_told_so_line_by_line(patient_zero: House) -> None:
    """Settings, version, roles, walls, durability, disk and keys: a line each, exit 0."""
    done = command("doctor", data_dir=patient_zero.data_dir)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout
    assert all(line.startswith("ok    ") for line in lines)
    checked = {line.removeprefix("ok    ").partition(":")[0] for line in lines}
    assert checked >= {
        "settings", "database version", "locale", "schema", "columns", "fsync", "full_page_writes", "data_checksums",
        "row-level security", "role", "server connects as", "totals", "keys", "disk",
    }  # fmt: skip
    assert findings(patient_zero) == (0, {})


@pytest.mark.parametrize(
    ("hurt", "heal", "check", "says"),
    [
        (
            "ALTER TABLE patients DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE patients ENABLE ROW LEVEL SECURITY",
            "row-level security",
            "not forced on patients",
        ),
        (
            "ALTER TABLE tokens NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE tokens FORCE ROW LEVEL SECURITY",
            "row-level security",
            "not forced on tokens",
        ),
        (
            "ALTER POLICY own_org ON employers RENAME TO x; CREATE TABLE strays (org_id uuid NOT NULL)",
            "ALTER POLICY x ON employers RENAME TO own_org; DROP TABLE strays",
            "row-level security",
            "not forced on strays",
        ),
        (
            "ALTER ROLE chairside_app BYPASSRLS",
            "ALTER ROLE chairside_app NOBYPASSRLS",
            "role",
            "chairside_app bypasses row-level security",
        ),
        (
            "ALTER ROLE chairside_app SUPERUSER",
            "ALTER ROLE chairside_app NOSUPERUSER",
            "role",
            "chairside_app is a superuser",
        ),
        (
            "CREATE TABLE mine (x int); ALTER TABLE mine OWNER TO chairside_app",
            "DROP TABLE mine",
            "role",
            "chairside_app owns 1 table",
        ),
        (
            "ALTER TABLE providers RENAME COLUMN npi TO npj",
            "ALTER TABLE providers RENAME COLUMN npj TO npi",
            "columns",
            "missing: providers.npi",
        ),
        (
            "CREATE TABLE kept AS SELECT * FROM schema_migrations; DELETE FROM schema_migrations WHERE number > 1",
            "INSERT INTO schema_migrations SELECT * FROM kept ON CONFLICT DO NOTHING; DROP TABLE kept",
            "schema",
            "; run `chairside migrate`",
        ),
        (
            "UPDATE schema_migrations SET checksum = '!' || checksum WHERE number = 1",
            "UPDATE schema_migrations SET checksum = substr(checksum, 2) WHERE number = 1",
            "schema",
            "Migration 0001_foundation was applied in another form",
        ),
        (
            "INSERT INTO schema_migrations (number, name, checksum) VALUES (9000, 'x', 'x')",
            "DELETE FROM schema_migrations WHERE number = 9000",
            "schema",
            "The database has migration 9000",
        ),
        (
            "ALTER DATABASE chairside SET synchronous_commit = off",
            "ALTER DATABASE chairside RESET synchronous_commit",
            "synchronous_commit",
            "off",
        ),
    ],
)
def test_a_fault_of_the_database_is_found(patient_zero: House, hurt: str, heal: str, check: str, says: str) -> None:
    """Exit 1, that one check alone, in words that say what to mend; healed, all is well again."""
    sql(patient_zero, hurt)
    try:
        status, found = findings(patient_zero)
    finally:
        sql(patient_zero, heal)
    assert (status, set(found)) == (1, {check})
    assert says in found[check]
    assert findings(patient_zero) == (0, {})


@pytest.mark.parametrize("falsified", [
    "UPDATE patient_counts SET n = n + 1 WHERE org_id = '{org}'",
    "UPDATE patient_counts SET status = 'inactive' WHERE org_id = '{org}'",
    "DELETE FROM patient_counts WHERE org_id = '{org}'",
    "UPDATE patients SET status = 'inactive' WHERE org_id = '{org}'",
    "UPDATE tag_counts SET n = 2 WHERE org_id = '{org}'",
    "UPDATE tag_counts SET archived = true WHERE org_id = '{org}'",
    "DELETE FROM tag_counts WHERE org_id = '{org}'",
])  # fmt: skip
def test_a_summary_that_is_not_what_is_there_is_found(patient_zero: House, falsified: str) -> None:
    """Too many, of another sort, none, or a record changed behind it: the org is named, and no other."""
    org, other = patient_zero.org("Falsified Dental"), patient_zero.org("Honest Dental")
    for desk in (org.desk(), other.desk()):
        patient = desk.made("/patients", {"first_name": "Ada", "last_name": "Counted"})
        tag = desk.made("/patient-tag-definitions", {"name": "VIP"})
        desk.made(f"/patients/{patient['id']}/tags", {"tag_definition_uuid": tag["id"]})
    kept = ("patient_counts", "tag_counts", "patients")
    keep = "; ".join(f"CREATE TABLE aside.{table} AS TABLE {table}" for table in kept)
    sql(patient_zero, f"CREATE SCHEMA aside; {keep}; {falsified.format(org=org.id)}")
    try:
        status, found = findings(patient_zero)
    finally:
        again = "; ".join(f"DELETE FROM {table}; INSERT INTO {table} TABLE aside.{table}" for table in kept[:2])
        back = "UPDATE patients p SET status = k.status FROM aside.patients k WHERE k.id = p.id"
        sql(patient_zero, f"{again}; {back}; DROP SCHEMA aside CASCADE")
    assert (status, set(found)) == (1, {"totals"})
    assert org.id in found["totals"]
    assert other.id not in found["totals"]
    assert findings(patient_zero) == (0, {})


def test_a_missing_migration_is_named_by_the_check(patient_zero: House) -> None:
    """`migrate --check` exits 1 for a script that must not start yet."""
    sql(patient_zero, "CREATE TABLE kept AS SELECT * FROM schema_migrations; DELETE FROM schema_migrations")
    try:
        done = command("migrate", "--check", data_dir=patient_zero.data_dir)
    finally:
        sql(patient_zero, "INSERT INTO schema_migrations SELECT * FROM kept; DROP TABLE kept")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "missing: 0001_foundation"


def _remove(keys: Path, _other: Path) -> None:
    keys.unlink()


def _swap(keys: Path, other: Path) -> None:
    shutil.copy(other, keys)


def _open(keys: Path, _other: Path) -> None:
    keys.chmod(0o644)


def _damage(keys: Path, _other: Path) -> None:
    keys.write_bytes(keys.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("hurt", "says"),
    [
        (_remove, "is missing"),
        (_swap, "lacks k1"),
        (_open, "can be read by others (mode 644)"),
        (_damage, "is damaged"),
    ],
)
def test_a_fault_of_the_key_file_is_found(patient_zero: House, house: House, hurt: object, says: str) -> None:
    """Missing, of another server, open to others, or cut off."""
    keys = patient_zero.data_dir / "keys.json"
    whole = keys.read_bytes()
    assert callable(hurt)
    hurt(keys, house.data_dir / "keys.json")
    try:
        status, found = findings(patient_zero)
    finally:
        keys.unlink(missing_ok=True)
        os.close(os.open(keys, os.O_WRONLY | os.O_CREAT, 0o600))
        keys.write_bytes(whole)
    assert (status, set(found)) == (1, {"keys"})
    assert says in found["keys"]
    assert findings(patient_zero) == (0, {})
