"""A commit whose wait for a synchronous standby was cancelled is never answered as done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from tests.cli.hands import answered
from tests.hosting import Hosted, hosted
from tests.house import Client, House, Org, free_port, wait_for

CANCEL = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def at() -> Iterator[Hosted]:
    with hosted() as server:
        yield server


@pytest.fixture(scope="module")
def desk(at: Hosted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    house = House(tmp_path_factory.mktemp("cancelled") / "data", free_port())
    house.start(workers=1, CHAIRSIDE_DATABASE_URL=at.url)
    try:
        org = answered("org", "create", "Waiting Dental", data_dir=house.data_dir, CHAIRSIDE_DATABASE_URL=at.url)
        made = ("token", "create", "--org", org, "--role", "admin")
        token = answered(*made, data_dir=house.data_dir, CHAIRSIDE_DATABASE_URL=at.url)
        desk = Org(house, org, {"admin": token}).desk()
        # Stores client and operations, which the trail names by ids: their commits would be the first to be cancelled.
        first = desk.made("/patients", {"first_name": "Ada", "last_name": "First"})
        desk.read(f"/patients/{first['id']}")
        yield desk
    finally:
        house.end()


def wait_for_standby(at: Hosted, name: str) -> None:
    """From now on commits wait for the standby of this name; for none if it is empty."""
    at.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    at.sql("SELECT pg_reload_conf()")
    wait_for(lambda: at.sql("SHOW synchronous_standby_names") == name)


def while_cancelling(at: Hosted, ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer to a request, while every wait for a standby that is not there is cancelled."""
    cancelled = 0
    wait_for_standby(at, "nobody")
    try:
        with ThreadPoolExecutor(1) as crew:
            answer = crew.submit(ask)
            while not answer.done():
                cancelled += int(at.sql(CANCEL))
    finally:
        wait_for_standby(at, "")
    assert cancelled
    return answer.result()


def test_a_write_is_answered_503_and_can_be_repeated(at: Hosted, desk: Client) -> None:
    """PostgreSQL says that it committed; the server does not, and with the same key it is there once in the end."""
    name = f"Wait {uuid4().hex}"
    headers, sent = {"Idempotency-Key": uuid4().hex}, {"first_name": "Ada", "last_name": name}
    refused = while_cancelling(at, lambda: desk.post("/patients", json=sent, headers=headers))
    assert refused.status_code == 503
    again = desk.post("/patients", json=sent, headers=headers)
    assert again.status_code == 201
    assert at.sql(f"SELECT count(*) FROM patients WHERE last_name = '{name}'") == "1"


def test_a_read_shows_nothing_without_its_audit_record(at: Hosted, desk: Client) -> None:
    """The audit records of reads are committed in another way."""
    made = desk.made("/patients", {"first_name": "Ada", "last_name": f"Read {uuid4().hex}"})
    refused = while_cancelling(at, lambda: desk.get(f"/patients/{made['id']}"))
    assert refused.status_code == 503
    assert made["last_name"] not in refused.text
    assert desk.read(f"/patients/{made['id']}")["id"] == made["id"]
