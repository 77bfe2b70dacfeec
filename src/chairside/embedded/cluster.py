"""Makes a data directory's cluster, whole or not at all, and readies it for a start."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from chairside.embedded.binaries import MAJOR_VERSION
from chairside.embedded.configuration import WHO_MAY_CONNECT, machine_memory, settings, who_is_who
from chairside.embedded.endpoint import APP, DATABASE, OWNER, SUPERUSER, endpoint
from chairside.embedded.errors import EmbeddedError
from chairside.embedded.folder import Account, Folder, names_in, opened, subfolder, user_name
from chairside.embedded.locks import Lock
from chairside.embedded.program import Program, named_uid

CLUSTER = "postgres"
# Places in postmaster.pid.
PID_LINE, STATE_LINE = 0, 7
# A cluster is only ever called CLUSTER when it is complete, so what bears this name never held a record.
_UNFINISHED = "postgres.unfinished"
_LOG_KEPT_SECONDS = 7 * 24 * 3600


def ensure_cluster(folder: Folder, alive: Lock, progress: Callable[[str], None]) -> None:
    """Make the cluster when there is none; EmbeddedError when what is there is not one of this version."""
    with opened(folder.path) as top:
        if _exists(top):
            with opened(CLUSTER, parent=top) as cluster:
                _check(folder, cluster)
            return
        progress("Making the database (first start only)")
        _remove_unfinished(top)
        with subfolder(top, _UNFINISHED, folder.server) as cluster:
            _build(folder, cluster, alive, progress)
        os.rename(_UNFINISHED, CLUSTER, src_dir_fd=top, dst_dir_fd=top)
        os.fsync(top)


def _exists(top: int) -> bool:
    try:
        with opened(CLUSTER, parent=top) as cluster:
            return names_in(cluster) != []
    except FileNotFoundError:
        return False


def _check(folder: Folder, cluster: int) -> None:
    version = read_within(cluster, "PG_VERSION").strip()
    if not version:
        raise EmbeddedError(f"The folder {folder.path / CLUSTER} holds something else than a database.")
    if version != MAJOR_VERSION:
        raise EmbeddedError(
            f"The database in {folder.path} was made by PostgreSQL {version}, and this is PostgreSQL"
            f" {MAJOR_VERSION}: back it up with the Chairside that made it, and restore that here."
        )
    owner = os.fstat(cluster).st_uid
    if owner != folder.server.uid and os.geteuid() != 0:
        raise EmbeddedError(f"The database in {folder.path} belongs to another user ({user_name(owner) or owner}).")
    if owner != folder.server.uid:
        _hand_over(cluster, folder.server)


def _hand_over(cluster: int, server: Account) -> None:
    """Give a cluster that root copied to the server's user; its own folder last, as what is left says so."""
    for _, _, names, within in os.fwalk(".", topdown=False, dir_fd=cluster, follow_symlinks=False):
        for name in names:
            os.chown(name, server.uid, server.gid, dir_fd=within, follow_symlinks=False)
        os.fchown(within, server.uid, server.gid)


def _remove_unfinished(top: int) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(_UNFINISHED, dir_fd=top)


def _build(folder: Folder, cluster: int, alive: Lock, progress: Callable[[str], None]) -> None:
    place = f"--pgdata=/proc/self/fd/{cluster}"
    share = [cluster, alive.descriptor]

    def waiting(seconds: int) -> None:
        progress(f"Making the database ({seconds} s)")

    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    safety = ("--data-checksums", "--auth=peer", "--no-instructions")
    initdb = ("initdb", place, f"--username={SUPERUSER}", *locale, *safety)
    Program(folder, initdb, death_signal=signal.SIGKILL, share=share).finish(waiting)
    single = ("postgres", "--single", "-D", f"/proc/self/fd/{cluster}", "-c", "exit_on_error=on", "template1")
    statements = "\n".join(_FIRST_STATEMENTS).encode()
    Program(folder, single, death_signal=signal.SIGKILL, share=share, statements=statements).finish(waiting)


_POWERLESS = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_FIRST_STATEMENTS = (
    f"CREATE ROLE {OWNER} {_POWERLESS};",
    f"CREATE ROLE {APP} {_POWERLESS};",
    f"CREATE DATABASE {DATABASE} OWNER {OWNER};",
    f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;",
    f"GRANT CONNECT ON DATABASE {DATABASE} TO {APP};",
    "",
)


def ready_for_start(folder: Folder, cluster: int, sockets: int, more: Mapping[str, str]) -> None:
    """Write the configuration and clear what a killed server left; only for who knows that none is alive."""
    _refuse_if_served_by_hand(folder, cluster)
    with suppress(FileNotFoundError):
        os.unlink("postmaster.pid", dir_fd=cluster)
    for name in names_in(sockets):
        os.unlink(name, dir_fd=sockets)
    users = {user_name(uid) for uid in (0, folder.owner.uid, os.geteuid(), named_uid(os.geteuid()))}
    configuration = {
        "postgresql.conf": settings(f"/proc/self/fd/{sockets}", machine_memory(), more),
        "pg_hba.conf": WHO_MAY_CONNECT,
        "pg_ident.conf": who_is_who({user for user in users if user}, (OWNER, APP, SUPERUSER)),
    }
    for name, text in configuration.items():
        _replace(cluster, name, text, folder.server)
    _remove_old_logs(cluster)


def _refuse_if_served_by_hand(folder: Folder, cluster: int) -> None:
    """Someone may have started the cluster with pg_ctl; a mere number in postmaster.pid proves nothing."""
    pid = read_within(cluster, "postmaster.pid").partition("\n")[0]
    if is_served_by(cluster, pid):
        raise EmbeddedError(f"Another program (pid {pid}) is running the database in {folder.path}.")


def is_served_by(cluster: int, pid: str) -> bool:
    """Whether this process really is a PostgreSQL at work on this cluster: it works from that folder."""
    if not (pid.isascii() and pid.isdecimal()):
        return False
    try:
        at, here = Path(f"/proc/{pid}/cwd").stat(), os.fstat(cluster)
    except OSError:
        return False
    return (at.st_dev, at.st_ino) == (here.st_dev, here.st_ino)


def _replace(cluster: int, name: str, text: str, owner: Account) -> None:
    new = f"{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(new, dir_fd=cluster)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=cluster)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchown(descriptor, owner.uid, owner.gid)
    os.rename(new, name, src_dir_fd=cluster, dst_dir_fd=cluster)


def _remove_old_logs(cluster: int) -> None:
    with suppress(FileNotFoundError), opened("log", parent=cluster) as log:
        for name in names_in(log):
            written = os.stat(name, dir_fd=log, follow_symlinks=False).st_mtime
            if time.time() - written > _LOG_KEPT_SECONDS:
                os.unlink(name, dir_fd=log)


def read_within(parent: int, name: str) -> str:
    """The beginning (1 MB) of a file in an open folder, "" when there is no such file."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(1_000_000).decode("utf-8", "replace")


def logged_since(cluster: int, began: float) -> str:
    """The lines of the server's log since a time, sorted; it has a file for each day of the week."""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(began))
    with opened("log", parent=cluster) as log:
        lines = [line for name in names_in(log) for line in read_within(log, name).splitlines()]
    return "\n".join(sorted(line for line in lines if line >= since))


def state_lines(cluster: int) -> list[str]:
    """The lines of postmaster.pid, with "" for those that a damaged or missing one lacks."""
    lines = [line.strip() for line in read_within(cluster, "postmaster.pid").splitlines()]
    return lines + [""] * (STATE_LINE + 1 - len(lines))


def accepts(folder: Folder) -> bool:
    """Whether the folder's server is ready and takes connections."""
    try:
        with opened(folder.path / CLUSTER) as cluster:
            if state_lines(cluster)[STATE_LINE] != "ready":
                return False
        at = endpoint(folder.path)
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(f"{at.host}/.s.PGSQL.{at.port}")
    except OSError:
        return False
    return True
