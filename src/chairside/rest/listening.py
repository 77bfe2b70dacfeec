"""The worker's TCP sockets: limits on data that clients do not read, and the end of connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Iterator

# Bytes that the kernel keeps of a response before it has sent them. What is on its way is not limited by it, so a
# distant client is as fast as before.
UNSENT = 64 << 10
LOOK = 0.01
# SO_LINGER for no time: close at once and drop unsent data.
DROP_UNSENT = struct.pack("ii", 1, 0)
Peer = tuple[str, int]


async def limit_unread(seconds: int) -> None:
    """Set the limits once the HTTP library listens; each connection inherits them from the socket that accepts it.

    TCP_USER_TIMEOUT ends a connection whose peer has taken nothing for that long, also while its window is closed.
    """
    while not (listening := [one for one in _descriptors() if _listens(one)]):  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(LOOK)
    for descriptor in listening:
        with _borrowed(descriptor) as one:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)


def _listens(descriptor: int) -> bool:
    with contextlib.suppress(OSError), _borrowed(descriptor) as one:
        accepts = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return bool(
            accepts and one.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) in (socket.AF_INET, socket.AF_INET6)
        )
    return False


class Connections:
    """Ends connections by the client's address. The HTTP library holds the sockets and does not hand them out.

    Finding them takes a look at every descriptor of the process, so what was found is remembered and looked at again
    only for clients that are not among it.
    """

    def __init__(self) -> None:
        self._descriptors: dict[Peer, int] = {}

    def reset(self, peers: Iterable[Peer]) -> None:
        """End the connections with these clients at once; unsent data is dropped and the client sees a reset."""
        missed = [peer for peer in peers if not self._reset(peer)]
        if missed:
            self._descriptors = dict(_connected())
            for peer in missed:
                self._reset(peer)

    def _reset(self, peer: Peer) -> bool:
        descriptor = self._descriptors.pop(peer, None)
        if descriptor is None:
            return False
        with contextlib.suppress(OSError), _borrowed(descriptor) as one:
            if one.getpeername()[:2] == peer:  # the number may belong to another connection by now
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, DROP_UNSENT)
                one.shutdown(socket.SHUT_RDWR)
                return True
        return False


def _connected() -> Iterator[tuple[Peer, int]]:
    for descriptor in _descriptors():
        with contextlib.suppress(OSError), _borrowed(descriptor) as one:
            peer = one.getpeername()
            if isinstance(peer, tuple):
                yield peer[:2], descriptor


def _descriptors() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - names alone, thousands of them


@contextlib.contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """A descriptor of the HTTP library's as a socket; it stays open. OSError when it is none.

    With family and type given, Python asks the kernel for neither, which matters with thousands of them.
    """
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=descriptor)
    try:
        yield one
    finally:
        one.detach()
