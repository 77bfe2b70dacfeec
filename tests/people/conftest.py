"""Callers that the tests of one file share, and a second org for custom fields."""

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
def own_org(house: House) -> Org:
    """A second org of the file: the form of custom fields lists every definition of its org."""
    return house.org(f"People Dental {next(_numbers)}")


@pytest.fixture(scope="module")
def own_desk(own_org: Org) -> Client:
    """An administrator of the file's second org."""
    return own_org.desk()
