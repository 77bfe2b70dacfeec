"""A server with one place and no line: who is refused, who never is, and what a sender who dawdles holds up."""

from __future__ import annotations

import asyncio
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.database import connected
from tests.house import Client, House, Org, new_house, problems, wait_for

TIGHT = {"CHAIRSIDE_AT_ONCE": "1", "CHAIRSIDE_LINE": "0", "CHAIRSIDE_BODY_SECONDS": "3"}


@pytest.fixture(scope="module")
def tight() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="chairside-") as folder:
        Path(folder).chmod(0o755)
        with new_house(Path(folder), workers=1, **TIGHT) as running:
            yield running


@pytest.fixture(scope="module")
def mine(tight: House) -> Org:
    return known(tight.org("Lakeview Dental"))


@pytest.fixture(scope="module")
def other(tight: House) -> Org:
    return known(tight.org("Hillside Dental"))


def known(org: Org) -> Org:
    """An org whose token the worker has seen."""
    org.desk().read("/locations")
    return org


@asynccontextmanager
async def held(org: Org) -> AsyncIterator[None]:
    """One request of the org is worked on all the while: its audit record cannot be written."""
    async with connected(org.house.data_dir, "owner") as database:
        async with database.transaction():
            await database.execute("LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE")
            reading = asyncio.create_task(asyncio.to_thread(org.desk().get, "/locations"))
            for _ in range(3000):
                if await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    break
                await asyncio.sleep(0.02)
            yield
        assert (await reading).status_code == 200


def openly(url: str) -> httpx.Response:
    """What somebody without a token gets."""
    return httpx.get(url, timeout=60)


def desks(*orgs: Org) -> list[Client]:
    return [org.desk() for org in orgs]


def counted(org: Org, pattern: str) -> None:
    """Waits until the metrics, which are up to a second old, tell of it."""
    wait_for(lambda: re.search(pattern, openly(org.house.metrics).text) is not None)


def test_a_full_server_refuses_at_once_and_says_when_to_try_again(mine: Org, other: Org) -> None:
    """429 to the org that has its share under way, 503 to others and to the unknown; who watches is answered."""

    async def steps() -> None:
        me, you = desks(mine, other)
        async with held(mine):
            same, different = me.get("/locations"), you.get("/locations")
            unknown = openly(f"{mine.base}/locations")
            watched = [openly(mine.house.url + path).status_code for path in ("/healthz", "/readyz")]
            watched.append(openly(mine.house.metrics).status_code)
        assert (same.status_code, problems(same), same.headers["retry-after"]) == (429, {(): "too_many_requests"}, "1")
        assert (different.status_code, problems(different)) == (503, {(): "unavailable"})
        assert different.headers["retry-after"] == "2"
        assert same.headers["ratelimit"] == '"org";r=0'
        assert unknown.status_code == 503
        assert watched == [200] * 3
        assert [desk.get("/locations").status_code for desk in (me, you)] == [200, 200]
        counted(mine, r'chairside_refused_total\{reason="line_full",status="429"\} [1-9]')
        counted(mine, r'chairside_requests_total\{method="GET",route="\(refused\)",status="503"\} [1-9]')
        assert {"x-request-id", "x-content-type-options"} <= set(same.headers)

    asyncio.run(steps())


def test_callers_who_are_known_are_told_their_share(mine: Org) -> None:
    """Both headers of the draft on every answer, refusals of form included; nothing for who is not known."""
    desk = mine.desk()
    for answer in (desk.get("/locations"), desk.get("/locations?strange=1"), desk.get(f"/patients/{mine.id}")):
        assert answer.headers["ratelimit-policy"] == '"org";q=1;qu="concurrent-requests"'
        assert answer.headers["ratelimit"] == '"org";r=1'
    assert "ratelimit" not in httpx.get(f"{mine.base}/locations").headers


def begun(org: Org, body: bytes) -> socket.socket:
    """A request on the wire whose body of 40 bytes has begun with these."""
    port = org.house.port
    sender = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = (
        f"POST /api/v1/{org.id}/locations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {org.token('admin')}\r\nContent-Length: 40\r\n\r\n"
    )
    sender.sendall(head.encode() + body)
    return sender


def test_who_sends_a_body_slowly_holds_up_nobody(mine: Org, other: Org) -> None:
    """The one place is given to others meanwhile, and taken again when the body has come.

    A busy machine may take longer than a body may (408), or send the rest while another request still has the place
    (429, 503). Such a try says nothing and is made again.
    """
    whole = b'{"name": "Slowly but surely"}'.ljust(40)

    def created() -> bool:
        with begun(mine, whole[:7]) as sender:
            wait_for(lambda: other.desk().get("/locations").status_code == 200)
            sender.sendall(whole[7:])
            status = int(sender.recv(4096).split()[1])
        assert status in {201, 408, 429, 503}
        return status == httpx.codes.CREATED

    wait_for(created)
    wait_for(lambda: mine.desk().get("/locations").headers.get("ratelimit") == '"org";r=1')


def test_a_body_that_never_comes_whole_is_refused_in_time(mine: Org) -> None:
    """408 in the one form, on record, and the connection is closed."""
    answers: list[bytes] = []

    def had_the_place() -> bool:
        with begun(mine, b'{"name": ') as sender:
            answers.append(b"".join(iter(lambda: sender.recv(4096), b"")))
        return b'"too_many_requests"' not in answers[-1]

    wait_for(had_the_place)
    answer = answers[-1]
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"type":"incomplete_body"' in answer
    assert 408 in statuses(mine)


def test_a_sender_who_hangs_up_is_no_fault_of_the_server(mine: Org) -> None:
    """Nobody hears the answer; the trail has it, and no log calls it a fault."""
    before = statuses(mine).count(408)

    def recorded() -> bool:
        begun(mine, b'{"name": ').close()  # once more where the place was still taken by the look before
        return statuses(mine).count(408) > before

    wait_for(recorded)
    assert "fault" not in mine.house.log()
    assert 'status="500"' not in httpx.get(mine.house.metrics).text


def statuses(org: Org) -> list[int]:
    """The statuses of invalid requests in the trail, once the server's one place is free to tell them.

    Each look leaves a record too, so that among all records older ones would go out of sight.
    """
    answers: list[httpx.Response] = []

    def told() -> bool:
        answers.append(org.desk().get("/audit-events", params={"first": 200, "outcome": "invalid"}))
        return answers[-1].status_code == httpx.codes.OK

    wait_for(told)
    return [row["status"] for row in answers[-1].json()["data"]]
