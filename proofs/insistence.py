"""A request sent again, a write under its key, until its outcome is known, as a careful client does."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from proofs.line import Answer, Line, Lost

# Until a restarted server must have answered; a bound against hanging, not a measure.
BOUND_SECONDS = 180
PAUSE_SECONDS = 0.05


class NeverAnswered(Exception):
    """No answer for as long as any restart may last."""


@dataclass(slots=True)
class Write:
    """A request with its key, which names a read alone, and the request ids of all its attempts."""

    method: str
    path: str
    body: bytes
    key: str
    headers: dict[str, str] = field(default_factory=dict)
    turn: str = ""
    attempts: list[str] = field(default_factory=list)
    lost: int = 0
    postponed: int = 0


async def insist(line: Line, write: Write) -> Answer:
    """The answer that decides: a success, or a refusal that another try would not change."""
    end = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < end:
        write.attempts.append(f"{write.key}{write.turn}.{len(write.attempts)}")
        headers = write.headers | {"X-Request-Id": write.attempts[-1]}
        if write.method != "GET":
            headers["Idempotency-Key"] = write.key
        try:
            answer = await line.ask(write.method, write.path, write.body, headers)
        except Lost:
            write.lost += 1
        else:
            if not answer.later:
                return answer
            write.postponed += 1
        await asyncio.sleep(PAUSE_SECONDS)
    raise NeverAnswered(f"{write.method} with key {write.key}")
