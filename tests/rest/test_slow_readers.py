"""Clients that read slowly get all of their answer; those that read nothing are ended, and keep little memory."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chairside.rest.outbox import KEPT, PATIENCE, PIECE, STALLED, Outbox
from tests.house import House, Org, new_house, wait_for

ROWS = 300
HANGS = 60  # seconds after which a response that should have been ended fails its test


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that ends clients which take nothing for a second."""
    folder = tmp_path_factory.mktemp("impatient")
    folder.chmod(0o755)
    with new_house(folder, workers=1, CHAIRSIDE_WRITE_SECONDS="1") as running:
        yield running


@pytest.fixture(scope="module")
def crowded(impatient: House) -> Org:
    """An org whose list of 200 patients is far larger than what the kernel takes at once."""
    org = impatient.org("Crowded Dental")
    rows = [{"first_name": "Unread", "last_name": f"Letter {i}", "treatment_notes": "x" * 2000} for i in range(ROWS)]
    org.desk().post("/patients/bulk", json={"rows": rows}).raise_for_status()
    return org


def asked(org: Org, path: str) -> socket.socket:
    """A connection with the smallest receive buffer that has asked for a path and has not read anything."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    client.settimeout(60)
    client.connect(("127.0.0.1", org.house.port))
    token = org.token("admin")
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return client


def test_a_slow_reader_gets_the_whole_answer(crowded: Org) -> None:
    """Read a little at a time, the body is the one that everybody gets, to the byte."""
    whole = crowded.desk().get("/patients?page_size=200&sort_by=created_at").content
    assert len(whole) > 20 * PIECE
    with asked(crowded, f"/api/v1/{crowded.id}/patients?page_size=200&sort_by=created_at") as client:
        found = b""
        while len(found.partition(b"\r\n\r\n")[2]) < len(whole):
            found += client.recv(4096)
    assert json.loads(found.partition(b"\r\n\r\n")[2]) == json.loads(whole)


@pytest.mark.parametrize("path", ["/docs/swagger-ui-bundle.js", "/api/v1/{org}/patients?page_size=200"])
def test_a_client_that_reads_nothing_is_ended(crowded: Org, path: str) -> None:
    """After the write timeout the server holds the connection no more."""
    with asked(crowded, path.format(org=crowded.id)) as client:
        port = client.getsockname()[1]
        wait_for(lambda: served(crowded.house, port))
        wait_for(lambda: not served(crowded.house, port))
    assert crowded.desk().get("/patients?page_size=200").status_code == 200


def served(house: House, port: int) -> bool:
    """Whether the server's end of the connection from this port stands."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    own, other = f":{house.port:04X}", f":{port:04X}"
    return any(row[1].endswith(own) and row[2].endswith(other) and row[3] == "01" for row in rows)


class Reader:
    """Takes pieces as the HTTP library does, as long as it reads."""

    def __init__(self, *, reads: bool) -> None:
        self.taken: list[bytes] = []
        self._reads = asyncio.Event()
        if reads:
            self._reads.set()

    async def take(self, message: Any) -> None:
        await self._reads.wait()
        self.taken.append(message["body"])


BODY = bytes(range(256)) * 1024  # 16 pieces


def outbox(holds: float) -> tuple[Outbox, set[tuple[str, int]]]:
    """An outbox for so many bodies, and the clients whose connections it has closed."""
    closed: set[tuple[str, int]] = set()
    return Outbox(closed.update, most=int(holds * (len(BODY) + KEPT))), closed


async def sent(box: Outbox, owner: str, reader: Reader, port: int) -> bool:
    """Whether there was room for the body; it is sent then."""
    room = await box.room(owner, len(BODY), must=False)
    if room:
        await box.send(reader.take, owner, ("127.0.0.1", port), BODY, shared=False)
    return room


async def test_one_who_reads_gets_the_body_in_pieces() -> None:
    box, closed = outbox(1)
    reader = Reader(reads=True)
    assert await sent(box, "org", reader, 1)
    assert b"".join(reader.taken) == BODY
    assert {len(piece) for piece in reader.taken} == {PIECE}
    assert not closed


async def test_a_full_outbox_ends_the_response_of_the_caller_who_keeps_most() -> None:
    """Another caller's response goes out although every place is taken by clients that do not read."""
    box, closed = outbox(2)
    silent = [asyncio.create_task(sent(box, "silent", Reader(reads=False), port)) for port in (1, 2)]
    await asyncio.sleep(0)
    reader, began = Reader(reads=True), time.monotonic()
    assert await sent(box, "neighbour", reader, 3)
    assert b"".join(reader.taken) == BODY
    assert time.monotonic() - began >= STALLED
    done, _ = await asyncio.wait(silent, timeout=HANGS, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    await asyncio.to_thread(wait_for, lambda: closed)
    assert len(closed) == 1
    assert closed < {("127.0.0.1", 1), ("127.0.0.1", 2)}
    for task in silent:
        task.cancel()


async def test_a_callers_own_silent_responses_are_ended_later() -> None:
    """Nobody else needs the room, so a stalled client of the same caller has longer to go on."""
    box, _ = outbox(1)
    silent = asyncio.create_task(sent(box, "org", Reader(reads=False), 1))
    await asyncio.sleep(0)
    began = time.monotonic()
    assert await sent(box, "org", Reader(reads=True), 2)
    assert time.monotonic() - began >= PATIENCE
    assert await asyncio.wait_for(silent, HANGS)


async def test_more_than_as_much_again_does_not_wait() -> None:
    """Bodies that wait are kept in memory too: a read is refused, what a write has done is told."""
    box, _ = outbox(1)
    going = asyncio.create_task(sent(box, "org", Reader(reads=False), 1))
    await asyncio.sleep(0)
    waits = asyncio.create_task(sent(box, "org", Reader(reads=True), 2))
    await asyncio.sleep(0)
    assert not await box.room("org", len(BODY), must=False)
    assert await box.room("org", len(BODY), must=True)
    await asyncio.wait_for(asyncio.gather(going, waits), HANGS)
