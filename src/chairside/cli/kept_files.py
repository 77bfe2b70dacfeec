"""Files of a data directory that belong into a backup beside the database."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from chairside.cli.place import DEMO_FILE
from chairside.settings import Settings


def held_files(settings: Settings, *, with_keys: bool) -> dict[str, bytes]:
    """The files of a backup beside the database, those that are there; without keys no token either."""
    names = [DEMO_FILE, *([settings.key_file.name] if with_keys else [])]
    held = {n: (settings.data_dir / n).read_bytes() for n in names if (settings.data_dir / n).exists()}
    if DEMO_FILE in held and not with_keys:
        held[DEMO_FILE] = without_token(held[DEMO_FILE])
    return held


def without_token(demo: bytes) -> bytes:
    """The demo's file as it is before its token is made."""
    return json.dumps({k: v for k, v in json.loads(demo).items() if k != "token"}).encode()


def write_restored(data_dir: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a backup, the demo's without its token, which is suspended as all are."""
    for name, kept in files.items():
        write_private(data_dir / name, without_token(kept) if name == DEMO_FILE else kept)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, and return when it is on disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
