"""Restores a dump into an empty database in one transaction, on every supported release of PostgreSQL."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO

from chairside.embedded.clients import Database, answer, client, piped
from chairside.embedded.errors import EmbeddedError

SCHEMA = "public"  # Chairside keeps nothing elsewhere
_COUNT_OBJECTS = (
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
    " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
    " AND d.deptype = 'e')"
)
# pg_restore writes a SET of this for every release, and PostgreSQL before 17 does not know it.
_UNKNOWN, _KNOWN = (
    b"SET transaction_timeout = 0;",
    b"SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout';\n",
)
# Debian's PostgreSQL 15 keeps a version of its own with each column, which no other build knows.
_FOREIGN = re.compile(rb"ALTER TABLE ONLY \S+ ALTER COLUMN .+ SET \(.*\bpg_attver=\d+.*\);\n")
_PIECE = 1 << 20
# Rights and owners of another installation do not matter here: all tables belong to one role.
_PORTABLE = ("--no-owner", "--no-tablespaces", "--no-table-access-method", "--no-security-labels", "--no-publications")


def is_empty(database: Database) -> bool:
    """Whether the schema that Chairside uses holds nothing; objects of an extension do not count."""
    return answer(database, _COUNT_OBJECTS) == "0\n"


def restore(
    database: Database, dump: Iterator[bytes], *, owner: str | None, roles: Sequence[str] = (), last: str = ""
) -> None:
    """All of the dump, or EmbeddedError and nothing. Tables belong to `owner`, else to the connection's user.

    The statement `last` ends the transaction. `roles` are made first: those that the dump grants rights to and that
    are missing.
    """
    made = "".join(f"{create_role(role)}\n" for role in roles)
    options = [f"--schema={SCHEMA}", "--file=-", *_PORTABLE, *([f"--role={owner}"] if owner else [])]
    quiet = ["-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-o", "/dev/null"]
    with client("psql", quiet, database=database) as target:
        sink = piped(target.stdin)
        _write(sink, f"BEGIN;\n{made}".encode())
        with client("pg_restore", options, database=None) as script:
            feeder = _Feeder(piped(script.stdin), dump)
            _copy(piped(script.stdout), sink)
            feeder.join()
        # Only here is the script known to be whole; whatever ends earlier is rolled back.
        _write(sink, f"{last}\nCOMMIT;\n".encode())
        with suppress(BrokenPipeError):
            sink.close()
        piped(target.stdout).read()


def alter_policy(name: str, table: str, role: str) -> str:
    """The statement that makes a policy one for this role, as SQL names it."""
    return f"ALTER POLICY {quoted(name)} ON {SCHEMA}.{quoted(table)} TO {role};"


def create_role(name: str) -> str:
    """The statement that makes a role for rights only."""
    return f"CREATE ROLE {quoted(name)} NOLOGIN;"


def comment(table: str, text: str) -> str:
    """The statement that says of a table of ours where it came from."""
    literal = text.replace("'", "''")
    return f"COMMENT ON TABLE {SCHEMA}.{table} IS '{literal}';"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _write(sink: IO[bytes], piece: bytes) -> None:
    with suppress(BrokenPipeError):  # it ended early, and says why
        sink.write(piece)
        sink.flush()


def _copy(script: IO[bytes], sink: IO[bytes]) -> None:
    """Passes the script on, without what other builds do not know; from the first data on it is not changed."""
    try:
        for line in script:
            if not _FOREIGN.fullmatch(line):
                sink.write(_KNOWN if line.strip() == _UNKNOWN else line)
            if line.startswith(b"COPY "):
                break
        while piece := script.read(_PIECE):
            sink.write(piece)
    except BrokenPipeError:
        while script.read(_PIECE):  # psql has ended with a fault; let this one end too, so that psql's is told
            pass


class _Feeder:
    """Writes a dump into a pipe from a thread of its own, as both ends of a program would wait for each other else."""

    def __init__(self, sink: IO[bytes], dump: Iterator[bytes]) -> None:
        self._sink, self._dump = sink, dump
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._feed, name="chairside-feed", daemon=True)
        self._thread.start()

    def _feed(self) -> None:
        try:
            with suppress(BrokenPipeError), self._sink:
                for piece in self._dump:
                    self._sink.write(piece)
        except BaseException as fault:  # noqa: BLE001 - told by the thread that waits
            self._fault = fault

    def join(self) -> None:
        self._thread.join()
        if self._fault:
            raise self._fault


def refuse_unless_empty(database: Database, backup: object) -> None:
    if not is_empty(database):
        raise EmbeddedError(f"The backup {backup} can only be restored into an empty database.")
