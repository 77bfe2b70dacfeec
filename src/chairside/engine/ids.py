"""Ids of records: UUIDs of version 7 that grow with time, to a quarter of a microsecond."""

from __future__ import annotations

import os
import time


def new_id() -> str:
    """A UUIDv7 whose 12 bits after the version hold the fraction of the millisecond (RFC 9562, method 3)."""
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    tail = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    digits = f"{milliseconds << 16 | 0x7000 | fraction:016x}{tail:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
