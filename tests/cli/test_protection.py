"""A restore reaches any moment of the archive, and an archive that fails is told and stops no write."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyrage  # type: ignore[import-untyped]
import pytest

from chairside.cli import rehearsal
from chairside.cli.point_in_time import joined
from chairside.embedded import attached, endpoint
from chairside.embedded.contents import packed, unpacked
from chairside.embedded.encryption import Secret
from tests.cli.hands import answered, command, refused
from tests.database import connected
from tests.embedded.hands import ask, quiet
from tests.house import Client, House, Org, free_port, prepare, wait_for

SSN = "900-45-6789"


class Archived:
    """A server that is archived each second, and its archive."""

    def __init__(self, folder: Path, *, prepared: bool = True, **env: str) -> None:
        self.folder, self.archive = folder, folder / "archive"
        self.archive.mkdir()
        self.env = {"CHAIRSIDE_ARCHIVE_DIR": str(self.archive), "CHAIRSIDE_ARCHIVE_SECONDS": "1"} | env
        self.house = House(folder / "data", free_port())
        self.prepared = prepared

    @contextmanager
    def serving(self) -> Iterator[Client]:
        if self.prepared and not self.house.data_dir.exists():
            prepare(self.house.data_dir)
        self.house.start(workers=1, **self.env)
        try:
            org = Org(self.house, self.house.run("org", "list", "--json") and self._org())
            yield org.desk()
        finally:
            self.house.end()

    def _org(self) -> str:
        listed = json.loads(self.house.run("org", "list", "--json"))
        return str(listed[0]["id"]) if listed else self.house.run("org", "create", "Archived Dental")

    def status(self) -> dict[str, object]:
        try:
            found: dict[str, object] = json.loads((self.house.data_dir / "archive-status.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def has_base(self) -> bool:
        return bool(self.status().get("base_at"))

    def settled(self) -> None:
        """Wait until whatever was written by now is archived."""
        at = endpoint(self.house.data_dir)
        name = ask(at, "SELECT pg_walfile_name(pg_current_wal_lsn())")
        ask(at, "SELECT pg_switch_wal()")
        wait_for((self.archive / "wal" / name).exists)

    def check(self) -> str:
        """The doctor's line on the archive."""
        shown = command("doctor", data_dir=self.house.data_dir, **self.env).stdout
        return next(line for line in shown.splitlines() if " archive: " in line)


def restored(data_dir: Path, *options: str) -> set[str]:
    """Restore, and the last names of the patients that are there."""
    answered("restore", *options, data_dir=data_dir)
    house = House(data_dir, free_port())
    house.start(workers=1)
    try:
        org = json.loads(house.run("org", "list", "--json"))[0]["id"]
        desk = Org(house, org).desk()
        assert command("doctor", data_dir=data_dir).returncode == 0
        listed = desk.read("/patients", page_size=200)["items"]
        for one in listed:
            if one["last_name"] != "Written":
                shown = desk.read(f"/patients/{one['id']}", reveal="ssn")
                assert shown["social_security_number"] == SSN.replace("-", "")
        return {one["last_name"] for one in listed} - {"Written"}
    finally:
        house.end()


def register(desk: Client, name: str) -> None:
    desk.made("/patients", {"first_name": "Ana", "last_name": name, "social_security_number": SSN})


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Archived, Client]]:
    """A running archived server with its first base backup, which makes its database itself."""
    archived = Archived(tmp_path_factory.mktemp("archived"), prepared=False)
    with archived.serving() as desk:
        wait_for(archived.has_base)
        yield archived, desk


def test_a_restore_gives_back_the_moment_that_was_asked_for(kept: tuple[Archived, Client], tmp_path: Path) -> None:
    """Everything until then and nothing after it; the latest has both; keys open what was sealed."""
    archived, desk = kept
    register(desk, "Before")
    wait_a_moment()
    between = datetime.now(UTC)
    wait_a_moment()
    register(desk, "After")
    archived.settled()
    place = ("--archive", str(archived.archive))
    then = restored(tmp_path / "then", "--at", between.isoformat(), *place)
    assert "Before" in then
    assert "After" not in then
    assert {"Before", "After"} <= restored(tmp_path / "latest", "--at", "latest", *place)


def wait_a_moment() -> None:
    """Until the clock, by which commits are told apart, has gone on."""
    began = datetime.now(UTC)
    wait_for(lambda: datetime.now(UTC) > began + timedelta(milliseconds=50))


def test_a_moment_beyond_the_archive_is_refused_and_leaves_nothing(
    kept: tuple[Archived, Client], tmp_path: Path
) -> None:
    """Before the first base backup, after the last transaction, and in an unknown time zone."""
    archived, _ = kept
    place = ("--archive", str(archived.archive))
    data_dir = tmp_path / "never"
    assert "reaches back to" in refused("restore", "--at", "2020-01-01T00:00:00Z", *place, data_dir=data_dir)
    assert "not a time with its zone" in refused("restore", "--at", "2026-01-01T00:00:00", *place, data_dir=data_dir)
    assert not data_dir.exists()
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    done = command("restore", "--at", later, *place, data_dir=data_dir)
    assert done.returncode == 1
    assert re.search(r"its last transaction is of \d{4}-.*Use --at latest", done.stderr), done.stderr
    assert not (data_dir / "postgres").exists()
    assert not (data_dir / "keys.json").exists()


def test_a_rehearsal_compares_the_archive_with_the_server(
    kept: tuple[Archived, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good one says how new it is; one that lacks log finds what would be lost; neither leaves a copy."""
    archived, desk = kept
    monkeypatch.setattr(rehearsal, "_LONGEST_WRITE", timedelta(0))
    register(desk, "Rehearsed")
    written = datetime.now(UTC)
    archived.settled()
    # Records of the last two archive periods are not compared, because their log may be on its way.
    wait_for(lambda: datetime.now(UTC) > written + timedelta(seconds=2))
    done = command("backup", "verify", "--json", data_dir=archived.house.data_dir, **archived.env)
    found = {row["check"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert re.search(r"UTC, \d+ s ago", found["newest restorable moment"]["says"])
    assert found["records"]["good"]
    assert found["audit trail"]["good"]
    poor = tmp_path / "poor"
    copied(archived.archive, poor)
    base = json.loads((poor / "bases/list.json").read_text())["bases"][0]
    for path in (poor / "wal").iterdir():
        if path.name > base["last"]:
            path.unlink()
    done = command("backup", "verify", "--archive", str(poor), data_dir=archived.house.data_dir, **archived.env)
    assert done.returncode == 1
    assert "FAULT records: " in done.stdout
    assert "patients of org" in done.stdout
    assert not list(archived.house.data_dir.glob("rehearsal-*"))


def test_a_damaged_or_incomplete_archive_is_refused(kept: tuple[Archived, Client], tmp_path: Path) -> None:
    """A changed byte of the base backup, a changed file of the log, and a missing one that the base backup needs."""
    archived, _ = kept
    listed = json.loads((archived.archive / "bases/list.json").read_text())["bases"]
    base = listed[-1]
    for name, change, says in (
        (f"bases/{base['name']}", "flip", "is damaged"),
        (f"wal/{base['last']}", "flip", "is damaged"),
        (f"wal/{base['last']}", "lose", "lacks"),
    ):
        poor = tmp_path / f"{change}-{says[-4:]}-{name.partition('/')[0]}"
        copied(archived.archive, poor)
        path = poor / name
        whole = bytearray(
            path.read_bytes() if name.startswith("bases") else unpacked(path.read_bytes(), Secret(), name)
        )
        whole[len(whole) // 2] ^= 1
        if change == "flip":
            path.write_bytes(whole if name.startswith("bases") else packed(bytes(whole), []))
        else:
            path.unlink()
        done = command("restore", "--at", "latest", "--archive", str(poor), data_dir=tmp_path / "never")
        assert done.returncode == 1, (name, change, done.stderr)
        assert says in done.stderr, done.stderr
        assert not (tmp_path / "never" / "postgres").exists()


def test_an_archive_that_is_gone_stops_no_write_and_is_told(kept: tuple[Archived, Client]) -> None:
    """In the doctor, the metrics and the log, until it is there again; then all that waited is archived."""
    archived, desk = kept
    away = archived.archive.with_name("away")
    archived.archive.rename(away)
    try:
        wait_for(lambda: _written(desk) and archived.status().get("fault"))
        assert "archive_failing 1.0" in httpx.get(archived.house.metrics).text
        assert archived.check().startswith("FAULT archive: failing since ")
        assert "is not there" in archived.check()
        archived.archive.mkdir()  # a mount point without its file system
        wait_for(lambda: _written(desk) and "was not before" in str(archived.status().get("fault")))
        archived.archive.rmdir()
    finally:
        away.rename(archived.archive)
    wait_for(lambda: _written(desk) and not archived.status()["fault"] and not archived.status()["waiting"])
    assert archived.check().startswith("ok")
    assert "archive_failing 0.0" in httpx.get(archived.house.metrics).text
    assert "Nothing is archived: " in archived.house.log()


def copied(archive: Path, to: Path) -> None:
    """A copy, without what the archiver is just writing."""
    shutil.copytree(archive, to, ignore=shutil.ignore_patterns(".unfinished-*"))


def _written(desk: Client) -> bool:
    return desk.post("/patients", json={"first_name": "While", "last_name": "Written"}).status_code == 201


def test_an_archiver_that_is_killed_is_started_again(kept: tuple[Archived, Client]) -> None:
    """And goes on where it was."""
    archived, _ = kept
    pid = _archiver(archived)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: _archiver(archived) not in (0, pid))
    archived.settled()


def _archiver(archived: Archived) -> int:
    wanted = str(archived.house.data_dir).encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"archiver" in words and wanted in words:
            return int(path.parent.name)
    return 0


def test_another_server_cannot_write_into_an_archive(kept: tuple[Archived, Client], tmp_path: Path) -> None:
    """Also one that was restored from it: its log is another one from some moment on."""
    archived, _ = kept
    copy = Archived(tmp_path)
    copy.env["CHAIRSIDE_ARCHIVE_DIR"] = str(archived.archive)
    answered("restore", "--at", "latest", "--archive", str(archived.archive), data_dir=copy.house.data_dir)
    before = {path.name for path in (archived.archive / "wal").iterdir() if path.name.startswith("00000002")}
    with copy.serving():
        wait_for(lambda: copy.status().get("fault"))
        assert "belongs to another data directory" in copy.check()
    assert before == {path.name for path in (archived.archive / "wal").iterdir() if path.name.startswith("00000002")}


def test_an_encrypted_archive_opens_to_its_key_only(tmp_path: Path) -> None:
    """Neither log nor base backup shows a name; each file is one that age itself opens."""
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "age.key").write_text(f"{key}\n")
    archived = Archived(tmp_path, CHAIRSIDE_ARCHIVE_ENCRYPT_TO=str(key.to_public()))
    with archived.serving() as desk:
        register(desk, "Sealed")
        wait_for(archived.has_base)
        register(desk, "Hidden")
        archived.settled()
    for path in (p for folder in ("wal", "files") for p in (archived.archive / folder).iterdir()):
        if path.suffix != ".sha256":
            assert pyrage.decrypt(path.read_bytes(), [key])[:2] == b"\x1f\x8b"
    for path in (archived.archive / "bases").glob("*.backup"):
        assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    place = ("--at", "latest", "--archive", str(archived.archive))
    assert "--identity" in refused_at_last("restore", *place, data_dir=tmp_path / "closed")
    assert {"Sealed", "Hidden"} == restored(tmp_path / "open", *place, "--identity", str(tmp_path / "age.key"))


def refused_at_last(*args: str, data_dir: Path) -> str:
    """The last line of a command that must fail after it has begun."""
    done = command(*args, data_dir=data_dir)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_an_archive_behind_commands_keeps_and_gives_back(tmp_path: Path) -> None:
    """A command that fails is told with its last words; what waited is archived once it works."""
    store = tmp_path / "bucket"
    put = f"test ! -e {tmp_path}/closed || {{ echo the bucket is closed >&2; exit 3; }}"
    put += f"; mkdir -p {store}/$(dirname %f) && cp %p {store}/%f"
    archived = Archived(tmp_path, CHAIRSIDE_ARCHIVE_COMMAND=put, CHAIRSIDE_ARCHIVE_FETCH=f"cp {store}/%f %p")
    del archived.env["CHAIRSIDE_ARCHIVE_DIR"]
    archived.archive = store
    with archived.serving() as desk:
        wait_for(archived.has_base)
        (tmp_path / "closed").touch()
        wait_for(lambda: _written(desk) and archived.status().get("fault"))
        assert "failed with status 3" in archived.check()
        assert "the bucket is closed" in archived.check()
        (tmp_path / "closed").unlink()
        register(desk, "Stored")
        archived.settled()
    answered("restore", "--at", "latest", data_dir=tmp_path / "back", **archived.env)
    assert (tmp_path / "back" / "keys.json").read_bytes()
    assert not list((archived.house.data_dir / "archive-scratch").glob("*"))


def test_a_command_without_the_settings_leaves_no_gap(tmp_path: Path) -> None:
    """A management command, while no server runs, knows nothing of the archive; its writes get there all the same."""
    archived = Archived(tmp_path)
    with archived.serving():
        wait_for(archived.has_base)
    for number in range(3):
        answered("org", "create", f"Quiet {number}", data_dir=archived.house.data_dir)
        with attached(archived.house.data_dir, progress=quiet) as at:  # its log is recycled unless it waits
            for statement in ("SELECT pg_switch_wal()", "CHECKPOINT", "CHECKPOINT"):
                ask(at, statement)
    assert "wait" in archived.check() or archived.check().startswith("ok")
    with archived.serving():
        wait_for(lambda: archived.status()["waiting"] == 0)
    answered("restore", "--at", "latest", "--archive", str(archived.archive), data_dir=tmp_path / "new")
    names = {row["name"] for row in json.loads(answered("org", "list", "--json", data_dir=tmp_path / "new"))}
    assert {"Quiet 0", "Quiet 1", "Quiet 2"} <= names


def test_an_interval_without_archive_makes_a_base_backup_due(tmp_path: Path) -> None:
    """The log of a server that ran without is missing, so nothing after it could be restored from the base before."""
    archived = Archived(tmp_path)
    with archived.serving():
        wait_for(archived.has_base)
    archived.house.start(workers=1)
    archived.house.end()
    with archived.serving():
        wait_for(lambda: len(list((archived.archive / "bases").glob("*.backup"))) == 2 and archived.has_base())


def test_a_key_file_of_a_rotation_is_restored_whole() -> None:
    """The base backup holds the old key, a later file the new one; values may be sealed with either."""

    def file(*ids: str) -> dict[str, bytes]:
        return {"keys.json": json.dumps({"keys": [{"id": i, "key": i} for i in ids], "audit": {"key": "a"}}).encode()}

    whole = json.loads(joined([file("k1"), file("k2", "k1"), file("k2"), file("k3")])["keys.json"])
    assert [key["id"] for key in whole["keys"]] == ["k3", "k2", "k1"]
    assert whole["audit"] == {"key": "a"}


def test_a_rotated_key_comes_back_with_the_values_sealed_by_it(tmp_path: Path) -> None:
    """A restore to after a rotation has the new key only, one to before it the old one."""
    archived = Archived(tmp_path)
    with archived.serving() as desk:
        register(desk, "Rotated")
        wait_for(archived.has_base)
        before = datetime.now(UTC)
        archived.house.run("rotate-key")
        archived.settled()
    place = ("--archive", str(archived.archive))
    assert restored(tmp_path / "before", "--at", before.isoformat(), *place) == {"Rotated"}
    assert restored(tmp_path / "latest", "--at", "latest", *place) == {"Rotated"}
    ids = [
        [key["id"] for key in json.loads((tmp_path / name / "keys.json").read_text())["keys"]]
        for name in ("before", "latest")
    ]
    assert ids == [["k1"], ["k2"]]


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"CHAIRSIDE_ARCHIVE_DIR": "/a", "CHAIRSIDE_ARCHIVE_COMMAND": "true"}, "not both"),
        ({"CHAIRSIDE_ARCHIVE_COMMAND": "true"}, "needs CHAIRSIDE_ARCHIVE_FETCH"),
        ({"CHAIRSIDE_ARCHIVE_DIR": "{data}/archive"}, "lies in the data directory"),
        ({"CHAIRSIDE_ARCHIVE_DIR": "/a", "CHAIRSIDE_ARCHIVE_ENCRYPT_TO": "sesame"}, "must be age recipients"),
        ({"CHAIRSIDE_ARCHIVE_DIR": "/a", "CHAIRSIDE_DATABASE_URL": "postgresql://a@b/c"}, "for the embedded database"),
    ],
)
def test_settings_that_could_not_work_are_refused_at_the_start(env: dict[str, str], says: str, tmp_path: Path) -> None:
    """Before anything is written that could not be restored."""
    data = tmp_path / "data"
    env = {name: value.format(data=data) for name, value in env.items()}
    done = command("serve", "--port", str(free_port()), data_dir=data, **env)
    assert done.returncode == 1
    assert says in done.stderr
    assert "sesame" not in done.stderr


async def test_the_database_waits_for_its_archive(kept: tuple[Archived, Client]) -> None:
    """Its own archiver hands over each file and keeps it until then, so recycling can never be too early."""
    archived, _ = kept
    async with connected(archived.house.data_dir, "superuser") as connection:
        row = await connection.fetchrow(
            "SELECT archived_count, current_setting('archive_mode') AS mode FROM pg_stat_archiver"
        )
    assert row is not None
    assert row["mode"] == "on"
    assert row["archived_count"] > 0
