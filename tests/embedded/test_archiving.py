"""An archive takes every file once, keeps what a kept base backup needs, and never costs the database its disk."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from chairside.embedded import Server, archiver, start, wal
from chairside.embedded.archiver import Archiver, Schedule
from chairside.embedded.bases import Archive, Base, needed, read_listed
from chairside.embedded.contents import packed, unpacked
from chairside.embedded.encryption import Secret
from chairside.embedded.recovery import Source, lay_down, recovering
from chairside.embedded.storage import OWNER, ArchiveFault, Directory, digest_of
from chairside.embedded.wal import Segment
from tests.embedded.hands import ask, quiet
from tests.house import wait_for

DAY = timedelta(days=1)


@pytest.fixture
def storage(tmp_path: Path) -> Directory:
    (tmp_path / "archive").mkdir()
    return Directory(tmp_path / "archive")


def put(storage: Directory, name: str, content: bytes) -> None:
    if storage.claim(name, digest_of(content)):
        with storage.writing(name) as file:
            file.write(packed(content, []))


def test_a_file_is_taken_once_and_never_replaced(storage: Directory) -> None:
    """The same again is well, another content of the same name is refused, and the first one stays."""
    with storage.writing(OWNER) as file:
        file.write(b"{}")
    put(storage, "wal/000000010000000000000001", b"one")
    put(storage, "wal/000000010000000000000001", b"one")
    with pytest.raises(ArchiveFault, match="with another content"):
        put(storage, "wal/000000010000000000000001", b"two")
    with storage.writing("wal/000000010000000000000001") as file:
        file.write(b"behind the claim")
    with storage.reading("wal/000000010000000000000001") as path:
        assert unpacked(path.read_bytes(), Secret(), "") == b"one"


def test_a_file_system_without_hard_links_will_do(storage: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as sshfs and some of SMB; a name that is taken stays even so."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("chairside.embedded.storage.os.link", refused)
    test_a_file_is_taken_once_and_never_replaced(storage)


def test_a_file_that_was_cut_off_leaves_no_name(storage: Directory) -> None:
    """A claim stays, so that the next try goes on; a full disk is one such end."""
    with storage.writing(OWNER) as file:
        file.write(b"{}")
    name, content = "wal/000000010000000000000001", b"one"

    def cut_off() -> None:
        assert storage.claim(name, digest_of(content))
        with storage.writing(name) as file:
            file.write(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(ArchiveFault, match="No space left on device"):
        cut_off()
    assert storage.names("wal") == ["000000010000000000000001.sha256"]
    put(storage, name, content)
    with storage.reading(name) as path:
        assert unpacked(path.read_bytes(), Secret(), "") == content


def test_nothing_is_written_below_a_mount_point_without_its_file_system(storage: Directory) -> None:
    """Its own mark is missing then."""
    with pytest.raises(ArchiveFault, match="mount its file system"):
        put(storage, "wal/000000010000000000000001", b"one")


def test_segments_follow_one_another() -> None:
    """The last of 4 GiB is followed by the first of the next."""
    last = Segment.named("0000000100000000000000FF")
    assert (last + 1).name == "000000010000000100000000"
    assert last.on(2).name == "0000000200000000000000FF"
    assert Segment.named("000000020000000000000001") < Segment.named("000000010000000000000002")


@pytest.mark.parametrize(
    ("ages", "kept"),
    [((20, 16, 13, 1), (16, 13, 1)), ((20, 16), (16,)), ((3, 2), (3, 2)), ((14, 13), (14, 13)), ((), ())],
)
def test_base_backups_are_kept_as_long_as_a_restore_may_need_them(ages: tuple[int, ...], kept: tuple[int, ...]) -> None:
    """Those of the last 14 days, and one before, which leads to the first of these days; never none."""
    today = datetime(2026, 3, 1, tzinfo=UTC)
    times = [(today - age * DAY).isoformat() for age in ages]
    bases = [Base(f"{time}.backup", time, time, "", "") for time in times]
    assert [(today - base.ended_at).days for base in needed(bases, 14 * DAY, today)] == list(kept)


class Running(NamedTuple):
    server: Server
    archiver: Archiver
    archive: Archive


@contextmanager
def archived(data: Path, storage: Directory, schedule: Schedule) -> Iterator[Running]:
    wal.keep(data, str(storage))
    archive = Archive(storage, data)
    running = Archiver(archive, schedule, lambda: {"keys.json": b'{"keys": []}'}, made_by="tests", say=quiet)
    thread = threading.Thread(target=running.run)
    with start(data, progress=quiet, more=lambda: wal.settings(60)) as server:
        thread.start()
        try:
            yield Running(server, running, archive)
        finally:
            server.stop()
            running.stop()
            thread.join(60)
            assert not thread.is_alive()


def status(data: Path) -> dict[str, object]:
    return wal.read_json(data / archiver.STATUS)


def write_and_switch(server: Server, number: int) -> str:
    """The name of the file of the log that holds this write."""
    ask(server.endpoint, f"CREATE TABLE IF NOT EXISTS n (n int); INSERT INTO n VALUES ({number})")
    name = ask(server.endpoint, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    ask(server.endpoint, "SELECT pg_switch_wal()")
    return name


def numbers(storage: Directory, folder: Path) -> str:
    """Restore the newest moment; what is in the table."""
    folder.mkdir(mode=0o700)
    lay_down(Source(storage, read_listed(storage), Secret()), None, folder)
    with recovering(folder, None, progress=quiet, purpose="tests") as (server, newest):
        assert newest is not None
        return ask(server.endpoint, "SELECT string_agg(n::text, ' ' ORDER BY n) FROM n")


def test_retention_deletes_nothing_that_a_kept_base_backup_needs(
    data: Path, storage: Directory, tmp_path: Path
) -> None:
    """With base backups one after the other and none kept for its age, the last leads to the newest moment."""
    schedule = Schedule(every=timedelta(0), keep=timedelta(0))
    with archived(data, storage, schedule) as running:
        first = write_and_switch(running.server, 1)
        wait_for(lambda: running.archive.listed().bases)
        oldest = running.archive.listed().bases[0]
        wait_for(lambda: running.archive.listed().bases and running.archive.listed().bases[0].first > oldest.last)
        last = write_and_switch(running.server, 2)
        wait_for((storage.path / "wal" / last).exists)
    kept = read_listed(storage).bases
    assert oldest.name not in [base.name for base in kept]
    assert not (storage.path / "bases" / oldest.name).exists()
    names = storage.names("wal") or []
    assert first not in names
    assert min(name for name in names if len(name) == 24) == kept[0].first
    assert min(storage.names("files") or []) >= kept[0].name.partition(".")[0]
    assert numbers(storage, tmp_path / "back") == "1 2"


def test_log_that_cannot_be_archived_is_given_up_before_the_disk_is_full(
    data: Path, storage: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes go on, the gap is told, and a new base backup closes it once the archive works again."""
    disk = shutil.disk_usage(data)
    with archived(data, storage, Schedule(DAY, DAY)) as running:
        wait_for(lambda: status(data).get("base_at"))
        storage.path.rename(tmp_path / "away")
        lost = write_and_switch(running.server, 1)
        wait_for(lambda: status(data)["fault"] and status(data)["waiting"])
        assert not status(data).get("given_up")
        monkeypatch.setattr("chairside.embedded.archiver.shutil.disk_usage", lambda _: disk._replace(free=1 << 20))
        wait_for(lambda: status(data).get("given_up"))
        wait_for(lambda: not status(data)["base_at"] and not status(data)["waiting"])
        monkeypatch.undo()
        (tmp_path / "away").rename(storage.path)
        wait_for(lambda: status(data)["base_at"])
        last = write_and_switch(running.server, 2)
        wait_for((storage.path / "wal" / last).exists)
    assert not (storage.path / "wal" / lost).exists()
    assert numbers(storage, tmp_path / "back") == "1 2"


def test_a_file_waits_in_the_database_until_it_is_archived(data: Path, storage: Directory, tmp_path: Path) -> None:
    """However often the database would recycle it meanwhile."""
    with archived(data, storage, Schedule(DAY, DAY)) as running:
        wait_for(lambda: status(data).get("base_at"))
        storage.path.rename(tmp_path / "away")
        names = [write_and_switch(running.server, number) for number in range(1, 4)]
        for _ in range(2):
            ask(running.server.endpoint, "CHECKPOINT")
        assert set(names) <= set(wal.waiting(data))
        (tmp_path / "away").rename(storage.path)
        for name in names:
            wait_for((storage.path / "wal" / name).exists)
    assert numbers(storage, tmp_path / "back") == "1 2 3"


def test_two_copies_of_one_data_directory_do_not_mix_their_logs(data: Path, storage: Directory, tmp_path: Path) -> None:
    """Two copies have one identity, so only a file's content tells them apart; the second is refused at its first."""
    with archived(data, storage, Schedule(DAY, DAY)):
        wait_for(lambda: status(data).get("base_at"))
    copy = tmp_path / "copy"
    shutil.copytree(data, copy, symlinks=True, ignore=shutil.ignore_patterns("socket"))
    with archived(data, storage, Schedule(DAY, DAY)) as running:
        name = write_and_switch(running.server, 1)
        wait_for((storage.path / "wal" / name).exists)
    with archived(copy, storage, Schedule(DAY, DAY)) as running:
        write_and_switch(running.server, 7)
        wait_for(lambda: "with another content" in str(status(copy).get("fault")))
    assert numbers(storage, tmp_path / "back") == "1"
