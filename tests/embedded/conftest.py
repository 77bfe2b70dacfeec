"""Data directories of several people, and one server that tests only look at."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chairside.embedded import Server, start
from tests.embedded.hands import Person, ordinary_person, quiet


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server, for tests that change nothing in it."""
    with start(tmp_path_factory.mktemp("looked-at"), progress=quiet) as server:
        yield server


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a complete cluster, not running."""
    data = tmp_path_factory.mktemp("complete")
    with start(data, progress=quiet):
        return data


@pytest.fixture(autouse=True)
def emptied(tmp_path: Path) -> Iterator[None]:
    """A hundred clusters are 4 GB, so each is emptied, not removed: ext4 is slow to reuse what was deleted."""
    yield
    for pattern in ("pg_wal/0*", "base/*/*"):
        for file in tmp_path.rglob(pattern):
            os.truncate(file, 0)


@pytest.fixture
def data(complete: Path, tmp_path: Path) -> Path:
    """A data directory of the test's own, with a complete cluster: a copy costs less than to make one."""
    shutil.copytree(complete, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def person() -> Person:
    """An ordinary user, also when root runs the tests."""
    return ordinary_person()


@pytest.fixture
def persons_folder(person: Person) -> Iterator[Path]:
    """A folder of the ordinary user; pytest's own lie below one that only its user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="chairside-test-"))
    try:
        os.chown(folder, person.uid, person.gid)
        yield folder
    finally:
        shutil.rmtree(folder)
