"""A PostgreSQL of one's own, as a hosting company would give it: TCP, a password, no superuser."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chairside.embedded import tool, tool_environment
from tests.embedded.hands import as_person, ordinary_person
from tests.house import free_port, wait_for

USER, PASSWORD, DATABASE = "practice", "open sesame/%40", "practice_data"
MOST_SECONDS = 120
# `make test-on BIN=...` names another release's programs with it.
BIN = os.environ.get("POSTGRES_BIN")


@dataclass(frozen=True)
class Hosted:
    port: int
    folder: Path
    disk: Path | None = None

    @property
    def url(self) -> str:
        """Who uses the database: may make roles, and is no superuser."""
        return f"postgresql://{USER}:open%20sesame%2F%2540@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def host_url(self) -> str:
        """The host's own superuser, over the socket."""
        return f"postgresql://host@/{DATABASE}?host={self.folder}&port={self.port}"

    def sql(self, statement: str, database: str = DATABASE) -> str:
        """What the host's own superuser is answered."""
        options = ("-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-p", str(self.port))
        return run(["psql", *options, "-U", "host", "-d", database, "-c", statement]).strip()


def program(name: str) -> str:
    return str(Path(BIN) / name if BIN else tool(name))


def run(command: Sequence[str]) -> str:
    person = ordinary_person()
    full = as_person(person, [program(command[0]), *command[1:]])
    # A bound against hanging: a lock that is never let go is a fault that must end the test.
    done = subprocess.run(
        full, check=True, capture_output=True, text=True, env=tool_environment(), cwd="/", timeout=MOST_SECONDS
    )
    return done.stdout


@contextmanager
def hosted(disk: Path | None = None) -> Iterator[Hosted]:
    """A server on 127.0.0.1 with an empty database, gone at the end; the database lies on another disk, if given."""
    person = ordinary_person()
    folder = Path(tempfile.mkdtemp(prefix="hosted-"))
    os.chown(folder, person.uid, person.gid)
    at = Hosted(free_port(), folder, disk)
    data = str(folder / "data")
    try:
        run(["initdb", "-D", data, "-U", "host", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"])
        (folder / "data" / "pg_hba.conf").write_text("local all host trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        options = {"port": at.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
        server = subprocess.Popen(
            as_person(
                person, [program("postgres"), "-D", data, *(f"--{name}={value}" for name, value in options.items())]
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=tool_environment(),
            cwd="/",
        )
        try:
            ready = as_person(person, [program("pg_isready"), "-q", "-h", str(folder), "-p", str(at.port)])
            wait_for(lambda: subprocess.run(ready, check=False, env=tool_environment(), cwd="/").returncode == 0)
            at.sql(f"CREATE ROLE {USER} LOGIN CREATEROLE NOSUPERUSER PASSWORD '{PASSWORD}'", "postgres")
            if disk:
                os.chown(disk, person.uid, person.gid)
                at.sql(f"CREATE TABLESPACE apart LOCATION '{disk}'", "postgres")
            where = "apart" if disk else "pg_default"
            at.sql(f"CREATE DATABASE {DATABASE} OWNER {USER} TABLESPACE {where}", "postgres")
            yield at
        finally:
            server.terminate()
            server.wait(60)
    finally:
        shutil.rmtree(folder)
