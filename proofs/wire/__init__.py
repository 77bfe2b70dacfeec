"""Whatever is sent over a raw connection: no worker dies, nothing is a 5xx or malformed, others notice little.

A table of named cases comes first, each with the answers it may get, then mutations of them by the seed. Before them
and beside them a well-behaved client asks at a steady pace; its baseline is its own p99 in the same run. The hostile
client runs with lower priority, for it shares the processors with the server here and would not in a practice. Then
sockets are held open that say nothing, or speak a byte at a time, beside the same client.

Answers without our request id are those of the HTTP library, given before any code of ours is asked, mostly an empty
400; they are counted apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from proofs.load import Heard, Load, Running
from proofs.trial import Trial
from proofs.wire.cases import Target
from proofs.wire.hostile import Attack, Outcome, attacked
from proofs.wire.idle import held
from tests.house import House

SHORT, LONG = 3_000, 100_000
WARMING, MOST_GROWN, MOST_TIMES_BASELINE = 1_500, 30 << 20, 3
RATE, CONNECTIONS, BASELINE_SECONDS, HELD_SECONDS = 25, 4, 12, 12
IDLE, SLOW = 1_000, 40
# Cases in a second, at least; a bound against hanging, not a measure.
SLOWEST = 5


def prove(trial: Trial) -> None:
    """`trial.rounds` is the number of raw cases."""
    with trial.house() as house:
        attacker, neighbour = house.org("Attacker Dental"), house.org("Neighbour Dental")
        to = Target(attacker.id, attacker.token("admin"))
        asking = Load(
            port=house.port, rate=RATE, seconds=BASELINE_SECONDS, connections=CONNECTIONS,
            requests=[Target(neighbour.id, neighbour.token("admin")).get()],
        )  # fmt: skip
        workers = _workers(house)
        # Memory is compared after a part of the attack, for what is made once for a path or a status is no leak.
        _attack(trial, house, to, WARMING)
        before, sizes = Running(asking).heard(), _sizes(workers)
        trial.figure("neighbour alone", f"p50 {before.at(0.5):.1f} ms, p99 {before.at(0.99):.1f} ms")
        _beside_attacks(trial, house, to, asking, before)
        _beside_idlers(trial, house, to, asking, before)
        grown = max(now - then for then, now in zip(sizes, _sizes(workers), strict=True))
        trial.figure("memory of a worker grew by", f"{grown / (1 << 20):.1f} MiB at most")
        trial.expect(grown < MOST_GROWN, f"a worker grew by {grown / (1 << 20):.0f} MiB")
        trial.expect(_workers(house) == workers, "a worker has died and another has taken its place")
        faults = [line for line in house.log().splitlines() if "fault" in line]
        trial.expect(not faults, f"{len(faults)} faults in the log, first: {faults[:1]}")


def _attack(trial: Trial, house: House, to: Target, number: int) -> Outcome:
    attack = Attack(port=house.port, org_id=to.org_id, token=to.token, seed=trial.random.getrandbits(32), number=number)
    outcome = attacked(attack, seconds=60 + number / SLOWEST)
    for fault in outcome.faults:
        trial.breach(fault)
    return outcome


def _beside_attacks(trial: Trial, house: House, to: Target, asking: Load, before: Heard) -> None:
    """Attacks in parts, each as long as a measurement of the neighbour or longer."""
    beside: list[Heard] = []
    outcome = Outcome()
    part = 2_000
    for start in range(0, trial.rounds, part):
        neighbour = Running(asking)
        _add(outcome, _attack(trial, house, to, min(part, trial.rounds - start)))
        beside.append(neighbour.heard())
        trial.say(f"{outcome.tried:,} cases")
    trial.tried("raw cases", outcome.tried)
    trial.figure("answers", _counted(outcome.answers))
    trial.figure("answers of the HTTP library alone", _counted(outcome.of_the_library))
    trial.figure("cases without an answer", f"{outcome.silent:,}")
    _judge(trial, "beside the attacks", before, beside)


def _beside_idlers(trial: Trial, house: House, to: Target, asking: Load, before: Heard) -> None:
    neighbour = Running(asking)
    opened, ended = asyncio.run(held(house.port, to, IDLE, SLOW, HELD_SECONDS))
    trial.tried("idle and slow connections", opened)
    trial.figure("idle and slow connections ended by the server", f"{ended:,} after {HELD_SECONDS} s")
    _judge(trial, "beside idle and slow connections", before, [neighbour.heard()])


def _judge(trial: Trial, where: str, before: Heard, parts: Sequence[Heard]) -> None:
    beside = Heard(took=[ms for part in parts for ms in part.took])
    times = beside.at(0.99) / before.at(0.99)
    trial.figure(f"neighbour {where}", f"p50 {beside.at(0.5):.1f} ms, p99 {beside.at(0.99):.1f} ms, {times:.2f} times")
    trial.in_time(times <= MOST_TIMES_BASELINE, f"{where} the neighbour's p99 is {times:.1f} times its baseline")
    wrong = [fault for part in parts for fault in part.faults]
    lost, refused = sum(part.unanswered for part in parts), sum(part.refused for part in parts)
    trial.expect(not wrong and not lost, f"{where} the neighbour lost {lost} answers, {wrong[:1]}")
    # There are places for all who are at work here, unless the machine stands still meanwhile.
    trial.in_time(not refused, f"{where} the neighbour was sent away {refused} times")


def _add(to: Outcome, part: Outcome) -> None:
    to.tried += part.tried
    to.silent += part.silent
    for into, counts in ((to.answers, part.answers), (to.of_the_library, part.of_the_library)):
        for status, number in counts.items():
            into[status] = into.get(status, 0) + number


def _counted(counts: dict[int, int]) -> str:
    return ", ".join(f"{number:,} of {status}" for status, number in sorted(counts.items())) or "none"


def _workers(house: House) -> list[int]:
    """The processes that answer: what the server has started beside its database."""
    if house.process is None:
        return []
    children = Path(f"/proc/{house.process.pid}/task/{house.process.pid}/children").read_text().split()
    return sorted(int(pid) for pid in children if b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes())


def _sizes(workers: Sequence[int]) -> list[int]:
    """Resident memory of each, in bytes."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in workers]
    return [number * 4096 for number in pages]
