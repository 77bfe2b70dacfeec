"""Callers that the tests of one process share: the org is theirs together, so each test looks at its own patients."""

from __future__ import annotations

from itertools import count

import pytest

from tests.house import Client, House, Org

_numbers = count(1)


@pytest.fixture(scope="session")
def desk(shared_org: Org) -> Client:
    """An administrator of the shared org."""
    return shared_org.desk()


@pytest.fixture(scope="session")
def other_desk(house: House) -> Client:
    """An administrator of another org, where hardly anybody is known."""
    return house.org("Other Dental").desk()


@pytest.fixture(scope="module")
def own_org(house: House) -> Org:
    """An org that only the tests of one file use."""
    return house.org(f"File {next(_numbers)}")


@pytest.fixture(scope="module")
def own_desk(own_org: Org) -> Client:
    """An administrator of the org that only the tests of one file use."""
    return own_org.desk()
