"""Clients that ask and never read: memory stays bounded, they are ended, and others notice little.

Thousands of connections with the smallest receive buffer ask for the explorer's bundle, the OpenAPI document and lists
of 200 patients, and read nothing. A well-behaved client asks at a steady pace before, meanwhile and after, and others
open a new connection each time. Memory is the resident memory of all worker processes together.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from itertools import cycle, islice
from pathlib import Path

import httpx

from proofs.load import Load, Running
from proofs.processes import workers
from proofs.trial import Trial
from proofs.wire.cases import Target
from tests.house import House, Org

SHORT, LONG = 1_500, 3_000
MOST_GROWN, MOST_TIMES_BASELINE = 50 << 20, 3
RATE, CONNECTIONS, BASELINE_SECONDS = 25, 4, 8
# Seconds until the server has ended every connection that does not read: its write timeout and some more.
ENDED_WITHIN = 45
PATIENTS, ROWS_A_CALL = 600, 300
OPEN_PATHS = ("/docs/swagger-ui-bundle.js", "/openapi.json")
SMALLEST = 1024
STEP = 0.25
ESTABLISHED = "01"


def prove(trial: Trial) -> None:
    """`trial.rounds` is the number of connections that never read."""
    with trial.house() as house:
        org, neighbour = house.org("Silent Dental"), house.org("Neighbour Dental")
        _fill(org)
        asking = Load(
            port=house.port, rate=RATE, seconds=BASELINE_SECONDS, connections=CONNECTIONS,
            requests=[Target(neighbour.id, neighbour.token("admin")).get()],
        )  # fmt: skip
        requests = _requests(org)
        with _silent(house.port, requests, 30):  # so that what is made once for a path is no growth
            time.sleep(1)
        alone, size, pids = Running(asking).heard(), _memory(house), workers(house)
        trial.figure("neighbour alone", f"p50 {alone.at(0.5):.1f} ms, p99 {alone.at(0.99):.1f} ms")
        with _watched(house) as sizes, _silent(house.port, requests, trial.rounds) as sockets:
            beside = Running(asking)
            fresh = [_health(house) for _ in range(int(BASELINE_SECONDS / STEP))]
            heard = beside.heard()
            trial.tried("connections that never read", len(sockets))
            left = _wait_ended(house)
        time.sleep(5)
        after = _memory(house)
        times = heard.at(0.99) / alone.at(0.99)
        trial.figure("neighbour beside", f"p50 {heard.at(0.5):.1f} ms, p99 {heard.at(0.99):.1f} ms, {times:.2f} times")
        trial.figure("memory", f"{size >> 20} MiB before, {max(sizes) >> 20} at most, {after >> 20} after")
        trial.figure("new connections", f"{sum(fresh)} of {len(fresh)} answered within 2 s")
        trial.figure("not ended", f"{left} after {ENDED_WITHIN} s")
        trial.expect(max(sizes) - size < MOST_GROWN, f"memory grew by {(max(sizes) - size) >> 20} MiB")
        trial.in_time(times <= MOST_TIMES_BASELINE, f"the neighbour's p99 is {times:.1f} times its baseline")
        trial.expect(not heard.faults and not heard.unanswered, f"the neighbour lost answers: {heard.faults[:1]}")
        trial.in_time(all(fresh), f"{fresh.count(False)} new connections had no answer within 2 s")
        trial.expect(not left, f"{left} connections that do not read were not ended")
        trial.expect(workers(house) == pids, "a worker has died and another has taken its place")


def _fill(org: Org) -> None:
    desk = org.desk()
    for start in range(0, PATIENTS, ROWS_A_CALL):
        rows = [{"first_name": "Silent", "last_name": f"Reader {start + i}"} for i in range(ROWS_A_CALL)]
        answer = desk.post("/patients/bulk", json={"rows": rows})
        if answer.status_code != HTTPStatus.OK:
            raise RuntimeError(answer.text)


def _requests(org: Org) -> list[bytes]:
    head = f"Host: localhost\r\nAuthorization: Bearer {org.token('read_only')}\r\n\r\n"
    listed = f"/api/v1/{org.id}/patients?page_size=200"
    return [f"GET {path} HTTP/1.1\r\n{head}".encode() for path in (*OPEN_PATHS, listed)]


@contextmanager
def _silent(port: int, requests: Sequence[bytes], number: int) -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    try:
        for request in islice(cycle(requests), number):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST)
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(("127.0.0.1", port))
            opened.append(client)
            time.sleep(0.0005)
            client.setblocking(True)
            client.settimeout(30)
            client.send(request)
            client.setblocking(False)
        yield opened
    finally:
        for client in opened:
            client.close()


def _wait_ended(house: House) -> int:
    """How many connections the server still holds after a while, by the kernel's table of them."""
    end = time.monotonic() + ENDED_WITHIN
    while time.monotonic() < end and _established(house.port):
        time.sleep(STEP)
    return _established(house.port)


def _established(port: int) -> int:
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED for row in rows)


@contextmanager
def _watched(house: House) -> Iterator[list[int]]:
    sizes: list[int] = [_memory(house)]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(STEP):
            sizes.append(_memory(house))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield sizes
    finally:
        over.set()
        watching.join()


def _memory(house: House) -> int:
    """Resident memory of the workers together, in bytes."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in workers(house))


def _health(house: House) -> bool:
    """Whether a new connection is answered within two seconds."""
    started = time.monotonic()
    try:
        return httpx.get(f"{house.url}/healthz", timeout=2).status_code == HTTPStatus.OK
    except httpx.HTTPError:
        return False
    finally:
        time.sleep(max(0.0, STEP - (time.monotonic() - started)))
