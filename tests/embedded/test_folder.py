"""The data directory is private, and nothing outside it is touched."""

import os
import stat
from pathlib import Path

import pytest

from chairside.embedded import EmbeddedError, endpoint, start
from tests.embedded.hands import Person, Serving, picture, quiet


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_data_directory_and_its_folders_are_closed_to_others(tmp_path: Path) -> None:
    """0700 for the directory, the cluster, run/ and the socket's folder, whatever the umask."""
    before = os.umask(0)
    try:
        with start(tmp_path / "data", progress=quiet):
            folders = ("data", "data/postgres", "data/run", "data/run/socket", "data/postgres/log")
            assert {name: mode(tmp_path / name) for name in folders} == dict.fromkeys(folders, 0o700)
            files = [path for path in (tmp_path / "data").rglob("*") if not path.is_dir()]
            assert [path for path in files if mode(path) & 0o077] == []
    finally:
        os.umask(before)


def test_nothing_outside_the_data_directory_is_changed_or_made(tmp_path: Path) -> None:
    """Neighbours, parents, home and temporary folder are the same before, during and after."""
    for name in ("home", "tmp", "neighbour"):
        (tmp_path / name).mkdir()
    (tmp_path / "neighbour" / "letter").write_text("unread")
    data = tmp_path / "data"
    surroundings = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}
    parents = [path.lstat() for path in data.parents]
    before = picture(tmp_path)
    serving = Serving(data, environment=os.environ | surroundings)
    told = serving.ready()
    during = picture(tmp_path, without=data)
    mapped = Path(f"/proc/{told['pid']}/maps").read_text()
    assert serving.finish() == 0
    assert during == before
    assert picture(tmp_path, without=data) == before
    assert "/dev/shm" not in mapped  # noqa: S108  (not used is the promise)
    assert [(path.st_mode, path.st_uid, path.st_gid) for path in parents] == [
        (path.st_mode, path.st_uid, path.st_gid) for path in (path.lstat() for path in data.parents)
    ]


def test_a_data_directory_open_to_others_is_closed_and_keeps_what_it_holds(tmp_path: Path) -> None:
    """What an administrator made with mkdir is tightened; a key file in it stays as it was."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    (data / "key").write_text("secret")
    before = picture(data)[str(data / "key")]
    with start(data, progress=quiet):
        assert mode(data) == 0o700
    assert picture(data)[str(data / "key")] == before


def test_a_directory_of_another_user_is_refused_and_left_alone(person: Person) -> None:
    """An ordinary user naming a folder of root's gets one clear sentence."""
    before = mode(Path("/usr"))
    refused = Serving("/usr", person=person).complaint()
    assert refused == "The data directory /usr belongs to another user (root).\n"
    assert mode(Path("/usr")) == before


def test_a_folder_shared_with_others_is_refused_and_left_open(tmp_path: Path) -> None:
    """--data-dir /tmp must not close /tmp to every other program."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(EmbeddedError, match="is not for the database alone"):
        start(shared, progress=quiet)
    assert mode(shared) == 0o1777
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize("name", ["run", "postgres"])
def test_a_link_planted_in_the_data_directory_leads_nowhere(tmp_path: Path, name: str) -> None:
    """Whoever owns the directory cannot make root give away or fill a folder elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    data = tmp_path / "data"
    data.mkdir()
    (data / name).symlink_to(elsewhere)
    before = picture(elsewhere)
    with pytest.raises(EmbeddedError):
        start(data, progress=quiet)
    assert picture(elsewhere) == before


@pytest.mark.parametrize("where", ["missing/data", "file", "file/data", "/proc/data", "nul\0byte", "x" * 300], ids=repr)
def test_a_place_where_no_directory_can_be_is_named_in_one_sentence(tmp_path: Path, where: str) -> None:
    """A missing parent, a file, a read-only system and an impossible name are told, not traced back."""
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"^The data directory .* cannot be used: .*\.$"):
        start(tmp_path / where, progress=quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_asking_for_the_endpoint_of_nothing_makes_nothing(tmp_path: Path) -> None:
    """A mistyped --data-dir of a worker is told."""
    with pytest.raises(EmbeddedError, match="There is no database in"):
        endpoint(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
