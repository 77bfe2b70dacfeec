"""A backup gives back every record and file, or is refused before anything is touched."""

import random
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chairside.embedded import (
    EmbeddedError,
    Endpoint,
    Server,
    read_backup,
    start,
    tool_environment,
    write_backup,
)
from tests.embedded.hands import ask, psql, quiet

KEY, ABOUT = bytes(range(256)), {"made by": "the tests", "at": "2026-01-01T00:00:00Z"}

TABLES = """
CREATE TABLE orgs (id uuid PRIMARY KEY);
CREATE TABLE patients (
    org_id uuid NOT NULL REFERENCES orgs, id uuid NOT NULL, name text NOT NULL, data jsonb,
    PRIMARY KEY (org_id, id), CONSTRAINT patients_name_check CHECK (name <> '')
);
ALTER TABLE patients ENABLE ROW LEVEL SECURITY;
ALTER TABLE patients FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON patients USING (org_id = current_setting('app.org')::uuid);
GRANT SELECT, INSERT ON patients TO chairside_app;
INSERT INTO orgs SELECT gen_random_uuid() FROM generate_series(1, 5);
"""
ROWS = """
INSERT INTO patients
SELECT id, gen_random_uuid(), 'Zoë \t"O''Neill" 歯 ' || n, jsonb_build_object('n', n, 'r', gen_random_uuid())
FROM orgs, generate_series(1, 2000) n;
"""
FINGERPRINT = "SELECT count(*), md5(string_agg(p::text, '|' ORDER BY org_id, id)) FROM patients p"


@pytest.fixture(scope="module")
def source(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with tenants' rows behind forced row-level security."""
    data = tmp_path_factory.mktemp("source") / "data"
    shutil.copytree(complete, data)
    with start(data, progress=quiet) as server:
        ask(server.endpoint, TABLES, role=server.endpoint.owner)
        ask(server.endpoint, ROWS)
        yield server


@pytest.fixture(scope="module")
def good(source: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    out = tmp_path_factory.mktemp("backup") / "practice.backup"
    write_backup(source.endpoint, out, files=lambda: {"records.key": KEY, "empty": b""}, about=ABOUT)
    return out


@pytest.fixture
def empty(data: Path) -> Iterator[Endpoint]:
    """An empty server elsewhere."""
    with start(data, progress=quiet) as server:
        yield server.endpoint


def test_a_restore_elsewhere_gives_back_every_row_right_and_file(source: Server, good: Path, empty: Endpoint) -> None:
    """Rows of every tenant, owners, policies, grants and constraints; and the files to the byte."""
    backup = read_backup(good)
    assert (backup.files, backup.about) == ({"records.key": KEY, "empty": b""}, ABOUT)
    backup.restore_into(empty, owner=empty.owner)
    assert ask(empty, FINGERPRINT) == ask(source.endpoint, FINGERPRINT)
    assert ask(empty, FINGERPRINT).startswith("10000|")
    for catalog in (
        "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        "SELECT relrowsecurity, relforcerowsecurity, relacl FROM pg_class WHERE relname = 'patients'",
        "SELECT * FROM pg_policies",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1",
    ):
        assert ask(empty, catalog) == ask(source.endpoint, catalog)
    org = ask(empty, "SELECT id FROM orgs LIMIT 1")
    seen = f"SET app.org = '{org}'; SELECT count(*) FROM patients"
    assert ask(empty, seen, role=empty.app) == "2000"


def test_a_backup_can_be_checked_and_opened_without_chairside(good: Path) -> None:
    """A practice must get at its data with tar, sha256sum and PostgreSQL alone."""
    check = "test $(head -c -2048 $0 | sha256sum | cut -c1-64) = $(tar -xOf $0 SHA256)"
    subprocess.run(["/bin/sh", "-c", check, good.name], check=True, cwd=good.parent)
    with tarfile.open(good) as tar:
        names = ["database.dump", "files/records.key", "files/empty", "manifest.json", "SHA256"]
        assert tar.getnames() == names
        dump = tar.extractfile("database.dump")
        assert dump
        assert dump.read(5) == b"PGDMP"


def test_a_backup_is_for_its_owner_alone_and_leaves_nothing_beside_it(good: Path) -> None:
    """It holds every record and the key to read them."""
    assert stat.S_IMODE(good.stat().st_mode) == 0o600
    assert [path.name for path in good.parent.iterdir()] == [good.name]


def test_a_new_backup_takes_the_place_of_the_last(source: Server, tmp_path: Path) -> None:
    """For a nightly job that always writes to the same name."""
    out = tmp_path / "practice.backup"
    out.write_text("of yesterday")
    write_backup(source.endpoint, out, files=dict, about=ABOUT)
    assert read_backup(out).about == ABOUT


def test_a_change_of_any_byte_is_refused(good: Path, tmp_path: Path) -> None:
    """One bit, at 60 places and at both ends of each part: contents, headers, padding and the end."""
    whole = good.read_bytes()
    places = random.Random(20_260_101).sample(range(len(whole)), 60)
    with tarfile.open(good) as tar:
        for entry in tar:
            places += [entry.offset, entry.offset + 511, entry.offset_data, entry.offset_data + entry.size]
    copy = tmp_path / "copy"
    for place in [*places, len(whole) - 1]:
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        copy.write_bytes(changed)
        with pytest.raises(EmbeddedError, match=r"^The backup .* is damaged: "):
            read_backup(copy)
    copy.write_bytes(whole)
    assert read_backup(copy).about == ABOUT


def test_a_truncated_or_lengthened_or_foreign_file_is_refused(good: Path, tmp_path: Path) -> None:
    """Also an empty one, another tar, and one whose parts were swapped by a well-meaning hand."""
    whole = good.read_bytes()
    copy = tmp_path / "copy"
    for length in (0, 1, 511, 512, 2047, 2048, 2049, len(whole) // 2, len(whole) - 512, len(whole) - 1):
        copy.write_bytes(whole[:length])
        with pytest.raises(EmbeddedError, match="is damaged: "):
            read_backup(copy)
    for changed in (whole + bytes(512), bytes(512) + whole, whole + whole, bytes(len(whole)), whole[::-1]):
        copy.write_bytes(changed)
        with pytest.raises(EmbeddedError, match="is damaged: "):
            read_backup(copy)
    with tarfile.open(copy, "w") as tar:
        tar.add(good, arcname="database.dump")
    with pytest.raises(EmbeddedError, match="is damaged: "):
        read_backup(copy)
    with pytest.raises(EmbeddedError, match=r"cannot be read: No such file or directory\.$"):
        read_backup(tmp_path / "nothing")


def test_a_database_that_holds_something_is_not_restored_into(good: Path, empty: Endpoint) -> None:
    """What is there stays as it was."""
    ask(empty, "CREATE TABLE mine AS SELECT 1 AS n")
    with pytest.raises(EmbeddedError, match="can only be restored into an empty database"):
        read_backup(good).restore_into(empty, owner=empty.owner)
    assert ask(empty, "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'") == "mine"


@pytest.mark.parametrize("role", ["chairside_owner", "chairside_app"])
def test_a_restore_that_fails_leaves_nothing_and_quotes_no_row(good: Path, empty: Endpoint, role: str) -> None:
    """Here a role is missing, noticed before the rows are read or after; the tables made are gone again."""
    ask(empty, f"ALTER ROLE {role} RENAME TO another")
    with pytest.raises(EmbeddedError, match=rf'psql failed: role "{role}" does not exist') as failed:
        read_backup(good).restore_into(empty, owner=empty.owner)
    assert "Neill" not in str(failed.value)
    assert ask(empty, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


def test_a_failed_backup_leaves_the_last_one_as_it_was(source: Server, good: Path, tmp_path: Path) -> None:
    """A role that row-level security binds cannot make one that lacks what is hidden from it."""
    out = tmp_path / "practice.backup"
    shutil.copy(good, out)
    at = source.endpoint
    url = f"postgresql://{at.owner}@/{at.database}?host={at.host}&port={at.port}"
    with pytest.raises(EmbeddedError, match="row-level security"):
        write_backup(url, out, files=dict, about={})
    assert out.read_bytes() == good.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["practice.backup"]


def test_a_database_named_by_an_address_is_backed_up_and_restored(
    source: Server, empty: Endpoint, tmp_path: Path
) -> None:
    """For a PostgreSQL of one's own."""

    def address(at: Endpoint) -> str:
        return f"postgresql://{at.superuser}:p%40ss@/{at.database}?host={at.host}&port={at.port}"

    write_backup(address(source.endpoint), tmp_path / "out", files=dict, about={})
    read_backup(tmp_path / "out").restore_into(address(empty))
    assert ask(empty, FINGERPRINT) == ask(source.endpoint, FINGERPRINT)


def test_a_password_is_not_shown_to_the_machines_other_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Arguments can be read by all; a program that records its own stands in for pg_dump."""
    stand_in = tmp_path / "pg_dump"
    stand_in.write_text('#!/bin/sh\necho "$@ / $PGPASSWORD"\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr("chairside.embedded.clients.tool", lambda _: stand_in)
    for given in ("u:s%2Fcret@h:1/d?sslmode=require", "u@h:1/d?password=s%2Fcret&sslmode=require"):
        write_backup(f"postgresql://{given}", tmp_path / "out", files=dict, about={})
        with tarfile.open(tmp_path / "out") as tar:
            dump = tar.extractfile("database.dump")
            assert dump
            arguments, _, password = dump.read().decode().partition(" / ")
        assert "postgresql://u@h:1/d?sslmode=require" in arguments
        assert "cret" not in arguments
        assert password.strip() == "s/cret"
    with pytest.raises(EmbeddedError, match="begins with postgresql://"):
        write_backup("dbname=d password=secret", tmp_path / "out", files=dict, about={})


@pytest.mark.parametrize("where", ["missing/out", "/proc/out", "/dev/full/out", "."])
def test_a_place_that_cannot_be_written_is_told(source: Server, tmp_path: Path, where: str) -> None:
    """And nothing is left there."""
    with pytest.raises(EmbeddedError, match=r"^The backup .* cannot be written: .*\.$"):
        write_backup(source.endpoint, tmp_path / where, files=dict, about={})
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    """With the reason, and without a file."""
    with pytest.raises(EmbeddedError, match="pg_dump failed: "):
        write_backup(f"postgresql:///d?host={tmp_path}", tmp_path / "out", files=dict, about={})
    assert list(tmp_path.iterdir()) == []


def test_rows_written_during_a_backup_do_not_tear_it(source: Server, empty: Endpoint, tmp_path: Path) -> None:
    """The dump is one moment of the database: an org is in it with all its patients or not at all."""
    at = source.endpoint
    both = """
    DO $$ DECLARE org uuid; BEGIN FOR i IN 1..400 LOOP
        org := gen_random_uuid();
        INSERT INTO orgs VALUES (org);
        INSERT INTO patients SELECT org, gen_random_uuid(), 'x' FROM generate_series(1, 7);
        COMMIT;
    END LOOP; END $$
    """
    writer = subprocess.Popen(psql(at, at.superuser, both), env=tool_environment())
    write_backup(at, tmp_path / "out", files=dict, about={})
    assert writer.wait() == 0
    read_backup(tmp_path / "out").restore_into(empty)
    torn = "SELECT count(*) FROM (SELECT FROM orgs LEFT JOIN patients ON org_id = orgs.id GROUP BY orgs.id"
    assert ask(empty, torn + " HAVING count(patients.id) NOT IN (7, 2000)) t") == "0"
    ask(at, "DELETE FROM patients WHERE name = 'x'; DELETE FROM orgs WHERE id NOT IN (SELECT org_id FROM patients)")
