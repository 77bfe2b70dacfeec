"""A restore that was killed can be run again, and nothing else touches the half that it left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.hands import answered, command, refused
from tests.house import House, environment, free_port, new_house

MARK = "restore-unfinished.json"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A backup, and the org that is in it."""
    folder = tmp_path_factory.mktemp("source")
    folder.chmod(0o755)
    with new_house(folder, workers=1) as house:
        org = house.org("Cut Off Dental").id
        house.run("token", "create", "--org", org, "--role", "admin")
        assert command("backup", str(folder / "good"), data_dir=house.data_dir).returncode == 0
    return folder / "good", org


def cut(file: Path, data_dir: Path, moment: str) -> None:
    """Kill -9 a restore at its first word, or when a file is there."""
    options = ["restore", str(file), "--data-dir", str(data_dir)]
    restoring = subprocess.Popen(
        [sys.executable, "-m", "chairside", *options], stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert restoring.stderr
    if moment == "at its first word":
        restoring.stderr.readline()
    else:
        while restoring.poll() is None and not (data_dir / moment).exists():
            pass
    restoring.send_signal(signal.SIGKILL)
    restoring.communicate()


@pytest.mark.parametrize("moment", ["at its first word", MARK, "postgres", "postgres/postmaster.pid", "keys.json"])
def test_a_killed_restore_is_refused_by_all_and_can_be_run_again(
    good: tuple[Path, str], tmp_path: Path, moment: str
) -> None:
    """At any moment; a server that started here would serve an empty database under new keys."""
    (file, org), data = good, tmp_path / "data"
    tmp_path.chmod(0o755)
    cut(file, data, moment)
    if (data / MARK).exists():
        for args in (("serve", "--port", str(free_port())), ("org", "list"), ("doctor",), ("audit", "verify"),
                     ("backup", str(tmp_path / "x")), ("org", "create", "Never")):  # fmt: skip
            said = refused(*args, data_dir=data)
            assert said.startswith(f"{data} holds half of a restore that was cut off: run `chairside restore FILE")
        done = command("restore", str(file), data_dir=data)
        assert done.returncode == 0, done.stderr
    assert not (data / MARK).exists()
    assert answered("org", "list", data_dir=data).startswith(org)
    [token] = json.loads(answered("token", "list", "--json", "--org", org, data_dir=data))
    assert token["state"] == "suspended", "a restore ends with the start of an epoch, wherever it was killed before"
    with_server = House(data, free_port())
    with_server.start(workers=1)
    assert with_server.stop() == 0


def test_one_that_was_cut_off_right_before_its_end_is_begun_anew(good: tuple[Path, str], tmp_path: Path) -> None:
    """Database and keys are there already, only the mark was not removed."""
    (file, org), data = good, tmp_path / "data"
    tmp_path.chmod(0o755)
    assert command("restore", str(file), data_dir=data).returncode == 0
    (data / MARK).write_text(json.dumps({"digest": "x", "files": ["keys.json"]}))
    assert "half of a restore" in refused("org", "list", data_dir=data)
    assert command("restore", str(file), data_dir=data).returncode == 0
    assert answered("org", "list", data_dir=data).startswith(org)


def test_a_mark_cut_off_while_it_was_written_is_a_mark_too(good: tuple[Path, str], tmp_path: Path) -> None:
    """An empty one means that nothing else was made yet."""
    (file, org), data = good, tmp_path / "data"
    tmp_path.chmod(0o755)
    data.mkdir(0o700)
    (data / MARK).touch()
    assert "half of a restore" in refused("serve", "--port", str(free_port()), data_dir=data)
    assert command("restore", str(file), data_dir=data).returncode == 0
    assert answered("org", "list", data_dir=data).startswith(org)
