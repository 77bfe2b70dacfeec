"""What a volley counts: answers that went well, refusals apart, and an answer that must not come ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import chain, repeat

import pytest

from bench.volley import Score, Volley, VolleyFault, fire

ANSWER = "HTTP/1.1 {} x\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def answering(statuses: Iterator[int]) -> AsyncIterator[int]:
    """A server's port that answers each request with the next of these statuses."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            await reader.readline()
            writer.write(ANSWER.format(next(statuses)).encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def score(statuses: Iterator[int], *, status: int = 0, patient: bool = True) -> Score:
    async with answering(statuses) as port:
        volley = Volley(
            host="127.0.0.1", port=port, seconds=0.3, warm=0, status=status, patient=patient,
            requests=[[b"GET / HTTP/1.1\r\n\r\n"]],
        )  # fmt: skip
        return await asyncio.to_thread(fire, volley)


async def test_what_is_refused_for_now_is_counted_apart_and_sent_again() -> None:
    found = await score(chain([503, 429, 503], repeat(201)))
    assert found.refused == 3
    assert found.answers > 0


async def test_an_impatient_volley_ends_at_a_refusal() -> None:
    with pytest.raises(VolleyFault, match="503"):
        await score(chain([200, 503], repeat(200)), patient=False)


async def test_no_other_status_than_the_one_asked_for_passes() -> None:
    with pytest.raises(VolleyFault, match="200"):
        await score(repeat(200), status=201)
