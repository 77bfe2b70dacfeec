"""A real server for tests: its own data directory, its own processes, orgs and tokens made by the command line."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from random import SystemRandom
from typing import Any, Self

import httpx
from typer.testing import CliRunner, Result

from chairside import embedded
from chairside.cli import app

PATIENCE_SECONDS = 90


def free_port() -> int:
    """A port that nobody uses, below those that the kernel gives to the connections of clients.

    A port of the kernel's own choice could be a client's by the time that the server wants it.
    """
    while True:
        port = SystemRandom().randrange(20_000, 32_768)  # `random` is seeded anew for every test
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment(**more: str) -> dict[str, str]:
    """Nothing of the caller's shell but what finds programs."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
    return kept | {"PYTHONUNBUFFERED": "1", "CHAIRSIDE_LOG_LEVEL": "warning"} | more


def chairside(*args: str, data_dir: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "chairside", *args, "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        env=environment(**env),
    )


@dataclass
class House:
    """A running server and the data directory it works on."""

    data_dir: Path
    port: int
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)
    metrics_port: int = field(default_factory=free_port)
    # The database of its commands: the embedded one, unless the server was started with another.
    database_url: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def metrics(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    @property
    def log_file(self) -> Path:
        """The file that takes the server's standard error."""
        return self.data_dir.parent / f"server-{self.port}.log"

    def start(self, *options: str, workers: int = 2, **env: str) -> Self:
        """Start the server and wait until it says that it is ready."""
        self.database_url = env.get("CHAIRSIDE_DATABASE_URL")
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "chairside", "serve", "--port", str(self.port)),
                    *("--workers", str(workers), "--data-dir", str(self.data_dir), *options),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(**{"CHAIRSIDE_METRICS_PORT": str(self.metrics_port), **env}),
                start_new_session=True,
            )
        assert self.process.stdout
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if "Ctrl-C stops it" in line:
                return self
        raise RuntimeError(f"the server did not start: {self.log()[-3000:]}")

    def stop(self) -> int:
        """End it as SIGTERM does; its exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_SECONDS)
        if self.process.stdout:
            self.process.stdout.close()
        return status

    def end(self) -> None:
        """Stop it if it still runs, and let go of its output."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.stop()
        if self.process.stdout:
            self.process.stdout.close()

    def log(self) -> str:
        """All that the server wrote to standard error."""
        return self.log_file.read_text()

    def run(self, *args: str) -> str:
        """The standard output of a command that must succeed, run in this process to save its start."""
        done = self._invoke(*args)
        assert done.exit_code == 0, done.stderr or repr(done.exception)
        return done.stdout.strip()

    def _invoke(self, *args: str) -> Result:
        options = [*args, "--data-dir", str(self.data_dir)]
        with ThreadPoolExecutor(1) as beside:  # a loop may run here already, and commands run their own
            env = {"CHAIRSIDE_DATABASE_URL": self.database_url}
            return beside.submit(partial(CliRunner().invoke, app, options, env=env)).result()

    def sealed(self) -> None:
        """Wait until the chain holds every audit record, so that the server has nothing left to write."""
        wait_for(lambda: not any(v["unsealed"] for v in json.loads(self._invoke("audit", "verify", "--json").stdout)))

    def org(self, name: str, zone: str = "UTC") -> Org:
        return Org(self, self.run("org", "create", name, "--timezone", zone))


@dataclass
class Org:
    """An org of a house; `desk(role)` is a client with a token of that role."""

    house: House
    id: str
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, role: str, *options: str) -> str:
        key = " ".join((role, *options))
        if key not in self.tokens:
            self.tokens[key] = self.house.run("token", "create", "--org", self.id, "--role", role, *options)
        return self.tokens[key]

    @property
    def base(self) -> str:
        return f"{self.house.url}/api/v1/{self.id}"

    def desk(self, role: str = "admin", *options: str) -> Client:
        return Client(self.base, self.token(role, *options))


# A client that many threads share must never close a connection as one too many: the library may close one that
# it has just given to another thread (idle until its first byte), whose request then fails on a closed socket.
KEEP_ALL = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)


class Client(httpx.Client):
    """An HTTP client of one caller, with paths relative to the org; threads may share it."""

    def __init__(self, base: str, token: str) -> None:
        super().__init__(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=60, limits=KEEP_ALL)

    def __del__(self) -> None:
        """Tests drop clients as they like; their sockets go with them."""
        self.close()

    def made(self, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        """The record that a create must have answered."""
        answer = self.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def read(self, path: str, **query: Any) -> Any:
        """What a GET must have answered."""
        answer = self.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def new_house(folder: Path, *options: str, **more: Any) -> Iterator[House]:
    """A server on a new data directory, stopped at the end."""
    house = House(folder / "data", free_port())
    if "CHAIRSIDE_DATABASE_URL" not in more:
        prepare(house.data_dir)
    try:
        yield house.start(*options, **more)
    finally:
        house.end()


def prepare(data_dir: Path) -> None:
    """Put a migrated database without orgs or keys there: a copy takes a tenth of the time of making one."""
    shutil.copytree(_migrated(), data_dir, symlinks=True)


@cache
def _migrated() -> Path:
    """A data directory that `chairside migrate` made, once in each test process."""
    folder = Path(tempfile.mkdtemp(prefix="chairside-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    with embedded.start(folder / "data", progress=lambda _: None):
        done = chairside("migrate", data_dir=folder / "data")
    assert done.returncode == 0, done.stderr
    return folder / "data"


def problems(answer: httpx.Response) -> dict[tuple[Any, ...], str]:
    """The code of each problem of an error answer, by its place."""
    return {tuple(p["loc"]): p["type"] for p in answer.json()["detail"]}


def wait_for(done: Any, seconds: float = PATIENCE_SECONDS) -> None:
    """Until `done()` is true; a bound against hanging, not a measure."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
