"""The body of a request: whether some of it is still to come, and reading what nobody wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
# Bytes of an unwanted body that are still read, and the seconds this may take.
MOST_DRAINED, DRAIN_SECONDS = 32 << 20, 5


class RequestBody:
    """The body of a request, and whether some of it is still to come."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self.left = any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self.left = message["type"] == "http.request" and bool(message.get("more_body"))
        return message

    async def drain(self) -> None:
        """Read to the end: a connection closed with bytes unread is reset, and the answer lost with it."""
        read = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self.left and read < MOST_DRAINED:
                    read += len((await self.receive()).get("body", b""))
