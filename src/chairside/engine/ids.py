"""Ids of what belongs to no org yet; those of an org's records come from its clock."""

from __future__ import annotations

import time

from chairside.store.clock import id_at


def new_id() -> str:
    """Returns a UUID of version 7 that grows with this machine's time."""
    return id_at(time.time_ns())
