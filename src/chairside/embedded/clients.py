"""Runs PostgreSQL's client programs on a database, without showing a password or quoting a record."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO
from urllib.parse import unquote, urlsplit

from chairside.embedded.binaries import tool, tool_environment
from chairside.embedded.endpoint import Endpoint
from chairside.embedded.errors import EmbeddedError

Database = Endpoint | str  # an embedded server, or a libpq URL
# SQLSTATE classes whose messages name objects, rights and resources, and never a value of a row.
_DISCREET = ("08", "0A", "28", "3D", "3F", "42", "53", "54", "55", "57", "58")


@contextmanager
def client(
    name: str, options: Sequence[str], *, database: Database | None, stdin: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    """A running program; EmbeddedError with its complaint when it fails. An exception in the block kills it."""
    target, secret = connection(database) if database is not None else ([], {})
    # In memory, as a pipe that no one reads would hold the program up.
    with os.fdopen(os.memfd_create("said"), "w+b") as said:
        process = subprocess.Popen(
            [str(tool(name)), *target, *options],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=said,
            env=tool_environment() | secret,
        )
        try:
            yield process
        except BaseException:
            process.kill()  # an end of its input would tell it that all went well
            raise
        finally:
            for stream in (process.stdout, process.stdin):
                with suppress(BrokenPipeError):
                    if stream:
                        stream.close()
            process.wait()
        if process.returncode != 0:
            said.seek(0)
            raise EmbeddedError(f"The database's {name} failed: {_complaint(said.read().decode('utf-8', 'replace'))}.")


def answer(database: Database, statement: str) -> str:
    """The rows that a statement gives, a line each."""
    options = ["-X", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-c", statement]
    with client("psql", options, database=database, stdin=subprocess.DEVNULL) as process:
        return piped(process.stdout).read().decode()


def piped(stream: IO[bytes] | None) -> IO[bytes]:
    """The end of a pipe that was asked for."""
    assert stream  # noqa: S101 - subprocess.PIPE was given
    return stream


def _complaint(said: str) -> str:
    """The first fault it named; of an SQL error that could quote a row only the SQLSTATE."""
    fault = re.search(r"(?:error|ERROR|FATAL): +(?:([0-9A-Z]{5}): )?(.*?)\.?$", said, re.MULTILINE)
    if fault is None:
        return "it gave no reason"
    state, text = fault.groups()
    if state and state[:2] not in _DISCREET and not re.fullmatch(r'role "[^"]*" does not exist', text):
        return f"SQLSTATE {state}"
    return text


def connection(database: Database) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that name a database; every user may read arguments, so no password there."""
    if isinstance(database, Endpoint):
        at = database
        return [
            "--no-password",
            f"--host={at.host}",
            f"--port={at.port}",
            f"--username={at.superuser}",
            f"--dbname={at.database}",
        ], {}
    url = urlsplit(database)
    if url.scheme not in ("postgresql", "postgres"):
        raise EmbeddedError("The address of a database begins with postgresql://.")
    user, has_host, host = url.netloc.rpartition("@")
    user, _, password = user.partition(":")
    open_to_all = [part for part in url.query.split("&") if part and not part.startswith("password=")]
    password = next((part[9:] for part in url.query.split("&") if part.startswith("password=")), password)
    query = "?" + "&".join(open_to_all) if open_to_all else ""
    plain = f"{url.scheme}://{user}{has_host}{host}{url.path}{query}"
    return ["--no-password", f"--dbname={plain}"], {"PGPASSWORD": unquote(password)} if password else {}
