"""A PostgreSQL of one's own, named by CHAIRSIDE_DATABASE_URL, does all that the embedded one does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cli.hands import answered, command, refused
from tests.hosting import DATABASE, PASSWORD, USER, Hosted, hosted
from tests.house import House, Org, free_port


@dataclass
class Abroad:
    """A server on a hosted database."""

    at: Hosted
    house: House

    def run(self, *args: str) -> str:
        return answered(*args, data_dir=self.house.data_dir, CHAIRSIDE_DATABASE_URL=self.at.url)


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Abroad]:
    with hosted() as at:
        house = House(tmp_path_factory.mktemp("abroad") / "data", free_port())
        house.start(workers=2, CHAIRSIDE_DATABASE_URL=at.url)
        try:
            yield Abroad(at, house)
        finally:
            assert house.stop() == 0


@pytest.fixture(scope="module")
def org(abroad: Abroad) -> Org:
    made = Org(abroad.house, abroad.run("org", "create", "Hosted Dental"))
    made.tokens["admin"] = abroad.run("token", "create", "--org", made.id, "--role", "admin")
    return made


def test_it_serves_from_there_and_makes_no_database_of_its_own(abroad: Abroad, org: Org) -> None:
    """Orgs, tokens, records, search and trail; in the data directory lie keys alone."""
    desk = org.desk()
    sent = {"first_name": "Ana", "last_name": "Hosted", "social_security_number": "900-45-6789"}
    made = desk.made("/patients", sent)
    assert desk.read("/patients/search", q="hos")["items"][0]["id"] == made["id"]
    assert desk.read(f"/patients/{made['id']}", reveal="ssn")["social_security_number"] == "900456789"
    assert desk.read("/audit-events")["data"]
    assert httpx.get(f"{abroad.house.url}/readyz").status_code == 200
    assert abroad.at.sql(f"SELECT count(*) FROM patients WHERE id = '{made['id']}'") == "1"
    assert not (abroad.house.data_dir / "postgres").exists()
    assert (abroad.house.data_dir / "keys.json").exists()


def test_the_server_works_there_as_a_role_that_owns_nothing(abroad: Abroad, org: Org) -> None:
    """Its user owns the tables, so every connection of the server gives that up first."""
    assert org.desk().read("/patients")["total"] >= 0
    done = command("doctor", "--json", data_dir=abroad.house.data_dir, CHAIRSIDE_DATABASE_URL=abroad.at.url)
    shown = json.loads(done.stdout)
    assert {row["check"]: row["says"] for row in shown if not row["good"] and row["check"] != "fsync"} == {}
    assert {row["check"]: row["says"] for row in shown}["server connects as"] == "chairside_app"
    owners = abroad.at.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == USER
    assert abroad.at.sql(f"SELECT rolsuper FROM pg_roles WHERE rolname = '{USER}'") == "f"


def test_the_doctor_sees_that_the_host_could_lose_writes(abroad: Abroad, org: Org) -> None:
    """The tests' host runs without fsync, which no practice's may."""
    done = command("doctor", data_dir=abroad.house.data_dir, CHAIRSIDE_DATABASE_URL=abroad.at.url)
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("FAULT")] == [
        "FAULT fsync: off: a power failure can destroy the database; set fsync = on"
    ]


def test_tenants_are_kept_apart_there_too(abroad: Abroad, org: Org) -> None:
    """Row-level security binds the role that the server works as."""
    other = abroad.run("org", "create", "Neighbour Dental")
    answer = httpx.get(f"{abroad.house.url}/api/v1/{other}/patients", headers=org.desk().headers)
    assert answer.status_code == 404
    role = f"SET ROLE chairside_app; SET app.org = '{other}'; SELECT count(*) FROM patients"
    assert abroad.at.sql(role) == "0"


def test_a_backup_that_would_leave_out_rows_is_refused(abroad: Abroad, org: Org, tmp_path: Path) -> None:
    """The user that owns the tables does not see through row-level security: no file is better than half of one."""
    file = tmp_path / "half.backup"
    said = refused("backup", str(file), data_dir=abroad.house.data_dir, CHAIRSIDE_DATABASE_URL=abroad.at.url)
    assert "row-level security" in said
    assert not file.exists()
    abroad.at.sql(f"ALTER ROLE {USER} BYPASSRLS")
    try:
        abroad.run("backup", str(file))
    finally:
        abroad.at.sql(f"ALTER ROLE {USER} NOBYPASSRLS")
    assert file.stat().st_size > 1000


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"postgresql://{USER}:wrong@127.0.0.1:{{port}}/{DATABASE}", "The database refuses this user and password"),
        (f"postgresql://nobody:x@127.0.0.1:{{port}}/{DATABASE}", "The database refuses this user and password"),
        ("{right}_not", "The database named in CHAIRSIDE_DATABASE_URL does not exist"),
    ],
)
def test_a_wrong_address_is_one_sentence_without_the_password(
    abroad: Abroad, tmp_path: Path, url: str, sentence: str
) -> None:
    """For `serve` as for every command, with exit status 1."""
    address = url.format(port=abroad.at.port, right=abroad.at.url)
    for args in (("serve", "--port", str(free_port())), ("org", "list"), ("doctor",)):
        said = refused(*args, data_dir=tmp_path, CHAIRSIDE_DATABASE_URL=address)
        assert said.startswith(sentence)
        assert PASSWORD not in said


def test_a_user_who_may_not_make_the_role_is_told_what_to_run(abroad: Abroad, tmp_path: Path) -> None:
    """Two statements for the host's administrator, in the message itself."""
    at = abroad.at
    at.sql("CREATE ROLE modest LOGIN PASSWORD 'x'")
    at.sql("CREATE DATABASE modest OWNER modest")
    at.sql("ALTER ROLE chairside_app RENAME TO hidden_app")
    try:
        url = f"postgresql://modest:x@127.0.0.1:{at.port}/modest"
        said = refused("serve", "--port", str(free_port()), data_dir=tmp_path, CHAIRSIDE_DATABASE_URL=url)
    finally:
        at.sql("ALTER ROLE hidden_app RENAME TO chairside_app")
    assert "CREATE ROLE chairside_app NOLOGIN; GRANT chairside_app TO" in said


def test_the_server_goes_on_when_the_database_comes_back(abroad: Abroad, org: Org) -> None:
    """Its connections die; the next requests are answered, or refused for now, and never with 500."""
    desk = org.desk()
    abroad.at.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chairside'")
    statuses = [desk.get("/patients").status_code for _ in range(60)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200
