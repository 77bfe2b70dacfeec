"""What the tests of the embedded database do with it: run it as some user, ask it, look around it."""

import contextlib
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import chairside
from chairside.embedded import Endpoint, tool, tool_environment
from chairside.embedded.binaries import packages_folder

HERE = Path(__file__).parent
SOURCES = Path(chairside.__path__[0]).parent
IS_ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Person:
    uid: int
    gid: int

    @property
    def name(self) -> str:
        return pwd.getpwuid(self.uid).pw_name


def ordinary_person() -> Person:
    """Who runs the tests, or when that is root, some user without rights."""
    if not IS_ROOT:
        return Person(os.getuid(), os.getgid())
    entry = pwd.getpwnam("daemon")
    return Person(entry.pw_uid, entry.pw_gid)


def as_person(person: Person | None, command: Sequence[str]) -> list[str]:
    """The command to run a command as that person (None: as whoever runs the tests)."""
    if person is None or person.uid == os.geteuid():
        return list(command)
    if not becoming_works(person):
        pytest.skip("Python or the checkout is closed to ordinary users, and the kernel allows no private view")
    return [sys.executable, str(HERE / "become.py"), str(person.uid), str(person.gid), _kept(), *command]


@cache
def becoming_works(person: Person) -> bool:
    """Whether an ordinary user can be given what it needs to run the tests' programs."""
    become = [sys.executable, str(HERE / "become.py"), str(person.uid), str(person.gid), _kept()]
    return subprocess.run([*become, sys.executable, "--version"], check=False).returncode == 0


def _kept() -> str:
    folders = {Path(sys.prefix), Path(sys.base_prefix), SOURCES, HERE, packages_folder()}
    return ":".join(str(folder) for folder in sorted({*folders, *(folder.resolve() for folder in folders)}))


class Serving:
    """Another chairside process: supervise.py on a data directory."""

    def __init__(
        self,
        data_dir: Path | str,
        *,
        way: str = "start",
        person: Person | None = None,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        python_path = f"{SOURCES}:{packages_folder()}"
        self.process = subprocess.Popen(
            as_person(person, [sys.executable, str(HERE / "supervise.py"), way, str(data_dir)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PYTHONPATH": python_path, **(os.environ if environment is None else environment)},
            cwd=cwd,
            start_new_session=True,
        )

    def ready(self) -> dict[str, str | int]:
        """What it tells when the server is there; fails with its complaint when it does not start."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.complaint()
        told: dict[str, str | int] = json.loads(line)
        return told

    def complaint(self) -> str:
        """What it said on standard error, once it has ended by itself."""
        _, said = self.process.communicate()
        return said.decode()

    def next_progress(self) -> str:
        assert self.process.stderr
        return self.process.stderr.readline().decode()

    def finish(self) -> int:
        """Let it stop cleanly; its exit status."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate()
        return self.process.returncode

    def kill(self) -> None:
        """As the kernel does when memory is short: no chance to stop anything."""
        self.process.kill()
        self.process.communicate()


def endpoint_of(told: Mapping[str, str | int]) -> Endpoint:
    fields = {name: value for name, value in told.items() if name != "pid"}
    return Endpoint(**fields)  # type: ignore[arg-type]  # straight back from asdict


def ask(at: Endpoint, statement: str, *, role: str | None = None) -> str:
    """The answer to SQL, one row to a line; CalledProcessError when it is refused."""
    asking = psql(at, role or at.superuser, statement)
    result = subprocess.run(asking, check=True, capture_output=True, text=True, env=tool_environment())
    return result.stdout.strip()


def psql(at: Endpoint, role: str, statement: str, *, host: str | None = None) -> list[str]:
    options = ["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", at.database, "-U", role]
    return [str(tool("psql")), *options, "-h", host or at.host, "-p", str(at.port), "-c", statement]


def picture(folder: Path, *, without: Path | None = None) -> dict[str, tuple[int, int, int, bytes | None]]:
    """Mode, owner, group and content of everything below a folder, apart from one."""
    seen = {}
    for path in sorted([folder, *folder.rglob("*")]):
        if without is None or not path.is_relative_to(without):
            state = path.lstat()
            content = path.read_bytes() if path.is_file() else None
            seen[str(path)] = (state.st_mode, state.st_uid, state.st_gid, content)
    return seen


def quiet(_: str) -> None:
    """Progress that no one needs to see."""
