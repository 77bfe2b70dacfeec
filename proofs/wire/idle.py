"""Clients that hold on: sockets that say nothing, heads and bodies that come a byte at a time."""

from __future__ import annotations

import asyncio

from proofs.wire.cases import Target

STEP = 0.5
# They come within some seconds, since it is holding them that must cost nobody anything.
LOT, BETWEEN = 20, 0.05


async def held(port: int, to: Target, idle: int, slow: int, seconds: float) -> tuple[int, int]:
    """Open so many of each and hold them for so long; how many were open together, and how many the server ended."""
    opened = []
    for _ in range(0, idle + 2 * slow, LOT):
        opened += await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(LOT)))
        await asyncio.sleep(BETWEEN)
    heads = [writer for _, writer in opened[idle : idle + slow]]
    bodies = [writer for _, writer in opened[idle + slow :]]
    head, body = to.get(), to.post(b"", b"Content-Length: 100", length=False)
    for writer in bodies:
        writer.write(body)
    for step in range(int(seconds / STEP)):
        for writer in heads:
            writer.write(head[step : step + 1])
        for writer in bodies:
            writer.write(b" ")
        await asyncio.sleep(STEP)
    ended = sum(reader.at_eof() or writer.transport.is_closing() for reader, writer in opened)
    for _, writer in opened:
        writer.transport.abort()
    return len(opened), ended
