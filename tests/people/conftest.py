"""Callers that the tests of one process share, and a second org for what has to be told apart."""

from __future__ import annotations

import pytest

from tests.house import Client, House, Org


@pytest.fixture(scope="session")
def desk(shared_org: Org) -> Client:
    """An administrator of the shared org."""
    return shared_org.desk()


@pytest.fixture(scope="session")
def own_org(house: House) -> Org:
    """An org that only the tests of people use: the others' form of custom fields would grow by theirs."""
    return house.org("People Dental")


@pytest.fixture(scope="session")
def own_desk(own_org: Org) -> Client:
    """An administrator of the org that only the tests of people use."""
    return own_org.desk()
