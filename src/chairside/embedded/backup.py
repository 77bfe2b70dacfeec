"""Writes a database and a few files into one backup file, checks such a file, and restores it."""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from chairside.embedded.archive import DamagedError, Reading, archived
from chairside.embedded.clients import Database, client, piped
from chairside.embedded.encryption import Secret, opened, write_encrypted
from chairside.embedded.errors import ChangedError, EmbeddedError
from chairside.embedded.restoring import SCHEMA, refuse_unless_empty, restore

_DUMP, _FILES = "database.dump", "files/"
_LARGEST_FILE = 1 << 24
# A dump must not depend on this server: on how it compresses values, or on who watches it.
_PORTABLE = ("--no-toast-compression", "--no-security-labels", "--no-publications", "--no-subscriptions")


def write_backup(
    source: Database,
    out: Path,
    *,
    files: Callable[[], Mapping[str, bytes]],
    about: Mapping[str, str],
    secret: Secret | None = None,
) -> None:
    """Back up the database and these files (by plain name) into `out`, replacing it only when complete.

    `source` is an embedded server or a libpq URL, whose role must see every row (a superuser, or one with
    BYPASSRLS): pg_dump refuses rather than leave out what row-level security hides. `secret` encrypts the file.
    EmbeddedError when anything fails, ChangedError when the files changed meanwhile; `out` is then as it was.
    """
    held = _checked(files())

    def contents() -> Iterator[tuple[str, Iterator[bytes]]]:
        yield _DUMP, _dumped(source)
        if files() != held:
            raise ChangedError("The keys changed while the backup was made.")
        for name, data in held.items():
            yield _FILES + name, iter([data])

    with _written_whole(out) as file:
        pieces = archived(contents(), about)
        if secret:
            write_encrypted(file, pieces, secret)
        else:
            file.writelines(pieces)


def _checked(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    if unfit := [name for name in files if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", name)]:
        raise ValueError(f"not a plain file name: {unfit[0]!r}")
    return files


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup whose every byte was found good: what it says about itself, and the files it holds."""

    path: Path
    about: dict[str, str]
    files: dict[str, bytes] = field(repr=False)  # keys
    digest: str
    _secret: Secret = field(repr=False)

    def restore_into(
        self, target: Database, *, owner: str | None = None, roles: Sequence[str] = (), last: str = ""
    ) -> None:
        """Restore into an empty database in one transaction: all of it, or EmbeddedError and nothing.

        The roles that are granted rights must be there, or be named in `roles` to be made. `last` is a statement at
        the end of the transaction.
        """
        refuse_unless_empty(target, self.path)
        with _telling_damage(self.path):
            restore(target, self._dump(), owner=owner, roles=roles, last=last)

    def _dump(self) -> Iterator[bytes]:
        with opened(self.path, self._secret) as file:
            reading = Reading(file)
            yield from (piece for name, piece in reading.pieces() if name == _DUMP)
            if reading.digest != self.digest:
                raise DamagedError("it has changed since it was checked")


def read_backup(path: Path, secret: Secret | None = None) -> Backup:
    """Check a whole backup file and describe it; EmbeddedError when it is damaged, closed to us or cannot be read."""
    secret = secret or Secret()
    with _telling_damage(path), opened(path, secret) as file:
        reading, files, dumped = Reading(file), dict[str, bytes](), False
        for name, piece in reading.pieces():
            dumped = dumped or name == _DUMP
            if name.startswith(_FILES):
                files[name.removeprefix(_FILES)] = files.get(name.removeprefix(_FILES), b"") + piece
                if len(files[name.removeprefix(_FILES)]) > _LARGEST_FILE:
                    raise DamagedError("it holds a file of impossible size")
        if not dumped:
            raise DamagedError("it holds no database")
        return Backup(path, reading.about, files, reading.digest, secret)


@contextmanager
def _telling_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except DamagedError as error:
        raise EmbeddedError(f"The backup {path} is damaged: {error}.") from error
    except OSError as error:
        raise EmbeddedError(f"The backup {path} cannot be read: {error.strerror}.") from error


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


def _dumped(source: Database) -> Iterator[bytes]:
    options = ["--format=custom", f"--schema={SCHEMA}", "--encoding=UTF8", *_PORTABLE]
    with client("pg_dump", options, database=source, stdin=subprocess.DEVNULL) as process:
        while piece := piped(process.stdout).read(1 << 20):
            yield piece
