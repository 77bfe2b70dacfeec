"""One server for a data directory, for as long as the process that started it, whatever happens to either."""

import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from chairside.embedded import EmbeddedError, Server, start, tool, tool_environment
from chairside.embedded import program as program_module
from chairside.embedded import server as server_module
from tests.embedded.hands import Serving, ask, endpoint_of, quiet


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def state_of(data: Path) -> str:
    """What the control file says, such as "shut down"."""
    command = [str(tool("pg_controldata")), str(data / "postgres")]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=tool_environment()).stdout
    return next(line.partition(":")[2].strip() for line in said.splitlines() if "cluster state" in line)


def test_of_two_servers_racing_for_a_directory_one_starts(data: Path) -> None:
    """The other is told who was faster; whoever comes later is told the same."""
    racers = [Serving(data) for _ in range(4)]
    losers = [racer for racer in racers if _ends(racer)]
    (winner,) = [racer for racer in racers if racer not in losers]
    winner.ready()
    sentence = f"Another chairside server (pid {winner.process.pid}) is using {data}."
    # In the instant before the winner has written its number it is an unknown one.
    sentences = {sentence + "\n", re.sub("pid [0-9]+", "pid unknown", sentence) + "\n"}
    told = [loser.complaint() for loser in losers]
    assert [text for text in told if text not in sentences] == []
    assert [loser.process.returncode for loser in losers] == [1, 1, 1]
    with pytest.raises(EmbeddedError) as refused:
        start(data, progress=quiet)
    assert str(refused.value) == sentence
    assert winner.finish() == 0


def _ends(racer: Serving) -> bool:
    """Whether a racer loses: it closes its standard output without a word."""
    assert racer.process.stdout
    return not racer.process.stdout.peek(1)  # type: ignore[attr-defined]  # a BufferedReader


@pytest.mark.parametrize(
    "left",
    [
        "",
        "12",
        "garbage\n\0\xff",
        "{self}\n",
        "{self}\n/elsewhere\n1\n5432\n\n\n1 1\nready   \n",
        "1\n",
        "-1\n",
    ],
    ids=["empty", "truncated", "garbage", "recycled", "recycled and ready", "init", "negative"],
)
def test_whatever_stands_in_a_left_pid_file_the_server_starts(data: Path, left: str) -> None:
    """A number that now belongs to another program proves nothing, and that program is not touched."""
    with start(data, progress=quiet):
        pass
    (data / "postgres" / "postmaster.pid").write_text(left.replace("{self}", str(os.getpid())))
    (data / "run" / "lock").write_text(f"{os.getpid()}\n")
    (data / "run" / "socket" / ".s.PGSQL.5432").touch()
    (data / "run" / "socket" / ".s.PGSQL.5432.lock").write_text(left.replace("{self}", str(os.getpid())))
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"


def test_after_kill_9_of_the_parent_the_server_goes_by_itself(data: Path) -> None:
    """Without anyone starting it again, and cleanly."""
    serving = Serving(data)
    pid = int(serving.ready()["pid"])
    serving.kill()
    for _ in range(3000):
        if not is_alive(pid):
            break
        time.sleep(0.01)
    assert state_of(data) == "shut down"


def test_after_kill_9_of_the_parent_the_server_goes_and_a_restart_has_everything(data: Path) -> None:
    """Killed while a client writes; the restart comes at once and waits for the old server by itself."""
    serving = Serving(data)
    told = serving.ready()
    at = endpoint_of(told)
    ask(at, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    serving.kill()
    with start(data, progress=quiet) as server:
        assert not is_alive(int(told["pid"]))
        assert ask(server.endpoint, "SELECT count(*) FROM t") == "1000"


@pytest.mark.parametrize("after", [0.05, 0.15, 0.3, 0.45, 0.6, 0.75])
def test_a_first_start_killed_at_any_moment_is_made_good_by_the_next(tmp_path: Path, after: float) -> None:
    """A half-made cluster is not mistaken for one, and a complete one is kept."""
    serving = Serving(tmp_path)
    with suppress(subprocess.TimeoutExpired):
        serving.process.wait(after)
    serving.kill()
    with start(tmp_path, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1", role=server.endpoint.app) == "1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["postgres", "run"]


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    """What a killed initdb left is under another name than a cluster ever bears."""
    with start(tmp_path, progress=quiet):
        pass
    (tmp_path / "postgres").rename(tmp_path / "postgres.unfinished")
    (tmp_path / "postgres.unfinished" / "global" / "pg_control").unlink()
    with start(tmp_path, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1", role=server.endpoint.owner) == "1"
    assert not (tmp_path / "postgres.unfinished").exists()


def test_a_crashed_server_recovers_what_was_committed(data: Path) -> None:
    """kill -9 of the database itself, not of its parent."""
    server = start(data, progress=quiet)
    ask(server.endpoint, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT count(*) FROM t") == "1000"


def killed(server: Server) -> int:
    """End the database itself, as the kernel does when memory is short; which process that was."""
    pid = server.pid
    os.kill(pid, signal.SIGKILL)
    return pid


def answered(server: Server, statement: str) -> str:
    """The answer to SQL, once it is there again."""
    for _ in range(3000):
        with suppress(subprocess.CalledProcessError):
            return ask(server.endpoint, statement)
        time.sleep(0.02)
    raise AssertionError("the database never came back")


def test_a_database_that_ended_by_itself_is_started_again(data: Path) -> None:
    """At the same place and with everything that was committed; a stop then stops the new one."""
    told: list[str] = []
    with start(data, progress=told.append) as server:
        ask(server.endpoint, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
        first = killed(server)
        assert answered(server, "SELECT count(*) FROM t") == "1000"
        assert server.pid != first
        assert is_alive(server.pid)
    assert "The database ended by itself; starting it again" in told
    assert not is_alive(server.pid)
    assert state_of(data) == "shut down"


def test_a_stop_while_it_is_started_again_ends_it_without_a_complaint(data: Path) -> None:
    """Whoever stops the server need not know that the database was on its way back."""
    for _ in range(5):
        with start(data, progress=quiet) as server:
            killed(server)
        assert not is_alive(server.pid)


def test_a_database_that_cannot_be_started_again_is_lost_and_said_to_be(data: Path) -> None:
    """Whoever serves from it is told at once, and gets the reason at the end."""
    lost = threading.Event()
    version = data / "postgres" / "PG_VERSION"
    text = version.read_text()
    server = start(data, progress=quiet, lost=lost.set)
    version.unlink()
    killed(server)
    assert lost.wait(60)
    with pytest.raises(EmbeddedError, match="holds something else than a database"), server:
        pass
    version.write_text(text)
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"


def test_a_database_that_ends_again_and_again_is_given_up(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To start it for ever would only hide that something is wrong with it."""
    monkeypatch.setattr(server_module, "_MOST_REVIVALS", 2)
    monkeypatch.setattr(server_module, "_REVIVALS_SECONDS", 3600)
    lost = threading.Event()
    server = start(data, progress=quiet, lost=lost.set)
    for _ in range(3):
        assert not lost.is_set()
        assert answered(server, "SELECT 1") == "1"
        killed(server)
    assert lost.wait(60)
    with pytest.raises(EmbeddedError, match="ended again and again"), server:
        pass


def test_a_stop_is_clean_and_a_second_one_does_nothing(data: Path) -> None:
    """Open sessions do not hold it up."""
    server = start(data, progress=quiet)
    at = server.endpoint
    sleeping = subprocess.Popen(
        [
            str(tool("psql")),
            "-X",
            "-h",
            at.host,
            "-U",
            at.app,
            "-d",
            at.database,
            "-c",
            "SELECT pg_sleep(600)",
        ],
        env=tool_environment(),
        stderr=subprocess.DEVNULL,
    )
    while ask(at, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%(600)'") != "1":
        pass
    server.stop()
    assert sleeping.wait() != 0
    assert not is_alive(server.pid)
    assert state_of(data) == "shut down"
    server.stop()
    with start(data, progress=quiet):
        server.stop()
        assert Serving(data).complaint().startswith("Another chairside server")


def test_a_server_that_does_not_stop_is_ended_without_loss(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When patience is over (here at once) it is ended hard, and recovers at the next start."""
    monkeypatch.setattr(program_module, "PATIENCE_WITH_STOP_SECONDS", 0)
    server = start(data, progress=quiet)
    ask(server.endpoint, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    server.stop()
    assert not is_alive(server.pid)
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT count(*) FROM t") == "1000"


def test_ctrl_c_in_the_terminal_reaches_the_parent_alone(data: Path) -> None:
    """The terminal signals a whole group; the parent finishes its requests before the database goes."""
    serving = Serving(data)
    pid = int(serving.ready()["pid"])
    assert os.getsid(pid) == pid != os.getsid(serving.process.pid)
    os.killpg(serving.process.pid, signal.SIGINT)
    serving.complaint()
    assert not is_alive(pid)
    assert state_of(data) == "shut down"


def test_a_server_started_in_a_thread_outlives_it(data: Path) -> None:
    """The kernel ties a child to the thread that made it; ours is not the caller's."""
    started: list[Server] = []
    thread = threading.Thread(target=lambda: started.append(start(data, progress=quiet)))
    thread.start()
    thread.join()
    while Path(f"/proc/self/task/{thread.native_id}").exists():
        pass
    with started[0] as server:
        assert ask(server.endpoint, "SELECT pg_sleep(0.1) IS NULL") == "f"
        assert is_alive(server.pid)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # as is any supervisor that forks
def test_a_forked_worker_neither_stops_the_server_nor_keeps_it_locked(data: Path) -> None:
    """It inherits everything but the say; and may outlive its parent."""
    reading, writing = os.pipe()
    server = start(data, progress=quiet)
    worker = os.fork()
    if worker == 0:
        os.close(writing)
        server.stop()
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    assert ask(server.endpoint, "SELECT 1") == "1"
    server.stop()
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"
    os.close(writing)
    assert os.waitpid(worker, 0)[1] == 0


def test_a_start_waits_as_long_as_recovery_lasts_and_says_so(data: Path) -> None:
    """A recovery that fetches its log from an archive lasts until the archive answers."""
    with start(data, progress=quiet):
        pass
    cluster = data / "postgres"
    (cluster / "recovery.signal").touch()
    archive = "restore_command = 'until [ -e answer ]; do sleep 0.02; done; false'\n"
    (cluster / "postgresql.auto.conf").write_text(archive)
    told: list[str] = []

    def answer(text: str) -> None:
        told.append(text)
        (cluster / "answer").touch()

    with start(data, progress=answer) as server:
        assert ask(server.endpoint, "SELECT pg_is_in_recovery()") == "f"
    assert told[0].startswith("Starting the database; after an unclean stop it recovers first")


def test_a_restart_waits_for_a_slow_predecessor_and_says_so(data: Path) -> None:
    """The killed parent's server cannot go yet; the restart begins when, and only when, it has gone."""
    serving = Serving(data)
    pid = int(serving.ready()["pid"])
    os.kill(pid, signal.SIGSTOP)
    serving.kill()
    told: list[str] = []

    def let_go(text: str) -> None:
        told.append(text)
        assert is_alive(pid)
        os.kill(pid, signal.SIGCONT)

    with start(data, progress=let_go):
        assert not is_alive(pid)
    assert told[0].startswith("Waiting for the previous database server to finish")


def test_a_server_started_by_hand_on_the_cluster_is_not_disturbed(data: Path) -> None:
    """Two servers on one cluster would destroy it, so one that pg_ctl started is found by where it works."""
    with start(data, progress=quiet):
        pass
    working = subprocess.Popen(["/bin/sleep", "600"], cwd=data / "postgres")
    (data / "postgres" / "postmaster.pid").write_text(f"{working.pid}\n")
    try:
        with pytest.raises(EmbeddedError, match=rf"Another program \(pid {working.pid}\) is running"):
            start(data, progress=quiet)
    finally:
        working.kill()
        working.wait()
