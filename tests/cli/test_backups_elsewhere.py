"""Backups of a PostgreSQL of one's own restore there and on the embedded one, or are refused before any write."""

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
from tests.house import free_port

_numbers = count(1)


@dataclass
class Place:
    """A database of the host and a data directory for it."""

    at: Hosted
    name: str
    data_dir: Path

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.at.port}/{quote(self.name)}"

    @property
    def superuser(self) -> str:
        return f"postgresql://host@/{quote(self.name)}?host={self.at.folder}&port={self.at.port}"

    def sql(self, statement: str) -> str:
        return self.at.sql(statement, self.name)

    def run(self, *args: str) -> str:
        return answered(*args, data_dir=self.data_dir, CHAIRSIDE_DATABASE_URL=self.url)

    def back_up(self, file: Path, *options: str) -> None:
        answered("backup", str(file), *options, data_dir=self.data_dir, CHAIRSIDE_DATABASE_URL=self.superuser)

    def refuses(self, *args: str) -> str:
        return refused(*args, data_dir=self.data_dir, CHAIRSIDE_DATABASE_URL=self.superuser)


def new_place(at: Hosted, folder: Path, name: str = "", options: str = "") -> Place:
    name = name or f"place_{next(_numbers)}"
    at.sql(f'CREATE DATABASE "{name}" OWNER {USER} {options}', "postgres")
    return Place(at, name, folder / name.replace("/", "_"))


@pytest.fixture(scope="module")
def host() -> Iterator[Hosted]:
    with hosted() as at:
        yield at


@pytest.fixture(scope="module")
def source(host: Hosted, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A database with an org."""
    place = new_place(host, tmp_path_factory.mktemp("source"), "prac/tice 1=é")
    place.run("migrate")
    place.run("org", "create", "Löwe Dental")
    return place


@pytest.fixture(scope="module")
def good(source: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("good") / "all.backup"
    source.back_up(file)
    return file


@pytest.fixture(scope="module")
def embedded_backup(tmp_path_factory: pytest.TempPathFactory, good: Path) -> Path:
    """A backup of an embedded database, which holds what the hosted one did, and names only the embedded roles."""
    folder = tmp_path_factory.mktemp("moved")
    folder.chmod(0o755)
    assert command("restore", str(good), data_dir=folder / "data").returncode == 0
    answered("backup", str(folder / "embedded.backup"), data_dir=folder / "data")
    return folder / "embedded.backup"


def test_a_backup_of_ones_own_database_restores_on_the_embedded_one(source: Place, good: Path, tmp_path: Path) -> None:
    """On every supported release; the doctor finds no fault, and the trail holds."""
    tmp_path.chmod(0o755)
    done = command("restore", str(good), data_dir=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert answered("org", "list", data_dir=tmp_path / "data") == source.run("org", "list")
    answered("doctor", data_dir=tmp_path / "data")
    answered("audit", "verify", data_dir=tmp_path / "data")


@pytest.mark.parametrize("who", ["url", "superuser"])
@pytest.mark.parametrize("kind", ["good", "embedded_backup"])
def test_a_backup_restores_into_an_empty_database_of_ones_own(
    request: pytest.FixtureRequest, host: Hosted, source: Place, tmp_path: Path, kind: str, who: str
) -> None:
    """Of either kind, by either user; the tables belong to the database's owner, so that the server can go on."""
    file: Path = request.getfixturevalue(kind)
    place = new_place(host, tmp_path)
    place.sql("CREATE SCHEMA monitoring; CREATE TABLE monitoring.mine (x int)")
    done = command("restore", str(file), data_dir=place.data_dir, CHAIRSIDE_DATABASE_URL=getattr(place, who))
    assert done.returncode == 0, done.stderr
    assert place.run("org", "list") == source.run("org", "list")
    assert place.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == USER
    found = json.loads(command("doctor", "--json", data_dir=place.data_dir, CHAIRSIDE_DATABASE_URL=place.url).stdout)
    assert {f["check"] for f in found if not f["good"]} == {"fsync"}
    place.run("org", "create", "New Dental")


def test_a_database_whose_restore_was_cut_off_is_not_served(host: Hosted, good: Path, tmp_path: Path) -> None:
    """Even with another data directory, until the restore was run again, which starts the epoch that was missing."""
    place = new_place(host, tmp_path)
    env = {"CHAIRSIDE_DATABASE_URL": place.url}
    assert command("restore", str(good), data_dir=place.data_dir, **env).returncode == 0
    about = "SELECT obj_description('schema_migrations'::regclass)"
    done = place.sql(about)
    digest = done.removeprefix("Restored from the backup ")
    assert digest != done
    place.sql(f"COMMENT ON TABLE schema_migrations IS 'Restoring from the backup {digest}'")
    place.sql("UPDATE orgs SET version_base = 0")
    elsewhere = tmp_path / "elsewhere"
    assert "cut off before its end" in refused("serve", "--port", str(free_port()), data_dir=elsewhere, **env)
    (place.data_dir / "keys.json").unlink(missing_ok=True)
    (place.data_dir / "restore-unfinished.json").write_text(json.dumps({"digest": digest, "files": ["keys.json"]}))
    assert command("restore", str(good), data_dir=place.data_dir, **env).returncode == 0
    assert place.sql(about) == done
    assert int(place.sql("SELECT min(version_base) FROM orgs")) > 0


REFUSALS = [
    ("", "", "cannot see all rows, because row-level security binds it"),
    ("CREATE EXTENSION hstore; ALTER TABLE orgs ADD x hstore", "super", "needs type hstore"),
    (
        "CREATE SCHEMA apart; CREATE TABLE apart.t (x int); CREATE VIEW v AS TABLE apart.t",
        "super",
        "table apart.t",
    ),
    ("DELETE FROM schema_migrations; INSERT INTO schema_migrations VALUES (9000, 'x', 'x')", "super", "upgrade first"),
    ("ALTER SCHEMA public RENAME TO p; ALTER DATABASE {name} SET search_path = p", "super", "RENAME TO public"),
    ("DROP SCHEMA public CASCADE; CREATE SCHEMA public", "super", "is not migrated"),
    ("CREATE TABLE secret (x int); ALTER TABLE secret OWNER TO host", "bypass", "GRANT SELECT ON secret TO"),
]


@pytest.mark.parametrize(("hurt", "who", "sentence"), REFUSALS)
def test_a_backup_that_would_be_incomplete_or_useless_is_refused_before_it_is_written(
    host: Hosted, tmp_path: Path, hurt: str, who: str, sentence: str
) -> None:
    """Rows, extension, other schema, newer release, moved tables, nothing, a closed table; the last one stays."""
    place = new_place(host, tmp_path)
    place.run("migrate")
    place.run("org", "create", "A")
    if hurt:
        place.sql(hurt.format(name=place.name))
    file = tmp_path / "out.backup"
    file.write_text("of yesterday")
    place.sql(f"ALTER ROLE {USER} {'BYPASSRLS' if who == 'bypass' else 'NOBYPASSRLS'}")
    try:
        url = place.superuser if who == "super" else place.url
        said = refused("backup", str(file), data_dir=place.data_dir, CHAIRSIDE_DATABASE_URL=url)
    finally:
        place.sql(f"ALTER ROLE {USER} NOBYPASSRLS")
    assert sentence in said
    assert file.read_text() == "of yesterday"
    assert not list(tmp_path.glob(".chairside-backup-*"))


def test_an_extension_that_nothing_of_ours_needs_is_no_hindrance(host: Hosted, tmp_path: Path) -> None:
    """Hosts put some into every database; what is theirs is neither backed up nor in the way of a restore."""
    tmp_path.chmod(0o755)
    place = new_place(host, tmp_path)
    place.sql("CREATE EXTENSION hstore")
    place.run("migrate")
    place.run("org", "create", "A")
    place.back_up(tmp_path / "out.backup")
    assert command("restore", str(tmp_path / "out.backup"), data_dir=tmp_path / "embedded").returncode == 0
    other = new_place(host, tmp_path)
    other.sql("CREATE EXTENSION hstore")
    other.run("restore", str(tmp_path / "out.backup"))
    assert other.run("org", "list") == place.run("org", "list")


def test_a_role_with_rights_of_its_own_is_made_or_asked_for_before_a_restore(host: Hosted, tmp_path: Path) -> None:
    """Made where the user may make roles; else the statement to run is told, and nothing is touched."""
    tmp_path.chmod(0o755)
    place, file = new_place(host, tmp_path), tmp_path / "out.backup"
    place.run("migrate")
    place.run("org", "create", "A")
    place.sql('CREATE ROLE "Re""porting"; GRANT SELECT ON patients TO "Re""porting"')
    place.back_up(file)
    assert command("restore", str(file), data_dir=tmp_path / "embedded").returncode == 0
    answered("doctor", data_dir=tmp_path / "embedded")
    place.sql('REVOKE ALL ON patients FROM "Re""porting"; DROP ROLE "Re""porting"')
    other = new_place(host, tmp_path)
    place.sql(f"ALTER ROLE {USER} NOCREATEROLE")
    try:
        said = refused("restore", str(file), data_dir=other.data_dir, CHAIRSIDE_DATABASE_URL=other.url)
    finally:
        place.sql(f"ALTER ROLE {USER} CREATEROLE")
    assert 'CREATE ROLE "Re""porting" NOLOGIN' in said
    assert other.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
    assert not other.data_dir.exists()
    other.run("restore", str(file))
    assert other.sql("SELECT rolcanlogin FROM pg_roles WHERE rolname ~ 'porting'") == "f"


@pytest.mark.parametrize(
    ("options", "hurt", "sentence"),
    [
        ("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", "", "ENCODING 'UTF8' TEMPLATE template0"),
        ("", "CREATE TABLE mine (x int)", "can only be restored into an empty database"),
        (
            "",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC, pg_database_owner",
            "may not create tables in the schema",
        ),
    ],
)
def test_a_database_that_could_not_take_the_backup_is_refused_untouched(
    host: Hosted, good: Path, tmp_path: Path, options: str, hurt: str, sentence: str
) -> None:
    """Another encoding, a table of somebody else, no right to create; no data directory is made either."""
    place = new_place(host, tmp_path, options=options)
    if hurt:
        place.sql(hurt)
    said = refused("restore", str(good), data_dir=place.data_dir, CHAIRSIDE_DATABASE_URL=place.url)
    assert sentence in said
    assert not place.data_dir.exists()


def test_a_backup_in_an_encoding_that_converts_is_whole(host: Hosted, tmp_path: Path) -> None:
    """LATIN1 holds what it holds."""
    tmp_path.chmod(0o755)
    place = new_place(host, tmp_path, options="ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    place.run("migrate")
    place.run("org", "create", "Löwe Dental")
    place.back_up(tmp_path / "out.backup")
    assert command("restore", str(tmp_path / "out.backup"), data_dir=tmp_path / "embedded").returncode == 0
    assert "Löwe Dental" in answered("org", "list", data_dir=tmp_path / "embedded")


@pytest.mark.parametrize("hurt", ["lost", "other"])
def test_a_backup_without_the_key_that_opens_it_is_refused(
    host: Hosted, source: Place, tmp_path: Path, hurt: str
) -> None:
    """Missing or of another server: the backup could be restored and never be read."""
    place = new_place(host, tmp_path)
    place.run("migrate")
    place.run("org", "create", "A")
    keys = place.data_dir / "keys.json"
    keys.unlink()
    if hurt == "other":
        keys.touch(0o600)
        keys.write_bytes((source.data_dir / "keys.json").read_bytes())
    said = place.refuses("backup", str(tmp_path / "out"))
    assert ("is missing" if hurt == "lost" else "is not the one this database was used with") in said
    assert not (tmp_path / "out").exists()
    place.back_up(tmp_path / "out", "--no-keys")


def test_a_restore_that_was_cut_off_after_its_commit_ends_well_the_next_time(
    host: Hosted, good: Path, tmp_path: Path
) -> None:
    """The database says which backup it holds; another backup is refused, as the database is not empty."""
    place = new_place(host, tmp_path)
    place.run("restore", str(good))
    (place.data_dir / "keys.json").unlink()
    mark = place.data_dir / "restore-unfinished.json"
    mark.write_text(json.dumps({"digest": "x", "files": ["keys.json"]}))
    assert "half of a restore" in refused("org", "list", data_dir=place.data_dir, CHAIRSIDE_DATABASE_URL=place.url)
    other = tmp_path / "other.backup"
    new = new_place(host, tmp_path)
    new.run("migrate")
    new.run("org", "create", "B")
    new.back_up(other)
    assert "empty database" in refused("restore", str(other), data_dir=place.data_dir, CHAIRSIDE_DATABASE_URL=place.url)
    place.run("restore", str(good))
    assert not mark.exists()
    assert (place.data_dir / "keys.json").exists()
    place.run("org", "list")
