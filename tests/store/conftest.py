"""Databases of a test's own, beside the one that the tests' server uses."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from itertools import count

import pytest

from chairside import embedded
from chairside.store.pool import Place
from tests.database import connected
from tests.house import House

_numbers = count(1)


@pytest.fixture
async def empty(house: House) -> AsyncIterator[Place]:
    """An empty database of the running server, as migrations go there."""
    at = embedded.endpoint(house.data_dir)
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(f"CREATE DATABASE {name} OWNER {at.owner}")
        try:
            yield Place(host=at.host, port=at.port, user=at.owner, database=name)
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
