"""One server for each test process, and an org of its own for each test that asks for one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.house import House, Org, new_house

_numbers = count(1)


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """A running server that all tests of this process share."""
    # Short, and where the unprivileged user of the database can reach it when the tests run as root.
    with tempfile.TemporaryDirectory(prefix="chairside-") as folder:
        Path(folder).chmod(0o755)
        with new_house(Path(folder)) as running:
            yield running


@pytest.fixture(scope="session")
def shared_org(house: House) -> Org:
    """An org for tests that do not mind what others put into it."""
    return house.org("Shared Dental")


@pytest.fixture
def org(house: House) -> Org:
    """An org that nobody else uses."""
    return house.org(f"Dental {os.getpid()}-{next(_numbers)}")
