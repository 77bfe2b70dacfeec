"""Two orgs that all tests of the contract share, and the document the server describes itself with."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract.builder import Builder
from tests.house import Client, House


@pytest.fixture(scope="session")
def home(house: House) -> Builder:
    """The org that most promises are tried in."""
    return Builder(house.org("Contract Dental"))


@pytest.fixture(scope="session")
def other(house: House) -> Builder:
    """Another org of the same server."""
    return Builder(house.org("Other Dental"))


@pytest.fixture(scope="session")
def reader(home: Builder) -> Client:
    """A caller who may only read."""
    return home.org.desk("read_only")


@pytest.fixture(scope="session")
def second(home: Builder) -> Client:
    """A second admin of the same org."""
    return home.org.desk("admin", "--name", "Second desk")


@pytest.fixture(scope="session")
def document(house: House) -> dict[str, Any]:
    """The OpenAPI document of the running server."""
    return dict(httpx.get(f"{house.url}/openapi.json").json())
