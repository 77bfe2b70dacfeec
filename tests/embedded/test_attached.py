"""Management commands use the server that runs, or one of their own for as long as they need it."""

from pathlib import Path

from chairside.embedded import attached, start
from tests.embedded.hands import Serving, ask, endpoint_of, quiet
from tests.embedded.test_lifetime import is_alive, state_of


def test_without_a_server_one_runs_for_the_time_of_the_block(data: Path) -> None:
    """It is there, and it is gone cleanly afterwards."""
    with attached(data, progress=quiet) as at:
        ask(at, "CREATE TABLE t AS SELECT 1 AS n")
    assert state_of(data) == "shut down"
    with attached(data, progress=quiet) as at:
        assert ask(at, "SELECT n FROM t") == "1"


def test_a_running_server_is_used_and_left_running(data: Path) -> None:
    """Whether it belongs to another process or to this one."""
    serving = Serving(data)
    told = serving.ready()
    with attached(data, progress=quiet) as at:
        assert at == endpoint_of(told)
        assert ask(at, "SELECT 1") == "1"
    assert is_alive(int(told["pid"]))
    assert ask(endpoint_of(told), "SELECT 1") == "1"
    assert serving.finish() == 0


def test_a_command_that_comes_during_a_start_waits_for_it(tmp_path: Path) -> None:
    """The server is being made; the command does not fail for that."""
    serving = Serving(tmp_path)
    serving.next_progress()  # it makes the cluster
    with attached(tmp_path, progress=quiet) as at:
        assert ask(at, "SELECT 1") == "1"
    serving.ready()
    assert serving.finish() == 0


def test_commands_at_the_same_time_share_one_server_and_the_last_is_not_cut_off(data: Path) -> None:
    """The one that started the server waits with stopping it until the others are done."""
    first = Serving(data, way="attach")
    first.ready()
    with attached(data, progress=quiet) as at:
        assert first.process.stdin
        first.process.stdin.close()
        assert first.next_progress().startswith("Waiting for another chairside command to finish")
        assert ask(at, "SELECT 1") == "1"
    assert first.process.wait() == 0
    assert state_of(data) == "shut down"


def test_an_error_in_the_block_is_the_callers_and_the_server_stops(data: Path) -> None:
    """Nothing is swallowed or left behind."""
    try:
        with attached(data, progress=quiet):
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert state_of(data) == "shut down"
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"


def test_a_server_waits_for_a_command_and_says_for_which(data: Path) -> None:
    """An `audit verify`, `backup` or `doctor` of the night must not keep the server of the morning from starting."""
    command = Serving(data, way="attach")
    command.ready()
    server = Serving(data)
    expected = f"Waiting for `chairside audit verify` (pid {command.process.pid}) to finish with {data}"
    assert server.next_progress().startswith(expected)
    assert server.process.poll() is None
    assert command.finish() == 0
    assert ask(endpoint_of(server.ready()), "SELECT 1") == "1"
    assert server.finish() == 0


def test_a_server_that_waits_starts_after_a_command_that_was_killed(data: Path) -> None:
    """The kernel drops the lock, whatever the command's signature says."""
    command = Serving(data, way="attach")
    command.ready()
    server = Serving(data)
    assert "audit verify" in server.next_progress()
    command.kill()
    assert ask(endpoint_of(server.ready()), "SELECT 1") == "1"
    assert server.finish() == 0


def test_a_command_after_a_server_is_not_taken_for_it(data: Path) -> None:
    """The signature of the last holder is replaced, not mixed with the new one, which may be shorter."""
    assert Serving(data).finish() == 0
    first = Serving(data, way="attach")
    first.ready()
    signature = (data / "run" / "lock").read_text().split("\n", 1)
    assert (signature[0], signature[1].strip()) == (str(first.process.pid), "chairside audit verify")
    assert first.finish() == 0
