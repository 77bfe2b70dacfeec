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


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """A running server that all tests of this process share."""
    # Short, and where the unprivileged user of the database can reach it when the tests run as root.
    with tempfile.TemporaryDirectory(prefix="chairside-") as folder:
        Path(folder).chmod(0o755)
        with _database() as env, new_house(Path(folder), **env) as running:
            yield running


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    """Nothing for the embedded database; for `make test-on` the URL of one of that release."""
    if not hosting.BIN:
        yield {}
        return
    with hosting.hosted() as at:
        env = {"CHAIRSIDE_DATABASE_URL": at.url}
        os.environ.update(env)  # for the commands that tests run in this process
        database.elsewhere.append(at)
        yield env


@pytest.fixture(scope="session")
def shared_org(house: House) -> Org:
    """An org for tests that do not mind what others put into it."""
    return house.org("Shared Dental")


@pytest.fixture
def org(house: House) -> Org:
    """An org that nobody else uses."""
    return house.org(f"Dental {os.getpid()}-{next(_numbers)}")
