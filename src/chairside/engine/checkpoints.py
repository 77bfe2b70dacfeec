"""The ends of chains verified without a fault, in a file beside the keys: the next verification goes on from there."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chairside.engine.audit_keys import AuditKeys
from chairside.engine.chain import moment
from chairside.engine.verification import Checkpoint, Verdict


def kept_checkpoints(path: Path) -> dict[str, Checkpoint]:
    """Returns the checkpoints by org; none when there is no file, or none that can be read: all is verified then."""
    try:
        return {each.org_id: each for each in msgspec.json.decode(path.read_bytes(), type=list[Checkpoint])}
    except (OSError, ValueError, msgspec.MsgspecError):
        return {}


def keep_checkpoints(path: Path, keys: AuditKeys, verdicts: Iterable[Verdict]) -> None:
    """Replaces the checkpoints of these orgs by the ends of their chains, where nothing was at fault."""
    kept = kept_checkpoints(path)
    kept |= {v.org_id: made for v in verdicts if (made := _made(keys, v)) is not None}
    _write(path, kept)


def _made(keys: AuditKeys, verdict: Verdict) -> Checkpoint | None:
    last = verdict.last
    if verdict.faults or last is None or not last.number or last.hash is None:
        return None
    made = Checkpoint(
        org_id=verdict.org_id, number=last.number, hash=last.hash, complete_to=last.complete_to,
        sealed_at=moment(datetime.now(UTC)), key=keys.newest.number,
    )  # fmt: skip
    return msgspec.structs.replace(made, signature=base64.b64encode(keys.newest.sign(made)).decode())


def _write(path: Path, kept: Mapping[str, Checkpoint]) -> None:
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(list(kept.values())) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
