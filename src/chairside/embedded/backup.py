"""Writes a database and a few files into one backup file, checks such a file, and restores it."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from chairside.embedded.archive import DamagedError, Member, content, read_archive, write_archive
from chairside.embedded.binaries import tool, tool_environment
from chairside.embedded.endpoint import Endpoint
from chairside.embedded.errors import EmbeddedError

_DUMP, _FILES = "database.dump", "files/"


def write_backup(source: Endpoint | str, out: Path, *, files: Mapping[str, bytes], about: Mapping[str, str]) -> None:
    """Back up the database and these files (by plain name) into `out`, replacing it only when complete.

    `source` is an embedded server or a libpq URL, whose role must see every row (a superuser, or one with
    BYPASSRLS): pg_dump refuses rather than leave out what row-level security hides. EmbeddedError when
    anything fails; `out` is then as it was.
    """
    if unfit := [name for name in files if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", name)]:
        raise ValueError(f"not a plain file name: {unfit[0]!r}")
    held = [(_FILES + name, [data]) for name, data in files.items()]
    with _written_whole(out) as file:
        write_archive(file, [(_DUMP, _dumped(source)), *held], about)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup whose every byte was found good: what it says about itself, and the files it holds."""

    path: Path
    about: dict[str, str]
    files: dict[str, bytes] = field(repr=False)  # keys
    _dump: Member

    def restore_into(self, target: Endpoint | str) -> None:
        """Restore into an empty database in one transaction: all of it, or EmbeddedError and nothing.

        The roles that own the tables and are granted rights on them must be there.
        """
        if _run("psql", target, ["-X", "-A", "-t", "-c", _COUNT_TABLES]) != b"0\n":
            raise EmbeddedError(f"The backup {self.path} can only be restored into an empty database.")
        with _telling_damage(self.path), self.path.open("rb") as file:
            _run("pg_restore", target, ["--exit-on-error", "--single-transaction"], content(file, self._dump))


def read_backup(path: Path) -> Backup:
    """Check a whole backup file and describe it; EmbeddedError when it is damaged or cannot be read."""
    with _telling_damage(path), path.open("rb") as file:
        members, about = read_archive(file)
        dump = members.pop(_DUMP, None)
        if dump is None:
            raise DamagedError("it holds no database")
        files = {name.removeprefix(_FILES): b"".join(content(file, held)) for name, held in members.items()}
        return Backup(path, about, files, dump)


@contextmanager
def _telling_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except DamagedError as error:
        raise EmbeddedError(f"The backup {path} is damaged: {error}.") from error
    except OSError as error:
        raise EmbeddedError(f"The backup {path} cannot be read: {error.strerror}.") from error


_COUNT_TABLES = (
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
)


@contextmanager
def _written_whole(out: Path) -> Iterator[BinaryIO]:
    """A new private file that takes the name `out` once it is complete and on disk."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".chairside-backup-", dir=out.parent)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            Path(name).replace(out)
        except BaseException:
            Path(name).unlink()
            raise
        folder = os.open(out.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise EmbeddedError(f"The backup {out} cannot be written: {error.strerror}.") from error


def _dumped(source: Endpoint | str) -> Iterator[bytes]:
    with _started("pg_dump", source, ["--format=custom"], subprocess.DEVNULL) as process:
        assert process.stdout  # noqa: S101  (asked for)
        while piece := process.stdout.read(1 << 20):
            yield piece


def _run(name: str, database: Endpoint | str, options: Sequence[str], fed: Iterator[bytes] | None = None) -> bytes:
    """What a program answers, fed these bytes; EmbeddedError when it fails."""
    with _started(name, database, options, subprocess.PIPE) as process:
        assert process.stdin  # noqa: S101  (asked for)
        assert process.stdout  # noqa: S101  (asked for too)
        with suppress(BrokenPipeError):  # it ended early, and says why
            for piece in fed or ():
                process.stdin.write(piece)
        with suppress(BrokenPipeError):
            process.stdin.close()
        return process.stdout.read()


@contextmanager
def _started(
    name: str, database: Endpoint | str, options: Sequence[str], stdin: int
) -> Iterator[subprocess.Popen[bytes]]:
    target, secret = _connection(database)
    # In memory, as a pipe that no one reads would hold the program up.
    with os.fdopen(os.memfd_create("said"), "w+b") as said:
        with subprocess.Popen(
            [str(tool(name)), "--no-password", *target, *options],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=said,
            env=tool_environment() | secret,
        ) as process:
            yield process
        if process.returncode != 0:
            said.seek(0)
            raise EmbeddedError(f"The database's {name} failed: {_complaint(said.read().decode())}.")


def _complaint(said: str) -> str:
    """The first fault it named, but none of COPY's, which quote rows."""
    fault = re.search(r"error: (.*?)\.?$", said, re.MULTILINE)
    if fault is None:
        return "it gave no reason"
    copying = re.match(r'COPY failed for table "\w+"', fault[1])
    return copying[0] if copying else fault[1]


def _connection(database: Endpoint | str) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that name a database; every user may read arguments, so no password there."""
    if isinstance(database, Endpoint):
        at = database
        return [
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
    return [f"--dbname={plain}"], {"PGPASSWORD": unquote(password)} if password else {}
