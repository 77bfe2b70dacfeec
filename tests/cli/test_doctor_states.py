"""`chairside doctor` in every state of a PostgreSQL of one's own: no false fault, and each true one with its remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.hands import answered, command, refused
from tests.hosting import PASSWORD, USER, Hosted, hosted

_numbers = count(1)
QUOTED = quote(PASSWORD, safe="")


@dataclass
class Fresh:
    """A new database of the host, with a data directory of its own."""

    at: Hosted
    name: str
    data_dir: Path

    def url(self, user: str = USER, password: str = QUOTED) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.at.port}/{self.name}"

    def sql(self, statement: str) -> str:
        return self.at.sql(statement, self.name)

    def levels(self, url: str | None = None) -> tuple[int, dict[str, tuple[str, str]]]:
        """Exit status, and level and text of every finding but fsync, which the tests' host runs without."""
        done = command("doctor", "--json", data_dir=self.data_dir, CHAIRSIDE_DATABASE_URL=url or self.url())
        assert done.stdout, done.stderr
        return done.returncode, {
            row["check"]: (row["level"], row["says"]) for row in json.loads(done.stdout) if row["check"] != "fsync"
        }

    def faults(self, url: str | None = None) -> dict[str, str]:
        return {name: says for name, (level, says) in self.levels(url)[1].items() if level == "fault"}


@pytest.fixture(scope="module")
def host() -> Iterator[Hosted]:
    with hosted() as at:
        at.sql("CREATE ROLE modest LOGIN PASSWORD 'x'")
        yield at


@pytest.fixture
def fresh(host: Hosted, tmp_path: Path) -> Fresh:
    name = f"state_{next(_numbers)}"
    host.sql(f"CREATE DATABASE {name} OWNER {USER}", "postgres")
    return Fresh(host, name, tmp_path / "data")


@pytest.fixture
def migrated(fresh: Fresh) -> Fresh:
    answered("migrate", data_dir=fresh.data_dir, CHAIRSIDE_DATABASE_URL=fresh.url())
    return fresh


def test_an_empty_database_is_not_migrated_and_nothing_else(fresh: Fresh) -> None:
    """No fault about 0 tables, a missing role, keys or folder: all of them come with the first start."""
    status, found = fresh.levels()
    assert status == 1
    assert fresh.faults() == {"schema": "not migrated: run `chairside migrate`; `chairside serve` does it too"}
    assert "row-level security" not in found
    assert found["role"][0] == "ok"
    assert not fresh.data_dir.exists()


def test_a_user_who_could_not_migrate_is_told_so_before_trying(fresh: Fresh) -> None:
    """The role is missing, and this user may not make it."""
    fresh.at.sql(f"ALTER DATABASE {fresh.name} OWNER TO modest", "postgres")
    fresh.at.sql("DO $$ BEGIN ALTER ROLE chairside_app RENAME TO aside; EXCEPTION WHEN OTHERS THEN END $$")
    try:
        found = fresh.faults(fresh.url("modest", "x"))
    finally:
        fresh.at.sql("DO $$ BEGIN ALTER ROLE aside RENAME TO chairside_app; EXCEPTION WHEN OTHERS THEN END $$")
    assert "CREATE ROLE chairside_app NOLOGIN; GRANT chairside_app TO modest" in found["role"]


def test_a_migrated_database_that_was_never_served_has_no_fault(migrated: Fresh) -> None:
    """Keys and folder come with the first start."""
    status, found = migrated.levels()
    assert migrated.faults() == {}
    assert found["keys"] == ("ok", "none yet; the first `chairside serve` makes them")
    assert found["totals"][1] == "add up to the records of 0 orgs"
    assert status == 1  # the host runs without fsync
    assert found["server connects as"] == ("ok", "chairside_app")


def test_missing_checksums_are_a_warning_with_the_remedy(migrated: Fresh) -> None:
    """Its host decides on them, and many storages have their own. Release 18 switches them on by itself."""
    on = migrated.sql("SHOW data_checksums") == "on"
    level, says = migrated.levels()[1]["data_checksums"]
    assert level == ("ok" if on else "warning")
    assert on or "pg_checksums --enable" in says


def test_a_locale_that_knows_no_letters_beyond_a_to_z_is_a_warning_with_the_remedy(fresh: Fresh) -> None:
    """Notes are searched in any case, which is the locale's to know."""
    assert fresh.levels()[1]["locale"][0] == "ok"
    fresh.at.sql(f"DROP DATABASE {fresh.name}", "postgres")
    fresh.at.sql(f"CREATE DATABASE {fresh.name} OWNER {USER} TEMPLATE template0 LOCALE 'C'", "postgres")
    level, says = fresh.levels()[1]["locale"]
    assert level == "warning"
    assert "C.UTF-8" in says


@pytest.mark.parametrize(
    ("hurt", "check", "says"),
    [
        ("DELETE FROM schema_migrations WHERE number > 3", "schema", "missing: 0004_audit_chain, "),
        ("INSERT INTO schema_migrations VALUES (9000, 'x', 'x')", "schema", "does not know; upgrade first"),
        ("DROP TABLE key_fingerprints CASCADE", "", ""),
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "writes", "default_transaction_read_only"),
        ("ALTER DATABASE {name} SET synchronous_commit = local", "", ""),
        ("ALTER DATABASE {name} SET synchronous_commit = off", "synchronous_commit", "off: a crash loses writes"),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO modest", "", ""),
        ("ALTER TABLE orgs OWNER TO host", "database user", "practice is not the owner of the tables"),
    ],
)
def test_each_state_has_its_own_fault_and_no_other(migrated: Fresh, hurt: str, check: str, says: str) -> None:
    """Half-migrated, of a newer release, read-only, of another owner, or all right."""
    migrated.sql(hurt.format(name=migrated.name))
    found = migrated.faults()
    assert set(found) == ({check} if check else set())
    assert says in found.get(check, "")


def test_a_user_that_only_reads_is_told_whose_address_to_use(migrated: Fresh) -> None:
    """One finding that names the owner, and no traceback of what that user may not see."""
    migrated.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO modest")
    found = migrated.faults(migrated.url("modest", "x"))
    assert set(found) == {"database user"}
    assert f"CHAIRSIDE_DATABASE_URL must name {USER}" in found["database user"]


def test_a_database_in_another_encoding_is_a_fault_with_the_remedy(fresh: Fresh) -> None:
    """Łukasz has no place in LATIN1."""
    fresh.at.sql(f"DROP DATABASE {fresh.name}", "postgres")
    options = "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    fresh.at.sql(f"CREATE DATABASE {fresh.name} OWNER {USER} {options}", "postgres")
    assert "ENCODING 'UTF8' TEMPLATE template0" in fresh.faults()["encoding"]


@pytest.mark.parametrize(
    ("user", "password", "name", "sentence"),
    [
        (USER, "wrong", None, "The database refuses this user and password"),
        ("nobody", "x", None, "The database refuses this user and password"),
        (USER, None, "not_there", "does not exist; make it with CREATE DATABASE"),
    ],
)
@pytest.mark.parametrize("args", [("doctor",), ("org", "list"), ("audit", "verify"), ("migrate",)])
def test_an_address_that_lets_nobody_in_is_one_sentence(
    fresh: Fresh, args: tuple[str, ...], user: str, password: str | None, name: str | None, sentence: str
) -> None:
    """The same for every command."""
    url = fresh.url(user, password) if password else fresh.url(user)
    url = url.replace(fresh.name, name) if name else url
    assert sentence in refused(*args, data_dir=fresh.data_dir, CHAIRSIDE_DATABASE_URL=url)


@pytest.mark.parametrize("args", [("org", "list"), ("audit", "verify"), ("rotate-key",)])
def test_a_command_on_an_empty_database_says_to_migrate(fresh: Fresh, args: tuple[str, ...]) -> None:
    """No table is there that it could look into."""
    said = refused(*args, data_dir=fresh.data_dir, CHAIRSIDE_DATABASE_URL=fresh.url())
    assert said == "The database does not have the schema of this release; run `chairside migrate`."


def test_a_server_with_no_place_left_is_away(migrated: Fresh) -> None:
    """All of a user's connections are taken: a sentence, not a traceback."""
    migrated.at.sql(f"ALTER ROLE {USER} CONNECTION LIMIT 0")
    try:
        said = refused("org", "list", data_dir=migrated.data_dir, CHAIRSIDE_DATABASE_URL=migrated.url())
    finally:
        migrated.at.sql(f"ALTER ROLE {USER} CONNECTION LIMIT -1")
    assert said.startswith("The database cannot be reached: too many connections")


@pytest.mark.parametrize(
    ("address", "level", "says"),
    [
        ("127.0.0.1", "ok", "on 127.0.0.1:9400, for this machine only"),
        ("::1", "ok", "on ::1:9400, for this machine only"),
        ("localhost", "ok", "on localhost:9400, for this machine only"),
        ("::", "warning", "on :::9400 without a token; see to it that only your monitoring reaches it"),
        ("10.0.0.5", "warning", "on 10.0.0.5:9400 without a token; see to it that only your monitoring reaches it"),
    ],
)
def test_metrics_that_other_machines_reach_are_a_risk(migrated: Fresh, address: str, level: str, says: str) -> None:
    """A warning names the address, and is no fault."""
    env = {"CHAIRSIDE_METRICS_HOST": address, "CHAIRSIDE_METRICS_PORT": "9400"}
    done = command("doctor", "--json", data_dir=migrated.data_dir, CHAIRSIDE_DATABASE_URL=migrated.url(), **env)
    found = json.loads(done.stdout)
    assert [(row["level"], row["says"]) for row in found if row["check"] == "metrics"] == [(level, says)]


def test_metrics_that_are_not_served_are_no_risk(migrated: Fresh) -> None:
    """The finding names the setting."""
    assert migrated.levels()[1]["metrics"] == ("ok", "not served; CHAIRSIDE_METRICS_PORT sets a port for them")
