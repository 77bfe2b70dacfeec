"""Places that hold an archive: a directory, or whatever a command of the operator writes to."""

import errno
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from chairside.embedded.errors import EmbeddedError

WAL, BASES, FILES, OWNER = "wal", "bases", "files", "archive.json"
CLAIM = ".sha256"
COMMAND_SECONDS = 3600  # for the largest base backup; a command that hangs must not stop the archive for good


class ArchiveFault(EmbeddedError):
    """The archive cannot be written or read now. One sentence for a person."""


class MissingFault(ArchiveFault):
    """The archive has no file of this name."""


class Storage(Protocol):
    """A flat store of files with names such as `wal/000000010000000000000003`; no file is ever replaced but a list."""

    def writing(self, name: str, *, replace: bool = False) -> AbstractContextManager[BinaryIO]:
        """A new file that takes its name once it is complete and on disk; nothing happens when the name is taken."""

    def reading(self, name: str) -> AbstractContextManager[Path]:
        """The path of a file for the time of the block; MissingFault without one."""

    def claim(self, name: str, digest: str) -> bool:
        """Whether `name` is still to be written; ArchiveFault when it is there with another content."""

    def digest(self, name: str) -> str | None:
        """The digest that a name was claimed with; None without one."""

    def names(self, folder: str) -> list[str] | None:
        """The names in a folder, sorted; None when the store cannot list."""

    def delete(self, name: str) -> None:
        """Delete a file; a store that cannot delete leaves that to the operator."""

    def remove_unfinished(self) -> None:
        """Delete half-written files of an archiver that was killed; no other one may be writing."""


class Directory:
    """An archive in a directory, which must be there: a file system that is not mounted must not be written below."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def writing(self, name: str, *, replace: bool = False) -> Iterator[BinaryIO]:
        target = self._place(name)
        with _told(self):
            descriptor, fresh = tempfile.mkstemp(prefix=".unfinished-", dir=target.parent)
            try:
                with os.fdopen(descriptor, "w+b") as file:
                    yield file
                    file.flush()
                    os.fsync(descriptor)
                if replace:
                    Path(fresh).replace(target)
                else:
                    _name(Path(fresh), target)
            finally:
                Path(fresh).unlink(missing_ok=True)
            _sync(target.parent)

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        path = self.path / name
        if not path.is_file():
            self._check_there()
            raise MissingFault(f"The archive {self} has no {name}.")
        with _told(self):
            yield path

    def claim(self, name: str, digest: str) -> bool:
        """Two servers that both write here agree by the claim, which the file system gives to one of them."""
        mark = name + CLAIM
        with suppress(MissingFault), self.reading(mark) as path:
            return self._still_wanted(name, digest, path)
        with self.writing(mark) as file:
            file.write(digest.encode())
        with self.reading(mark) as path:
            return self._still_wanted(name, digest, path)

    def _still_wanted(self, name: str, digest: str, mark: Path) -> bool:
        if mark.read_text() != digest:
            raise ArchiveFault(
                f"The archive {self} already has {name} with another content: another server writes there, or this one"
                " was copied; give each server an archive of its own."
            )
        return not (self.path / name).exists()

    def digest(self, name: str) -> str | None:
        with suppress(MissingFault), self.reading(name + CLAIM) as path:
            return path.read_text()
        return None

    def names(self, folder: str) -> list[str] | None:
        with _told(self), suppress(FileNotFoundError):
            return sorted(p.name for p in (self.path / folder).iterdir() if not p.name.startswith("."))
        return []

    def delete(self, name: str) -> None:
        with _told(self):
            (self.path / name).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Delete what an archiver that was killed has left half written; only for who knows that no other writes."""
        for folder in (WAL, BASES, FILES):
            for path in (self.path / folder).glob(".unfinished-*"):
                path.unlink(missing_ok=True)

    def _check_there(self) -> None:
        if not self.path.is_dir():
            raise ArchiveFault(f"The archive {self} is not there; make the directory, or mount its file system.")

    def _place(self, name: str) -> Path:
        self._check_there()
        if name != OWNER and not (self.path / OWNER).is_file():
            raise ArchiveFault(f"The archive {self} has lost its {OWNER}; mount its file system.")
        target = self.path / name
        with _told(self), suppress(FileExistsError):
            target.parent.mkdir(mode=0o700)
            _sync(self.path)
        return target


class Command:
    """An archive behind commands: one that stores the file %p as %f, and one that fetches %f into %p."""

    def __init__(self, store: str, fetch: str, scratch: Path) -> None:
        self._store, self._fetch, self._scratch = store, fetch, scratch

    def __str__(self) -> str:
        return "behind CHAIRSIDE_ARCHIVE_COMMAND"

    @contextmanager
    def writing(self, name: str, *, replace: bool = False) -> Iterator[BinaryIO]:  # noqa: ARG002 - the command decides
        with self._folder() as folder, _told(self):
            path = folder / Path(name).name
            with path.open("w+b") as file:
                yield file
            _run("CHAIRSIDE_ARCHIVE_COMMAND", self._store, name, path)

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        if not self._fetch:
            raise ArchiveFault("Set CHAIRSIDE_ARCHIVE_FETCH to the command that fetches %f from the archive into %p.")
        with self._folder() as folder, _told(self):
            path = folder / Path(name).name
            try:
                _run("CHAIRSIDE_ARCHIVE_FETCH", self._fetch, name, path)
            except ArchiveFault as fault:
                raise MissingFault(f"{fault}") from None
            if not path.is_file():
                raise MissingFault(f"CHAIRSIDE_ARCHIVE_FETCH ended well and left no {name}.")
            yield path

    def claim(self, name: str, digest: str) -> bool:  # noqa: ARG002 - only the command knows what is there
        return True

    def digest(self, name: str) -> str | None:  # noqa: ARG002 - as above
        return None

    def names(self, folder: str) -> list[str] | None:  # noqa: ARG002 - as above
        return None

    def delete(self, name: str) -> None:
        """Left to the rules of the store."""

    def remove_unfinished(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with _told(self):
            self._scratch.mkdir(mode=0o700, exist_ok=True, parents=True)
            with tempfile.TemporaryDirectory(dir=self._scratch) as made:
                yield Path(made)


def _run(setting: str, command: str, name: str, path: Path) -> None:
    """Run a command as PostgreSQL runs its archive_command: %p is the path, %f the name, %% a percent sign."""
    parts = {"%p": shlex.quote(str(path)), "%f": shlex.quote(name), "%%": "%"}
    text = "".join(parts.get(piece, piece) for piece in _pieces(command))
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ArchiveFault(f"{setting} did not end within {COMMAND_SECONDS} s.") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ArchiveFault(f"{setting} failed with status {done.returncode} for {name}{_because(said)}.")


def _because(said: list[str]) -> str:
    return f": {said[-1][:200].rstrip('.')}" if said else ""


def _pieces(command: str) -> Iterator[str]:
    at = 0
    while at < len(command):
        size = 2 if command[at] == "%" else 1
        yield command[at : at + size]
        at += size


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _name(fresh: Path, target: Path) -> None:
    """Give a file its name unless the name is taken; of two writers one gets it, where there are hard links."""
    try:
        os.link(fresh, target)
    except FileExistsError:
        return
    except OSError as fault:
        if fault.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        if not target.exists():
            fresh.rename(target)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network file systems cannot sync a folder, and keep it by themselves
            os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _told(storage: object) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise ArchiveFault(f"The archive {storage} cannot be used: {fault.strerror or fault}.") from fault
