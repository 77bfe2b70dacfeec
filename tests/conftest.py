"""One server for each test process, and an org of its own for each test that asks for one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests import database, hosting
from tests.house import House, Org, new_house

_numbers = count(1)
# Requests wait for their turn as long as they may: on a busy machine dozens at once would be refused by default.
# Nor does a test see the event of another one that imports thousands of patients.
PATIENT = {"CHAIRSIDE_PATIENCE": "10000", "CHAIRSIDE_UNUSUAL_PATIENTS": "20000"}
# Servers of tests speak plain HTTP. Without these two lines every client of httpx, and with it every `httpx.get`, reads
# the certificates of all authorities, which takes 25 ms.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.devnull


# Their tests wait for servers, which leaves the processors to the tests of other workers.
_FIRST = {"bench", "cli", "days", "demo", "embedded", "store"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files with servers of their own first, so that none of them is left over when all others are done.

    Their order among each other and that of the other files stay as pytest-randomly has drawn them.
    """
    items.sort(key=lambda item: item.path.parent.name not in _FIRST)


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """A running server that all tests of this process share."""
    # Short, and where the unprivileged user of the database can reach it when the tests run as root.
    with tempfile.TemporaryDirectory(prefix="chairside-") as folder:
        Path(folder).chmod(0o755)
        with _database(Path(folder) / "data") as env, new_house(Path(folder), **PATIENT, **env) as running:
            yield running


@contextmanager
def _database(data_dir: Path) -> Iterator[dict[str, str]]:
    """Nothing for the embedded database; for `make test-on` the URL of one of that release."""
    if not hosting.BIN:
        yield {}
        return
    with hosting.hosted() as at:
        env = {"CHAIRSIDE_DATABASE_URL": at.url}
        os.environ.update(env)  # for the commands that tests run in this process
        database.elsewhere[data_dir] = at
        yield env


@pytest.fixture(scope="module")
def shared_org(house: House) -> Org:
    """An org that the tests of one file share; those of other files never see it."""
    return house.org(f"Shared Dental {next(_numbers)}")


@pytest.fixture
def org(house: House) -> Org:
    """An org that only one test uses."""
    return house.org(f"Dental {os.getpid()}-{next(_numbers)}")
