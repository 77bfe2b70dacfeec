"""Every random choice of the demo, drawn from one seeded source."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Choices that repeat for the same seed, on every platform and in every process."""

    __slots__ = ("draw",)

    def __init__(self, seed: int) -> None:
        # random() is the one method whose sequence Python promises to keep between versions,
        # and it is several times faster than choice() or randint().
        self.draw = random.Random(seed).random

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.draw() * len(options))]

    def chance(self, probability: float) -> bool:
        return self.draw() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.draw() * (high - low + 1))

    def shuffled(self, items: Sequence[T]) -> list[T]:
        keyed = [(self.draw(), place) for place in range(len(items))]
        return [items[place] for _, place in sorted(keyed)]
