"""Sends hostile cases over raw connections, in a process of lower priority, and judges what is answered."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from proofs.wire.answers import Malformed, read
from proofs.wire.cases import Case, Target, named
from proofs.wire.mutations import mutated

# Below what one worker works on at once, so that nothing is refused for want of a place.
AT_ONCE = 24
# How long the first answer is waited for, the rest of one that has begun, and one more where there may be none.
FIRST, REST, MORE = 2.0, 30.0, 0.2
MOST_READ = 1 << 22
MOST_TOLD = 20


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """`number` cases by a seed: each of the table once, then mutations of them."""

    port: int
    org_id: str
    token: str
    seed: int
    number: int


class Outcome(msgspec.Struct, kw_only=True):
    """How many answers of which status, of whom, and everything that must not be."""

    tried: int = 0
    answers: dict[int, int] = {}
    of_the_library: dict[int, int] = {}
    silent: int = 0
    faults: list[str] = []


def attacked(attack: Attack, seconds: float) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-c", "from proofs.wire.hostile import main; main()"],
        input=msgspec.msgpack.encode(attack),
        stdout=subprocess.PIPE,
        check=True,
        timeout=seconds,
        cwd=Path(__file__).parents[2],
    )
    return msgspec.msgpack.decode(done.stdout, type=Outcome)


def main() -> None:
    os.nice(10)
    attack = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Attack)
    sys.stdout.buffer.write(msgspec.msgpack.encode(asyncio.run(_run(attack))))


async def _run(attack: Attack) -> Outcome:
    outcome = Outcome()
    cases = _cases(attack)

    async def sender() -> None:
        for case in cases:
            outcome.tried += 1
            _judge(outcome, case, await _exchanged(attack.port, case))

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    return outcome


def _cases(attack: Attack) -> Iterator[Case]:
    table = named(Target(attack.org_id, attack.token))
    yield from table[: attack.number]
    chance = random.Random(attack.seed)
    answered = [case for case in table if not case.heads]  # of a head alone nobody could tell where its answer ends
    for _ in range(attack.number - len(table)):
        yield mutated(chance, answered)


async def _exchanged(port: int, case: Case) -> bytes:
    """All that the server says until it closes, or has said enough, or says nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    try:
        for piece in case.pieces:
            writer.write(piece)
            if len(case.pieces) > 1:
                await asyncio.sleep(0)
        while len(said) < MOST_READ and (seconds := _patience(case, said)):
            more = await asyncio.wait_for(reader.read(1 << 16), seconds)
            if not more:
                break
            said += more
    except (ConnectionError, TimeoutError):
        pass  # a connection that the server ends while we still send is one way to refuse
    finally:
        writer.transport.abort()
    return said


def _patience(case: Case, said: bytes) -> float:
    """How long to wait for more; also after as many answers as there may be, since that is how one too many shows."""
    try:
        answers, rest = read(said, heads=case.heads)
    except Malformed:
        return 0
    return 0 if len(answers) > case.most else REST if rest else MORE if answers else FIRST


def _judge(outcome: Outcome, case: Case, said: bytes) -> None:
    try:
        answers, rest = read(said, heads=case.heads)
    except Malformed as fault:
        _fault(outcome, case, str(fault))
        return
    outcome.silent += not answers
    if rest:
        _fault(outcome, case, f"half an answer: {rest[:120]!r}")
    if len(answers) > case.most:
        _fault(outcome, case, f"{len(answers)} answers: {[a.status for a in answers]}")
    for answer in answers:
        counts = outcome.of_the_library if answer.of_the_library else outcome.answers
        counts[answer.status] = counts.get(answer.status, 0) + 1
        wrong = answer.fault() or (None if answer.status in case.may else f"{answer.status}, {answer.body[:120]!r}")
        if wrong is not None:
            _fault(outcome, case, wrong)


def _fault(outcome: Outcome, case: Case, why: str) -> None:
    """Kept for the first few, counted for all."""
    if len(outcome.faults) < MOST_TOLD:
        sent = b"".join(case.pieces)
        why = f"{case.name}: {why}; sent {len(sent)} bytes, {sent[:60]!r} ... {sent[-60:]!r}"
    outcome.faults.append(why)
