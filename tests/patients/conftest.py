"""Callers that the tests of one file share; each test looks for its own patients only."""

from __future__ import annotations

from itertools import count

import pytest

from tests.house import Client, House, Org

_numbers = count(1)


@pytest.fixture(scope="module")
def desk(shared_org: Org) -> Client:
    """An administrator of the shared org."""
    return shared_org.desk()


@pytest.fixture(scope="module")
def other_desk(house: House) -> Client:
    """An administrator of another org, which has only the patients that tests of the file put there."""
    return house.org(f"Other Dental {next(_numbers)}").desk()


@pytest.fixture(scope="module")
def own_org(house: House) -> Org:
    """A second org of the file, for tests that count all its patients."""
    return house.org(f"File {next(_numbers)}")


@pytest.fixture(scope="module")
def own_desk(own_org: Org) -> Client:
    """An administrator of the file's second org."""
    return own_org.desk()
