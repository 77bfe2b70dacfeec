"""Odd paths, bare environments and damaged or foreign clusters: it works, or one sentence says why not."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from chairside.embedded import EmbeddedError, endpoint, start
from chairside.embedded.binaries import packages_folder
from tests.embedded.hands import HERE, SOURCES, Serving, ask, endpoint_of, quiet

LONG = "/".join(["a folder whose name is of some length"] * 5)
VERY_LONG = "/".join(["x" * 250] * 5)  # longer than PostgreSQL's own limit of 1,024


@pytest.mark.parametrize(
    "name",
    [
        "with spaces",
        'it\'s "quoted" $HOME `x`',
        "zähne-歯-🦷",
        "a,b",
        "line\nbreak",
        "-D",
        "%p",
        LONG,
        VERY_LONG,
    ],
    ids=lambda name: name[:12],
)
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    """Also one too long for a socket's address or for PostgreSQL itself, and one with a comma in it."""
    data = tmp_path / name
    data.parent.mkdir(parents=True, exist_ok=True)
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1", role=server.endpoint.app) == "1"
        assert server.endpoint.host.startswith("/")
        assert len(f"{server.endpoint.host}/.s.PGSQL.5432") < 108


def test_a_short_path_is_used_as_it_is(tmp_path: Path) -> None:
    """People find the socket where the data directory says."""
    with start(tmp_path, progress=quiet) as server:
        assert server.endpoint.host == str(tmp_path / "run" / "socket")


def test_a_relative_path_means_the_folder_it_meant_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later change of the working directory does not lose the server."""
    monkeypatch.chdir(tmp_path)
    with start(Path("data"), progress=quiet) as server:
        monkeypatch.chdir("/")
        assert ask(server.endpoint, "SELECT 1") == "1"
        assert (tmp_path / "data" / "postgres").is_dir()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # as is any supervisor that forks
def test_worker_processes_build_their_own_endpoint_of_a_long_path(tmp_path: Path) -> None:
    """Forked or started afresh; and a program they start can use theirs."""
    data = tmp_path / LONG
    data.parent.mkdir(parents=True)
    with start(data, progress=quiet) as server:
        assert endpoint(data) == server.endpoint
        child = os.fork()
        if child == 0:
            os._exit(0 if ask(endpoint(data), "SELECT 1") == "1" else 1)
        assert os.waitpid(child, 0)[1] == 0
        with_own = Serving(data, way="attach")
        own = endpoint_of(with_own.ready())
        assert own.host != server.endpoint.host
        assert ask(own, "SELECT 1") == "1"
        assert with_own.finish() == 0


@pytest.mark.parametrize("closed", [(), (0,), (0, 1, 2)], ids=["open", "stdin closed", "all closed"])
def test_an_empty_environment_is_enough(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """No HOME, no PATH, a locale that is not there, standard streams closed: as from init or cron."""
    script = (
        "import os, pathlib, sys\n"
        f"[os.close(stream) for stream in {closed!r}]\n"
        f"sys.path[:0] = {[str(SOURCES), str(packages_folder())]!r}\n"
        "from chairside.embedded import start\n"
        "with start(pathlib.Path(sys.argv[1]), progress=lambda text: None) as server:\n"
        "    pathlib.Path(sys.argv[2]).write_text(str(server.pid))\n"
    )
    command = [sys.executable, "-I", "-c", script, str(tmp_path / "data"), str(tmp_path / "pid")]
    environment = {"LANG": "nonsense", "LC_ALL": "xx_YY.nonsense", "PGDATA": "/nonsense", "PGPORT": "1"}
    subprocess.run(command, check=True, env=environment, cwd="/")
    assert (tmp_path / "pid").read_text().isdecimal()


def test_a_second_start_keeps_everything(data: Path) -> None:
    """Rows and roles are there again, and nothing is made anew."""
    told: list[str] = []
    with start(data, progress=quiet) as server:
        ask(server.endpoint, "CREATE TABLE kept AS SELECT 42 AS answer")
    with start(data, progress=told.append) as server:
        assert ask(server.endpoint, "SELECT answer FROM kept") == "42"
    assert told == []


def test_a_cluster_of_another_version_is_refused_and_left_alone(data: Path) -> None:
    """The sentence names both versions."""
    with start(data, progress=quiet):
        pass
    version = data / "postgres" / "PG_VERSION"
    version.write_text("15\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 15, and this is PostgreSQL 18"):
        start(data, progress=quiet)
    version.write_text("18\n")
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"


def test_a_folder_that_is_no_cluster_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Never is anything called postgres/ deleted to make room."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis").write_text("the only copy")
    with pytest.raises(EmbeddedError, match="holds something else than a database"):
        start(tmp_path, progress=quiet)
    assert (tmp_path / "postgres" / "thesis").read_text() == "the only copy"


def test_a_cluster_that_cannot_start_is_told_with_postgres_reason(data: Path) -> None:
    """A damaged control file: the error carries what the server said, and the next try is free to begin."""
    with start(data, progress=quiet):
        pass
    control = data / "postgres" / "global" / "pg_control"
    whole = control.read_bytes()
    control.write_bytes(b"\0" * len(whole))
    with pytest.raises(EmbeddedError, match=r"did not start: database files are incompatible with server\.$"):
        start(data, progress=quiet)
    control.write_bytes(whole)
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"


def test_recovery_that_fails_is_told_with_its_reason(data: Path) -> None:
    """The reason stands in the server's log by then, not on its standard error."""
    with start(data, progress=quiet):
        pass
    for segment in (data / "postgres" / "pg_wal").glob("0*"):
        segment.write_bytes(b"\0" * segment.stat().st_size)
    with pytest.raises(EmbeddedError, match="did not start: could not locate a valid checkpoint record"):
        start(data, progress=quiet)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """Files of at most 1 MB stand for the full disk; nothing half-made is taken for a cluster later."""
    command = [sys.executable, str(HERE / "supervise.py"), "start", str(tmp_path / "data")]
    refused = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{SOURCES}:{packages_folder()}"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("The database could not be made: ")
    with start(tmp_path / "data", progress=quiet) as server:
        assert ask(server.endpoint, "SELECT 1") == "1"
