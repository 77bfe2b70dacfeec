"""Two orgs that the tests of one file share, and the OpenAPI document of the server."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
import pytest

from tests.contract.builder import Builder
from tests.house import Client, House

_numbers = count(1)


@pytest.fixture(scope="module")
def home(house: House) -> Builder:
    """The file's org, which most promises are tried in."""
    return Builder(house.org(f"Contract Dental {next(_numbers)}"))


@pytest.fixture(scope="module")
def other(house: House) -> Builder:
    """Another org of the same server."""
    return Builder(house.org(f"Other Dental {next(_numbers)}"))


@pytest.fixture(scope="module")
def reader(home: Builder) -> Client:
    """A caller who may only read."""
    return home.org.desk("read_only")


@pytest.fixture(scope="module")
def second(home: Builder) -> Client:
    """A second admin of the same org."""
    return home.org.desk("admin", "--name", "Second desk")


@pytest.fixture(scope="session")
def document(house: House) -> dict[str, Any]:
    """The OpenAPI document of the running server."""
    return dict(httpx.get(f"{house.url}/openapi.json").json())
