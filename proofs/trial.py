"""One run of one proof: its seed, what it tried, what it found broken, and the servers it tried it on."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from proofs.sweep import leaks
from tests.house import House, free_port

MOST_SHOWN = 20


@dataclass
class Trial:
    """What a proof is given. It draws every choice from `random`, so that a seed tells what to try again."""

    name: str
    seed: int
    rounds: int
    long: bool = False
    times_told: bool = False
    random: random.Random = field(init=False)
    breaches: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    figures: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """A generator of its own, so that what one proof draws does not depend on those before it."""
        self.random = random.Random(f"{self.name} {self.seed}")

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"  {self.name}: {text}", flush=True)

    def tried(self, what: str, number: int = 1) -> None:
        """Count something that was tried; all counts are shown at the end."""
        self.counts[what] += number

    def figure(self, name: str, value: str) -> None:
        """Keep a measured figure with its unit for the end."""
        self.figures[name] = value

    def breach(self, what: str) -> None:
        """A promise is broken: said at once, and the proof fails at its end."""
        self.breaches.append(what)
        if len(self.breaches) <= MOST_SHOWN:
            self.say(f"BREACH {what}")

    def expect(self, kept: object, what: str) -> bool:
        """Count `what` as broken unless `kept`."""
        if not kept:
            self.breach(what)
        return bool(kept)

    def in_time(self, kept: object, what: str) -> None:
        """A bound of time, whose passing is a breach, or only said where times are told and not judged.

        Every bound of seconds, and whatever else hangs on how busy the machine is, comes here. What never comes at all
        is no matter of time: each wait has an end far away, and reaching it is a breach either way.
        """
        if kept or not self.times_told:
            self.expect(kept, what)
            return
        self.slow.append(what)
        self.say(f"SLOW {what}")

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder, open to the database's own user; what servers have left in it is searched before it goes."""
        with tempfile.TemporaryDirectory(prefix="chairside-") as made:
            path = Path(made)
            path.chmod(0o755)
            yield path
            searched, found = leaks(path)
            if searched:
                self.tried("files searched for secrets at the end", searched)
            for secret in found:
                self.breach(f"{secret} lies in clear")

    @contextmanager
    def house(self, *options: str, workers: int = 2, **env: str) -> Iterator[House]:
        """A server on a new data directory, started by the normal command and stopped at the end."""
        with self.folder() as folder:
            house = House(folder / "data", free_port())
            try:
                yield house.start(*options, workers=workers, **env)
            finally:
                house.end()

    def report(self) -> str:
        """What was tried and how it ended."""
        tried = ", ".join(f"{number:,} {what}" for what, number in self.counts.items()) or "nothing"
        figures = "".join(f"\n  {name}: {value}" for name, value in self.figures.items())
        return f"{self.verdict()}: {tried}{figures}"

    def verdict(self) -> str:
        """How it ended, in one line."""
        self.seconds = self.seconds or time.monotonic() - self.started
        ended = f"{len(self.breaches)} BREACHES" if self.breaches else "kept"
        ended += f", {len(self.slow)} SLOW" if self.slow else ""
        return f"{self.name}: {ended} (seed {self.seed}, {self.rounds} rounds, {self.seconds:.0f} s)"
