"""A full disk makes metrics and logs old, and fails no request."""

from __future__ import annotations

import os
from pathlib import Path

from chairside.logs import Unfailing
from chairside.rest.metrics import Meter
from tests.house import House, free_port


def test_a_log_line_that_cannot_be_written_is_counted() -> None:
    """The first line that can be written again tells how many were lost before it."""
    read, write = os.pipe()
    device = os.open("/dev/full", os.O_WRONLY)
    with os.fdopen(device, "wb", buffering=0) as full, os.fdopen(write, "wb", buffering=0) as room:
        log = Unfailing(full)
        log.write(b"one\n")
        log.write(b"two\n")
        log._raw = room  # the same disk, which has room again
        log.write(b"three\n")
        log.write(b"four\n")
    with os.fdopen(read, "rb") as end:
        lines = end.read().splitlines()
    assert lines == [b"", b'{"event":"log lines were lost","lost":2,"level":"error"}', b"three", b"four"]


def test_a_server_whose_log_cannot_be_written_answers(tmp_path: Path) -> None:
    """Every request writes a line; none fails because the line is lost."""
    tmp_path.chmod(0o755)
    house = House(tmp_path / "data", free_port())
    house.log_file.symlink_to("/dev/full")
    try:
        house.start(workers=1, CHAIRSIDE_LOG_LEVEL="info")
        org = house.org("Silent Dental")
        assert [org.desk().get("/patients").status_code for _ in range(3)] == [200, 200, 200]
    finally:
        house.end()


def test_numbers_that_cannot_be_shared_stop_nothing(tmp_path: Path) -> None:
    """A folder that is gone stands for a disk that is full: both refuse the write."""
    meter = Meter()
    meter.share_in(tmp_path / "gone")
    meter.observe("GET", "/healthz", 200, 0.001)
    meter.share()
    (tmp_path / "gone").mkdir()
    meter.share()
    assert b'chairside_requests_total{method="GET",route="/healthz",status="200"} 1.0' in meter.exposition()


def test_the_numbers_of_an_ended_worker_are_kept(tmp_path: Path) -> None:
    """A counter that went back would read as a restart of the whole server."""
    ended, now = Meter(), Meter()
    for meter in (ended, now):
        meter.share_in(tmp_path)
        meter.observe("GET", "/readyz", 200, 0.3)
    ended.share()
    (tmp_path / str(os.getpid())).rename(tmp_path / "1")
    (tmp_path / "2").write_bytes(b"torn")
    text = now.exposition().decode()
    assert 'chairside_requests_total{method="GET",route="/readyz",status="200"} 2.0' in text
    assert 'chairside_request_seconds_bucket{le="0.25",method="GET",route="/readyz"} 0.0' in text
    assert 'chairside_request_seconds_bucket{le="0.5",method="GET",route="/readyz"} 2.0' in text
    assert 'chairside_request_seconds_sum{method="GET",route="/readyz"} 0.6' in text
