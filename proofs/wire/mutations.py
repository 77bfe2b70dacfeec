"""Makes new cases of the named ones: bytes changed, cut, doubled, moved, and requests spliced into each other."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from proofs.wire.cases import ANY, Case

# A mutation may make one request into several; more answers than this no case of the table could mean.
MOST_ANSWERS = 64
LONGEST = 20_000
_MARKS = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\r\n\r\n", b"%", b"\xff", b"\xc0\xaf", b"chunked",
    b"\xf0\x9f\xa6\xb7",
    b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\n", b"HTTP/1.0", b"9" * 30,
    b"-1", b"{", b"[", b'"', b"\\u", b"NaN",
)  # fmt: skip
Mutation = Callable[[random.Random, bytes], bytes]


def mutated(chance: random.Random, table: Sequence[Case]) -> Case:
    """A case of one to four changes; what becomes of it nobody knows, but it is below 500 and well-formed."""
    case = chance.choice(table)
    sent = b"".join(case.pieces)
    if len(sent) > LONGEST:
        sent = sent[: LONGEST // 2] + sent[-LONGEST // 2 :]
    for _ in range(chance.randint(1, 4)):
        sent = chance.choice(_MUTATIONS)(chance, sent)
    if chance.random() < 0.1:
        sent += b"".join(chance.choice(table).pieces)[:LONGEST]
    return Case(f"a mutation of {case.name}", _pieces(chance, sent), ANY, most=MOST_ANSWERS, heads=False)


def _pieces(chance: random.Random, sent: bytes) -> tuple[bytes, ...]:
    """Whole most of the time, else cut where the reader may not expect it."""
    cuts = sorted(chance.randrange(len(sent) + 1) for _ in range(chance.choice((0, 0, 0, 1, 3))))
    return tuple(sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True))


def _place(chance: random.Random, sent: bytes) -> int:
    """Rather in the head than in a long body."""
    return chance.randrange(min(len(sent), chance.choice((60, 400, LONGEST))) + 1)


def _change(chance: random.Random, sent: bytes) -> bytes:
    at = _place(chance, sent)
    return sent[:at] + bytes([chance.randrange(256)]) + sent[at + 1 :]


def _mark(chance: random.Random, sent: bytes) -> bytes:
    at = _place(chance, sent)
    return sent[:at] + chance.choice(_MARKS) + sent[at:]


def _cut(chance: random.Random, sent: bytes) -> bytes:
    at = _place(chance, sent)
    return sent[:at] + sent[at + chance.choice((1, 2, 8, 64)) :]


def _double(chance: random.Random, sent: bytes) -> bytes:
    at = _place(chance, sent)
    return sent[: at + chance.choice((1, 8, 64))] + sent[at:]


def _line_moved(chance: random.Random, sent: bytes) -> bytes:
    head, blank, body = sent.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    chance.shuffle(lines)
    return b"\r\n".join([first, *lines]) + blank + body


def _line_doubled(chance: random.Random, sent: bytes) -> bytes:
    head, blank, body = sent.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    return b"\r\n".join([*lines, chance.choice(lines)]) + blank + body


def _noise(chance: random.Random, sent: bytes) -> bytes:
    at = _place(chance, sent)
    return sent[:at] + chance.randbytes(chance.choice((1, 4, 40))) + sent[at:]


_MUTATIONS: tuple[Mutation, ...] = (_change, _mark, _cut, _double, _line_moved, _line_doubled, _noise)
