"""A server that is started while a command works on its stopped data directory waits, and says for what."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.house import PATIENCE_SECONDS, House, Org, environment, free_port, new_house, wait_for

STARTED = "postgres/postmaster.pid"


@pytest.fixture(scope="module")
def asleep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """An org whose server has stopped."""
    folder = tmp_path_factory.mktemp("waiting")
    folder.chmod(0o755)
    with new_house(folder, workers=1) as house:
        org = house.org("Waiting Dental")
        org.desk().made("/patients", {"first_name": "Ana", "last_name": "Lind"})
        assert house.stop() == 0
        yield org


def paused(args: list[str], data_dir: Path) -> subprocess.Popen[str]:
    """A command that is stopped in the middle: its database runs, and it has not ended."""
    while True:
        options = [*args, "--data-dir", str(data_dir)]
        working = subprocess.Popen(
            [sys.executable, "-m", "chairside", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        while working.poll() is None and not (data_dir / STARTED).exists():
            pass
        if working.poll() is None:
            os.kill(working.pid, signal.SIGSTOP)
            return working
        working.communicate()  # it was faster than this loop


@pytest.mark.parametrize("command", ["audit verify", "backup", "doctor"])
def test_a_server_waits_for_a_command_that_works_without_one(asleep: Org, tmp_path: Path, command: str) -> None:
    """Neither is refused, and both do their whole work."""
    data = asleep.house.data_dir
    file = [str(tmp_path / "a.backup")] if command == "backup" else []
    working = paused([*command.split(), *file], data)
    house = House(data, free_port())
    with ThreadPoolExecutor(1) as beside:
        starting = beside.submit(house.start, workers=1)
        try:
            said = f"Waiting for `chairside {command}` (pid {working.pid}) to finish with {data}"
            wait_for(lambda: house.log_file.exists() and said in house.log())
            assert not starting.done()
        finally:
            os.kill(working.pid, signal.SIGCONT)
        told = working.communicate(timeout=PATIENCE_SECONDS)
        assert working.returncode == 0, told
        starting.result(PATIENCE_SECONDS)
    try:
        again = Org(house, asleep.id, asleep.tokens)
        assert again.desk().read("/patients")["total"] == 1
    finally:
        house.end()
