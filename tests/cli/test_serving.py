"""Starting and stopping the server as a person does it, and everything that can be in its way."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chairside import embedded
from tests.cli.hands import command, refused
from tests.house import House, chairside, free_port, new_house, wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server of these tests' own, to be stopped and started."""
    with new_house(tmp_path_factory.mktemp("served"), workers=2) as house:
        yield house


@pytest.fixture
def stopped(served: House) -> House:
    """The same, not running."""
    if served.process is not None and served.process.poll() is None:
        assert served.stop() == 0
    return served


def session_of(pid: int) -> list[int]:
    """The processes that a server has started and that are left, its database's included."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parent, session = int(fields[1]), int(fields[3])
            except (OSError, IndexError):
                continue
            if fields[0] != "Z" and pid in (session, parent):
                found.append(int(folder.name))
    return found


def descendants(pid: int) -> set[int]:
    known = {pid}
    while more := {child for parent in known for child in session_of(parent)} - known:
        known |= more
    return known


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_signal_stops_server_and_database_cleanly(stopped: House, how: signal.Signals) -> None:
    """Exit 0, one word, no process left, nothing to recover: what Ctrl-C and a service manager expect."""
    house = stopped.start(workers=2)
    assert house.process
    family = descendants(house.process.pid)
    assert len(family) > 4
    assert httpx.get(f"{house.url}/readyz").status_code == 200
    house.process.send_signal(how)
    assert house.process.wait(60) == 0
    assert house.process.stdout
    house.process.stdout.close()
    assert house.log().splitlines()[-1] == "Stopped."
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))
    control = (house.data_dir / "postgres" / "postmaster.pid").exists()
    assert not control
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", house.port)) != 0


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="The system does not tell")
def test_workers_share_what_is_loaded_before_they_are_made(stopped: House) -> None:
    """Of what has been written to memory: each has as much in common with the others as of its own, about."""
    house = stopped.start(workers=2)
    assert house.process
    supervisor, database = house.process.pid, descendants(database_of(house))
    workers = descendants(supervisor) - database - {supervisor}
    seen = {pid: Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in workers}
    written = [dict(re.findall(r"^(Shared|Private)_Dirty: +(\d+) kB$", text, re.MULTILINE)) for text in seen.values()]
    large = [(int(each["Shared"]), int(each["Private"])) for each in written if int(each["Private"]) > 10_000]
    assert len(large) == 2
    assert all(shared > 0.7 * private for shared, private in large), large


def database_of(house: House) -> int:
    """The process of a house's database that all its others are children of."""
    assert house.process
    return next(p for p in session_of(house.process.pid) if Path(f"/proc/{p}/comm").read_text() == "postgres\n")


def ready(house: House) -> bool:
    try:
        return httpx.get(f"{house.url}/readyz", timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_killed_database_is_started_again_under_the_running_server(stopped: House) -> None:
    """Requests are 503 with Retry-After meanwhile; then all that was answered is there, in the same processes."""
    house = stopped.start(workers=2)
    assert house.process
    desk = house.org("Killed Dental").desk()
    made = desk.made("/patients", {"first_name": "Ana", "last_name": "Kept"})
    pid = database_of(house)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists())

    def goes_on() -> bool:
        answer = desk.get(f"/patients/{made['id']}")
        assert answer.status_code in (200, 503), answer.text
        assert answer.status_code == 200 or int(answer.headers["retry-after"]) > 0
        return ready(house)

    wait_for(goes_on)
    assert desk.read(f"/patients/{made['id']}") | {"potential_duplicates": []} == made
    assert "The database ended by itself; starting it again" in house.log()
    assert house.stop() == 0


def test_a_server_whose_database_cannot_come_back_ends_with_the_reason(tmp_path: Path) -> None:
    """A service manager sees status 1 and one sentence, and no process is left to answer 503 for ever."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, workers=2) as house:
        assert house.process
        family = descendants(house.process.pid)
        (house.data_dir / "postgres" / "PG_VERSION").unlink()
        os.kill(database_of(house), signal.SIGKILL)
        assert house.process.wait(90) == 1
        assert house.log().splitlines()[-1].startswith("chairside: The folder ")
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))


def test_workers_that_end_right_after_their_start_end_the_server_with_the_reason(tmp_path: Path) -> None:
    """Starting them for ever would hide the fault; a service manager sees status 1 and one sentence."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, workers=1) as house:
        assert house.process
        killed: set[int] = set()

        def killed_until_it_ends() -> bool:
            """Every worker that appears is killed as soon as it is seen."""
            assert house.process
            for pid in set(session_of(house.process.pid)) - killed:
                if is_worker(house, pid):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
            return house.process.poll() is not None

        wait_for(killed_until_it_ends)
        assert house.process.returncode == 1
        assert len(killed) > 1
        sentence = "chairside: A worker process ended again right after its start, so the server ends."
        assert house.log().splitlines()[-1] == sentence


def is_worker(house: House, pid: int) -> bool:
    """A worker is a fork of the server itself; every other child runs another program."""
    try:
        return house.process is not None and pid != house.process.pid and _line(pid) == _line(house.process.pid)
    except OSError:
        return False


def _line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


ORPHANED = """
import multiprocessing, os, signal, time
from chairside.app import _end_with_parent

def work(supervisor):
    while os.getppid() == supervisor:
        time.sleep(0.01)
    _end_with_parent()
    print("still here", flush=True)

multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(),)).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_whose_supervisor_was_killed_while_it_began_ends_too() -> None:
    """Else it would hold the port, without a database, and no later start could listen there."""
    done = subprocess.run([sys.executable, "-c", ORPHANED], capture_output=True, timeout=90, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGKILL, b"", b"")


def test_a_second_start_keeps_everything(stopped: House) -> None:
    """Records and tokens made before are there after."""
    house = stopped.start(workers=1)
    org = house.org("Kept Dental")
    made = org.desk().made("/patients", {"first_name": "Ana", "last_name": "Kept"})
    kept = org.desk().read(f"/patients/{made['id']}")
    assert house.stop() == 0
    house.start(workers=1)
    assert org.desk().read(f"/patients/{made['id']}") == kept


def test_a_port_in_use_is_one_sentence(stopped: House) -> None:
    """Said before anything is started, with address and reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused("serve", "--port", str(port), data_dir=stopped.data_dir)
    assert said == f"Cannot listen on 127.0.0.1:{port}: Address already in use."


def test_two_servers_cannot_share_a_data_directory(stopped: House) -> None:
    """The second names the first and ends; the first goes on."""
    house = stopped.start(workers=1)
    assert house.process
    done = chairside("serve", "--port", str(free_port()), data_dir=house.data_dir)
    assert done.returncode == 1
    assert done.stderr == f"chairside: Another chairside server (pid {house.process.pid}) is using {house.data_dir}.\n"
    assert httpx.get(f"{house.url}/readyz").status_code == 200


def test_without_its_key_file_the_server_does_not_start(stopped: House) -> None:
    """A new key would hide that sealed values are lost: refused in one line, until the file is back."""
    keys, away = stopped.data_dir / "keys.json", stopped.data_dir / "keys.away"
    keys.rename(away)
    try:
        done = chairside("serve", "--port", str(free_port()), data_dir=stopped.data_dir)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith(f"chairside: The key file {keys} is missing; put it back")
        assert "Traceback" not in done.stderr
        assert not keys.exists()
    finally:
        away.rename(keys)
    assert stopped.start(workers=1).stop() == 0


def test_keys_of_another_server_are_refused(stopped: House, house: House) -> None:
    """Social security numbers sealed under two sets of keys could never be rotated."""
    keys, away = stopped.data_dir / "keys.json", stopped.data_dir / "keys.away"
    keys.rename(away)
    shutil.copy(house.data_dir / "keys.json", keys)
    try:
        done = chairside("serve", "--port", str(free_port()), data_dir=stopped.data_dir)
        assert done.returncode == 1
        # No key of it fits; the database is free to tell of any of them first.
        lost = r"is not the one this database was used with \(key (k\d+|audit)\)"
        assert re.search(lost, done.stderr.splitlines()[-1])
        keys.write_text("{}")
        done = chairside("serve", "--port", str(free_port()), data_dir=stopped.data_dir)
        assert done.stderr.splitlines()[-1] == f"chairside: The key file {keys} is damaged."
    finally:
        keys.unlink()
        away.rename(keys)


def test_what_holds_secrets_is_for_its_owner_alone(served: House) -> None:
    """Keys and numbers lie in a folder that others cannot enter."""
    assert stat.S_IMODE((served.data_dir / "keys.json").stat().st_mode) == 0o600
    for folder in ("postgres", "run", "metrics"):
        assert stat.S_IMODE((served.data_dir / folder).stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody@127.0.0.1:{free}/x", "The database cannot be reached: "),
        ("postgresql://nobody@no.such.host.invalid/x", "The database cannot be reached: "),
        ("mysql://nobody@127.0.0.1/x", "CHAIRSIDE_DATABASE_URL is not of the form postgresql://"),
        ("nonsense", "CHAIRSIDE_DATABASE_URL is not of the form postgresql://"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(tmp_path: Path, url: str, sentence: str) -> None:
    """For `serve` as for every command, with exit status 1."""
    url = url.format(free=free_port())
    for args in (("serve", "--port", str(free_port())), ("org", "list")):
        said = refused(*args, data_dir=tmp_path / "data", CHAIRSIDE_DATABASE_URL=url)
        assert said.startswith(sentence), said
        assert said.endswith(".")


def test_the_demo_is_shown_again_with_the_same_token(tmp_path: Path) -> None:
    """The first start makes a practice of 500; the second prints the same org and token, which still works."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, "--demo", workers=1) as house:
        first = [line for line in house.said if "Demo org" in line or "Token " in line or line.startswith("curl")]
        assert len(first) == 5
        assert stat.S_IMODE((house.data_dir / "demo.json").stat().st_mode) == 0o600
        assert house.stop() == 0
        house.start("--demo", workers=1)
        assert [line for line in house.said if line in first] == first
        org, token = first[0].split()[-1], first[1].split()[1]
        bearer = {"Authorization": f"Bearer {token}"}
        listed = httpx.get(f"{house.url}/api/v1/{org}/patients", headers=bearer, timeout=30)
        assert listed.json()["total"] == 500


def test_a_start_serves_at_the_address_it_prints(served: House) -> None:
    """The banner is what a person copies from."""
    if served.process is None or served.process.poll() is not None:
        served.start(workers=1)
    shown = "".join(served.said)
    assert f"{served.url}/api/v1/" in shown
    assert f"{served.url}/docs" in shown
    assert str(served.data_dir) in shown
    assert os.path.isdir(embedded.endpoint(served.data_dir).host)  # noqa: PTH112 - may be a name in /proc


def sealing_keys(house: House) -> list[dict[str, str]]:
    """The keys that the key file of this house holds, the newest first."""
    keys: list[dict[str, str]] = json.loads((house.data_dir / "keys.json").read_text())["keys"]
    return keys


def test_a_rotated_key_opens_what_the_old_one_sealed(stopped: House) -> None:
    """While the server goes on: the same number is revealed, new ones are sealed, duplicates are still found."""
    house = stopped.start(workers=2)
    org = house.org("Rotation Dental")
    desk = org.desk()
    sent = {"first_name": "Ana", "last_name": "Sealed", "social_security_number": "900-45-6789"}
    made = desk.made("/patients", sent)
    [before] = sealing_keys(house)
    done = command("rotate-key", data_dir=house.data_dir)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Sealed 1 value under key k2" in done.stderr
    [after] = sealing_keys(house)
    assert (before["id"], after["id"]) == ("k1", "k2")
    assert after["key"] != before["key"]
    for _ in range(6):
        shown = desk.read(f"/patients/{made['id']}", reveal="ssn")
        assert shown["social_security_number"] == "900456789"
        assert shown["version"] == 1
    sent = {"last_name": "Sealed", "social_security_number": "900456789"}
    found = desk.post("/patients/check-duplicates", json=sent).json()
    assert [item["id"] for item in found["items"]] == [made["id"]]
    assert house.stop() == 0
    house.start(workers=1)
    assert desk.read(f"/patients/{made['id']}", reveal="ssn")["version"] == 1


def test_no_process_of_a_server_writes_a_core_file(served: House) -> None:
    """Memory holds records and keys; neither a file nor a program that the kernel pipes a dump to gets any of it."""
    house = served if served.process is not None and served.process.poll() is None else served.start(workers=2)
    assert house.process
    seen = set()
    for pid in descendants(house.process.pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a PostgreSQL worker that has ended meanwhile
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE), name
            assert int(Path(f"/proc/{pid}/coredump_filter").read_text(), 16) == 0, name
            seen.add(name)
    assert {"postgres"} < seen


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o777])
def test_a_key_file_that_others_can_read_is_refused_with_the_remedy(stopped: House, mode: int) -> None:
    """By `serve` and by every command that needs the keys; after the remedy all is well."""
    keys = stopped.data_dir / "keys.json"
    keys.chmod(mode)
    try:
        for args in (("serve", "--port", str(stopped.port)), ("org", "create", "Never"), ("audit", "verify")):
            said = refused(*args, data_dir=stopped.data_dir)
            assert said == f"The key file {keys} can be read by others (mode {mode:o}); run `chmod 600 {keys}`."
    finally:
        keys.chmod(0o600)
    assert command("audit", "verify", data_dir=stopped.data_dir).returncode == 0
