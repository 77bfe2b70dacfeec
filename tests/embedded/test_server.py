"""The server is closed to the network, durable, discreet, and what clients connect as is powerless."""

import asyncio
import os
import re
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import asyncpg
import pytest

from chairside.embedded import EmbeddedError, Server, start, tool, tool_environment
from chairside.embedded.binaries import MAJOR_VERSION
from chairside.embedded.configuration import MIB, machine_memory, settings
from tests.embedded.hands import IS_ROOT, ask, ordinary_person, psql, quiet


def test_no_network_port_is_open(looked_at: Server) -> None:
    """Neither by its settings nor by what the kernel lists as its sockets."""
    assert ask(looked_at.endpoint, "SHOW listen_addresses") == ""
    links = [str(entry.readlink()) for entry in Path(f"/proc/{looked_at.pid}/fd").iterdir()]
    own = {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
    network = {
        line.split()[9]
        for table in ("tcp", "tcp6", "udp", "udp6")
        if Path(f"/proc/net/{table}").exists()
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    }
    assert own
    assert own & network == set()


def test_committed_means_on_disk_and_pages_are_checked(looked_at: Server) -> None:
    """Nothing was traded for speed."""
    for setting in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert (setting, ask(looked_at.endpoint, f"SHOW {setting}")) == (setting, "on")


def test_a_recovery_syncs_the_file_system_by_one_call_where_that_is_safe() -> None:
    """File by file it takes seconds of a restart; an older kernel may not tell of a write that failed."""
    for kernel, method in (("6.12.3-amd64", "syncfs"), ("5.8.0", "syncfs"), ("5.7.19", "fsync"), ("odd", "fsync")):
        with patch.object(os, "uname", return_value=SimpleNamespace(release=kernel)):
            assert f"recovery_init_sync_method = '{method}'" in settings("/socket", 1 << 30, {}).splitlines()


def test_text_is_utf8_with_rules_that_need_no_locale_of_the_machine(looked_at: Server) -> None:
    """A cluster that sorts by the machine's libc breaks its indexes when the machine is upgraded."""
    locale = ask(
        looked_at.endpoint,
        "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale, lower('ÅRØ')"
        " FROM pg_database WHERE datname = current_database()",
    )
    assert locale == "UTF8|b|C.UTF-8|årø"


def test_the_roles_clients_use_have_no_power(looked_at: Server) -> None:
    """Row-level security binds both; the app role owns nothing and cannot make anything."""
    at = looked_at.endpoint
    powers = "rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    assert ask(at, f"SELECT {powers} FROM pg_roles WHERE rolname = '{at.owner}'") == "t|f|f|f|f|f"
    assert ask(at, f"SELECT {powers} FROM pg_roles WHERE rolname = '{at.app}'") == "t|f|f|f|f|f"
    assert ask(at, f"SELECT count(*) FROM pg_shdepend WHERE refobjid = '{at.app}'::regrole AND deptype = 'o'") == "0"
    owner_of = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert ask(at, owner_of) == at.owner
    ask(at, "CREATE TABLE made_by_owner (id int); DROP TABLE made_by_owner", role=at.owner)
    for forbidden in ("CREATE TABLE made_by_app (id int)", "CREATE TEMP TABLE t (id int)", "CREATE SCHEMA s"):
        with pytest.raises(subprocess.CalledProcessError):
            ask(at, forbidden, role=at.app)


def test_only_the_kernels_word_lets_anyone_in(looked_at: Server) -> None:
    """Peer for all, and for base backups; no password, no trust."""
    rules = ask(looked_at.endpoint, "SELECT type, database, user_name, auth_method FROM pg_hba_file_rules")
    assert rules.splitlines() == ["local|{all}|{all}|peer", "local|{replication}|{postgres}|peer"]
    assert ask(looked_at.endpoint, "SELECT count(*) FROM pg_ident_file_mappings WHERE error IS NOT NULL") == "0"


def test_another_user_of_the_machine_is_refused_even_at_an_open_socket(data: Path) -> None:
    """The second wall behind the closed folder: the kernel says who calls, and it is nobody we know."""
    with start(data, progress=quiet) as server:
        sockets = os.open(server.endpoint.host, os.O_PATH)
        host = f"/proc/self/fd/{sockets}"
        (Path(server.endpoint.host) / ".s.PGSQL.5432").chmod(0o777)
        Path(server.endpoint.host).chmod(0o777)
        asking = psql(server.endpoint, server.endpoint.app, "SELECT 1", host=host)
        caller = ordinary_person() if IS_ROOT else None
        answer = subprocess.run(
            asking,
            check=False,
            capture_output=True,
            text=True,
            env=tool_environment(),
            pass_fds=[sockets],
            user=caller.uid if caller else None,
        )
        os.close(sockets)
    # An ordinary user cannot become another one, and is let in as himself.
    assert ("Peer authentication failed" in answer.stderr) if IS_ROOT else (answer.stdout.strip() == "1")


def test_asyncpg_and_the_bundled_tools_use_the_same_endpoint(looked_at: Server) -> None:
    """The socket's folder serves as host for both."""
    at = looked_at.endpoint

    async def who() -> object:
        connection = await asyncpg.connect(host=at.host, port=at.port, user=at.app, database=at.database)
        try:
            return await connection.fetchval("SELECT current_user::text")
        finally:
            await connection.close()

    assert asyncio.run(who()) == ask(at, "SELECT current_user", role=at.app) == at.app


def test_what_clients_send_never_lands_in_a_log(data: Path) -> None:
    """Failing values, violated constraints, slow and crashed statements: the patient's name stays out."""
    name = "Zwetschgenbaum"
    with start(data, progress=quiet) as server:
        at = server.endpoint
        ask(at, "CREATE TABLE t (name text PRIMARY KEY CHECK (name <> 'x'))", role=at.owner)
        ask(at, f"INSERT INTO t VALUES ('{name}')", role=at.owner)
        for failing in (
            f"SELECT '{name}'::uuid",
            f"SELECT * FROM {name}",
            f"INSERT INTO t VALUES ('{name}')",
            f"UPDATE t SET name = 'x' WHERE name = '{name}'",
            f"DO $$ BEGIN RAISE WARNING '{name}'; RAISE EXCEPTION '{name}'; END $$",
            f"SET lock_timeout = 1; BEGIN; LOCK t; SELECT '{name}' FROM nowhere",
            f"SELECT pg_terminate_backend(pg_backend_pid()), '{name}'",
        ):
            with pytest.raises(subprocess.CalledProcessError):
                ask(at, failing)
        crashing = subprocess.Popen(
            psql(at, at.app, f"SELECT pg_sleep(60), '{name}'"), env=tool_environment(), stderr=subprocess.PIPE
        )
        find = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        while not (pid := ask(at, find)):
            pass
        os.kill(int(pid), signal.SIGABRT)
        crashing.communicate()
        while subprocess.run(psql(at, at.app, "SELECT 1"), check=False, env=tool_environment()).returncode:
            pass  # it recovers
    logs = "".join(path.read_text() for path in (data).rglob("*.log"))
    assert "was terminated by signal 6" in logs
    assert name not in logs


def test_a_week_of_logs_is_kept_and_no_more(data: Path) -> None:
    """A day's file is begun anew a week later; what an idle server left longer is removed at its start."""
    with start(data, progress=quiet) as server:
        assert ask(server.endpoint, "SHOW log_rotation_age") == "1d"
        assert ask(server.endpoint, "SHOW log_truncate_on_rotation") == "on"
        assert ask(server.endpoint, "SHOW log_filename") == "postgresql-%a.log"
    old = data / "postgres" / "log" / "postgresql-old.log"
    old.touch()
    os.utime(old, (0, 0))
    with start(data, progress=quiet):
        assert not old.exists()


def test_settings_cannot_be_loosened_from_sql(looked_at: Server) -> None:
    """ALTER SYSTEM would outlive the session that was broken into."""
    with pytest.raises(subprocess.CalledProcessError):
        ask(looked_at.endpoint, "ALTER SYSTEM SET log_statement = 'all'")


@pytest.mark.parametrize("gibibytes", [0.25, 1, 4, 64, 1024])
def test_memory_settings_fit_the_machine(gibibytes: float) -> None:
    """Shared buffers take at most an eighth of memory and never more than 2 GB."""
    memory = int(gibibytes * 1024 * MIB)
    found = re.search(r"shared_buffers = '(\d+)MB'", settings("/socket", memory, {}))
    assert found
    assert 32 <= int(found[1]) <= min(memory // MIB // 8, 2048)
    assert 0 < machine_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_the_bundled_programs_are_of_the_version_we_check_clusters_against() -> None:
    """A new wheel must not open clusters of the old version."""
    said = subprocess.run([tool("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    assert re.search(rf"\b{MAJOR_VERSION}\.\d+", said)


def test_a_program_that_is_not_bundled_is_named() -> None:
    """Also one that a path would reach outside the bundle."""
    for name in ("pg_nothing", "../bin/psql", ""):
        with pytest.raises(EmbeddedError, match="has no program named"):
            tool(name)


def test_the_callers_postgres_variables_do_not_reach_the_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGHOST or PGOPTIONS of the shell would point a backup at another database."""
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("LANG", "nonsense")
    environment = tool_environment()
    assert [name for name in environment if name.startswith("PG")] == ["PGCLIENTENCODING"]
    assert (environment["LC_ALL"], "LANG" in environment) == ("C", False)
