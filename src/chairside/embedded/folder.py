"""Makes the data directory private, and decides who may own and use what is in it."""

import fcntl
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chairside.embedded.errors import EmbeddedError

PRIVATE = 0o700
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Two segments of the write-ahead log, without which the database cannot recover.
_ROOM = 32 << 20


@dataclass(frozen=True, slots=True)
class Account:
    """An operating system user by number; it need not have a name."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A private data directory: its real path, whose it is, and who the database server runs as."""

    path: Path
    owner: Account
    server: Account


def prepare(data_dir: Path) -> Folder:
    """Make or tighten the data directory (0700) and its run/ and run/socket/; nothing else is touched."""
    try:
        path = data_dir.absolute().resolve()
        with suppress(FileExistsError):  # also when another server made it this very moment
            path.mkdir(mode=PRIVATE)
        with opened(path) as top:
            owner = _make_private(path, top)
            folder = Folder(path, owner, _server_account(top, owner))
            with subfolder(top, "run", owner) as run, subfolder(run, "socket", folder.server):
                return folder
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise EmbeddedError(f"The data directory {data_dir} cannot be used: {reason}.") from error


def _make_private(path: Path, top: int) -> Account:
    state = os.fstat(top)
    if os.geteuid() not in (0, state.st_uid):
        raise EmbeddedError(
            f"The data directory {path} belongs to another user ({user_name(state.st_uid) or state.st_uid})."
        )
    if stat.S_IMODE(state.st_mode) & 0o077:
        # --data-dir /tmp or $HOME would lock everything else out of a folder that was never ours alone.
        if state.st_mode & stat.S_ISVTX or path in (Path("/"), _home()):
            raise EmbeddedError(f"The folder {path} is not for the database alone: choose a new one.")
        os.fchmod(top, PRIVATE)
    return Account(state.st_uid, state.st_gid)


def _home() -> Path | None:
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir).resolve()
    except KeyError:
        return None


def _server_account(top: int, owner: Account) -> Account:
    """PostgreSQL refuses to run as root: then it is the cluster's owner, the directory's owner, or nobody."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        cluster = os.stat("postgres", dir_fd=top, follow_symlinks=False)
    except FileNotFoundError:
        cluster = None
    if cluster and cluster.st_uid != 0:
        return Account(cluster.st_uid, cluster.st_gid)
    if owner.uid != 0 and user_name(owner.uid):
        return owner
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("This machine has no user named nobody for the database to run as instead of root.")


def user_name(uid: int) -> str | None:
    """The login name of a user number, None when it has none (usual in containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


@contextmanager
def opened(path: Path | str, *, parent: int | None = None) -> Iterator[int]:
    """A folder's descriptor; through descriptors, a link planted in the folder leads root nowhere."""
    descriptor = above_standard_streams(os.open(path, _FOLDER, dir_fd=parent))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def names_in(folder: int) -> list[str]:
    """The names of what an open folder holds."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


@contextmanager
def subfolder(parent: int, name: str, owner: Account) -> Iterator[int]:
    """A private folder within an open one, made when missing, given to its owner when root made it."""
    with suppress(FileExistsError):
        os.mkdir(name, PRIVATE, dir_fd=parent)
    with opened(name, parent=parent) as descriptor:
        state = os.fstat(descriptor)
        if state.st_uid != owner.uid:
            os.fchown(descriptor, owner.uid, owner.gid)
        if stat.S_IMODE(state.st_mode) != PRIVATE:
            os.fchmod(descriptor, PRIVATE)
        yield descriptor


def open_private_file(parent: int, name: str, owner: Account, flags: int) -> int:
    """A file of 0600 within an open folder, made when missing."""
    flags |= os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = above_standard_streams(os.open(name, flags, 0o600, dir_fd=parent))
    if os.fstat(descriptor).st_uid != owner.uid:
        os.fchown(descriptor, owner.uid, owner.gid)
    return descriptor


def above_standard_streams(descriptor: int) -> int:
    """With stdin closed the next descriptor is 0, which a child would take for its stdin."""
    if descriptor > 2:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    finally:
        os.close(descriptor)


def disk_is_full(folder: Folder) -> bool:
    """Whether the database could not recover for want of room."""
    disk = os.statvfs(folder.path)
    return disk.f_bavail * disk.f_frsize < _ROOM
