"""A program for the tests: UID GID FOLDERS COMMAND..., run by root, runs a command as an ordinary user.

FOLDERS (joined by colons) stay usable though they lie below a closed one, as a checkout in /root does:
in a private view of this process alone the closed folder is covered by an open one that holds just these.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x00020000, 4096, 16384, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


def main(uid: int, gid: int, folders: list[Path], command: list[str]) -> None:
    closed = {top for folder in folders if (top := closed_above(folder))}
    if closed:
        check(libc.unshare(CLONE_NEWNS))
        mount(b"none", Path("/"), None, MS_REC | MS_PRIVATE)
    for top in closed:
        within = [(folder, os.open(folder, os.O_PATH)) for folder in folders if folder.is_relative_to(top)]
        mount(b"none", top, b"tmpfs", 0)
        for folder, descriptor in within:
            folder.mkdir(parents=True, exist_ok=True)
            mount(f"/proc/self/fd/{descriptor}".encode(), folder, None, MS_BIND | MS_REC)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.execv(command[0], command)  # noqa: S606  (becoming the command is the point)


def closed_above(folder: Path) -> Path | None:
    return next((above for above in reversed(folder.parents) if not above.stat().st_mode & 0o001), None)


def mount(what: bytes, where: Path, kind: bytes | None, flags: int) -> None:
    check(libc.mount(what, os.fsencode(where), kind, flags, None))


def check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "this machine allows no private view of its folders")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [Path(name) for name in sys.argv[3].split(":")], sys.argv[4:])
