"""A server of the bench's own: started as an operator starts it, on its own port and data directory."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

HOST = "127.0.0.1"
PATIENCE_SECONDS = 120


class BenchFault(Exception):
    """The bench cannot go on. One sentence for a person."""


def command(*arguments: str, data_dir: Path) -> str:
    """What a command of the command line prints."""
    done = subprocess.run(
        [sys.executable, "-m", "chairside", *arguments, "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )
    if done.returncode:
        raise BenchFault(f"chairside {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens, the process that all of its others belong to, and the seconds till it was ready."""

    port: int
    pid: int
    start: float


@contextmanager
def server(data_dir: Path, workers: int, **more: str) -> Iterator[Server]:
    """A server that runs for the time of the block, `more` in its environment; it logs beside its data directory."""
    port = _free_port()
    arguments = ("serve", "--port", str(port), "--workers", str(workers), "--data-dir", str(data_dir))
    with data_dir.with_suffix(".log").open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "chairside", *arguments],
            stdout=log,
            stderr=log,
            env=_environment() | more,
            start_new_session=True,  # Ctrl-C ends the bench, and the bench ends the server
        )
        try:
            _wait(process, port, Path(log.name))
            yield Server(port, process.pid, time.monotonic() - began)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)


def _environment() -> dict[str, str]:
    """Nothing of the caller's shell that would be a setting of the server."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("CHAIRSIDE_", "PG"))}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if Client(port, "", "").get("/readyz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise BenchFault(f"The server did not start; {log} says why.")


class Client:
    """A plain client of one org, for what is not measured by the answer."""

    def __init__(self, port: int, org_id: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_SECONDS)
        self._org, self._headers = f"/api/v1/{org_id}/", {"authorization": f"Bearer {token}"}

    def leave(self) -> None:
        """Drops the connection; the next request makes a new one."""
        self._connection.close()

    def get(self, path: str) -> http.client.HTTPResponse:
        self._connection.request("GET", path)
        return self._connection.getresponse()

    def fetch(self, path: str) -> bytes:
        """The answer to a GET of the org that must succeed."""
        self._connection.request("GET", self._org + path, headers=self._headers)
        return self._read("GET", path)

    def patch(self, path: str, body: object, headers: Mapping[str, str]) -> Any:
        """The answer to a PATCH that must succeed."""
        headers = {**self._headers, "content-type": "application/json", **headers}
        self._connection.request("PATCH", self._org + path, msgspec.json.encode(body), headers)
        return msgspec.json.decode(self._read("PATCH", path))

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
        """The answer to a POST that must succeed; `body` is encoded unless it is bytes already."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        self._connection.request(
            "POST", self._org + path, raw, {**self._headers, "content-type": "application/json", **(headers or {})}
        )
        return msgspec.json.decode(self._read("POST", path))

    def _read(self, method: str, path: str) -> bytes:
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise BenchFault(f"{method} {path} answered {answer.status}: {data[:500].decode(errors='replace')}")
        return data
