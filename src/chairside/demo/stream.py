"""Demo persons one after another, household by household, with second charts slipped in between."""

import datetime
from collections import deque
from collections.abc import Iterator

from .desk import FrontDesk, chart_number
from .dice import Dice
from .duplicates import retyped, worth_retyping
from .households import household
from .person import Person

# Ten second charts among every 500 patients.
_DUPLICATE_EVERY = 50
# A demo patient may be 100 years old, and no birth date may lie before 1900.
_EARLIEST_TODAY = datetime.date(2001, 1, 1)


def rows(seed: int, patients: int, today: datetime.date, first: int = 0) -> Iterator[Person]:
    """That many persons, in an order where a guarantor comes before those who name them.

    `first` is the place of the first of them, where they are one part of many, each with a seed of its own: chart
    numbers and whatever else is made of a place are then distinct. Holds only the latest few, so a million can be
    streamed. Equal arguments give equal persons. Raises ValueError for a negative count or a `today` before 2001.
    """
    if patients < 0:
        raise ValueError("patients must not be negative")
    if today < _EARLIEST_TODAY:
        raise ValueError("today must not be before 2001")
    return _stream(seed, patients, today, first)


def _stream(seed: int, patients: int, today: datetime.date, first: int) -> Iterator[Person]:
    dice = Dice(seed)
    desk = FrontDesk(dice, patients, today, first)
    recent: deque[Person] = deque(maxlen=100)
    index, end, duplicate_due = first, first + patients, first + _DUPLICATE_EVERY // 2
    while index < end:
        for person in desk.enrol(household(dice), index)[: end - index]:
            yield person
            index += 1
            if worth_retyping(person):
                recent.append(person)
        if index >= duplicate_due and index < end and recent:
            original = dice.pick(recent)
            recent.remove(original)
            yield retyped(dice, original, chart_number(index))
            index += 1
            duplicate_due += _DUPLICATE_EVERY
