"""Where and as whom to connect to a data directory's server."""

import os
from dataclasses import dataclass
from pathlib import Path

from chairside.embedded.errors import EmbeddedError
from chairside.embedded.folder import above_standard_streams

DATABASE, OWNER, APP, SUPERUSER = "chairside", "chairside_owner", "chairside_app", "postgres"
PORT = 5432

# sun_path holds 108 bytes with the closing NUL (unix(7)).
_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What asyncpg and libpq need; `host` is a directory, valid while the process that asked for it lives."""

    host: str
    port: int
    database: str
    owner: str
    app: str
    superuser: str


def endpoint(data_dir: Path) -> Endpoint:
    """The endpoint of a data directory's server, running or not; a worker process makes its own."""
    folder = data_dir.absolute().resolve() / "run" / "socket"
    try:
        host = _usable(folder)
    except (OSError, ValueError) as error:
        raise EmbeddedError(f"There is no database in {data_dir}.") from error
    return Endpoint(host, PORT, DATABASE, OWNER, APP, SUPERUSER)


def _usable(folder: Path) -> str:
    """The folder itself when its path will do, else a short name for it through this process."""
    long = len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > _LONGEST_SOCKET_PATH
    state = folder.stat()
    if not long and "," not in str(folder):  # libpq and asyncpg take a comma for a list of hosts
        return str(folder)
    identity = (state.st_dev, state.st_ino)
    if identity not in _open_folders:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        _open_folders[identity] = above_standard_streams(os.open(folder, flags))
    return f"/proc/{os.getpid()}/fd/{_open_folders[identity]}"


# Kept open for the life of the process, since the short name is good for that long.
_open_folders: dict[tuple[int, int], int] = {}
