"""The intake questions a demo practice asks beyond what everybody asks, and what patients answered."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from .dice import Dice
from .person import Person
from .rows import Row, seen, years_old

SCHOOL, PHARMACY, NERVOUS, CARD, LAST_VISIT, DISTRACTION, MAXIMUM = (
    "School",
    "Preferred pharmacy",
    "How nervous, 1 to 10",
    "Insurance card on file",
    "Last visit to another dentist",
    "In the chair I like",
    "Annual maximum left",
)
_LIKES = ("Music", "A podcast", "Quiet", "Talking me through it", "The ceiling screen")
_ASKED: tuple[dict[str, object], ...] = (
    {"name": SCHOOL, "field_type": "text", "description": "For school letters and appointment times."},
    {"name": PHARMACY, "field_type": "text", "description": "Where prescriptions go."},
    {"name": NERVOUS, "field_type": "number", "description": "1 calm, 10 would rather not come."},
    {"name": CARD, "field_type": "boolean", "description": "Both sides scanned.", "is_required": True},
    {"name": LAST_VISIT, "field_type": "date", "description": "Whose radiographs can be asked for."},
    {"name": DISTRACTION, "field_type": "dropdown", "dropdown_options": list(_LIKES)},
    {"name": MAXIMUM, "field_type": "currency", "description": "As the insurer said on the day of the check."},
)
DEFINITIONS = tuple(asked | {"item_order": order} for order, asked in enumerate(_ASKED, start=1))
_SCHOOLS = ("Lincoln Elementary", "Cesar Chavez Elementary", "Riverside Middle School", "Westfield High School")
_PHARMACIES = ("Corner Drug, Main Street", "The pharmacy at the hospital", "Hillside Pharmacy", "Mail order")
_EVERY = 4


def rows(dice: Dice, persons: Sequence[Person], today: date) -> Iterator[Row]:
    """The form of about every fourth patient, part of it left blank as forms are."""
    for place, person in enumerate(persons):
        years = years_old(person, today)
        if place % _EVERY == 0 and years is not None and seen(person):
            answers = [
                (name, value) for name, value in _answers(dice, years, today) if name == CARD or dice.chance(0.7)
            ]
            fields = [{"field_definition": name, "value": value} for name, value in answers]
            yield Row("field_value", place, {"fields": fields})


def _answers(dice: Dice, years: int, today: date) -> Iterator[tuple[str, str]]:
    if 5 <= years < 18:
        yield SCHOOL, _SCHOOLS[3 if years > 13 else 2 if years > 10 else dice.between(0, 1)]
    else:
        yield PHARMACY, dice.pick(_PHARMACIES)
    yield NERVOUS, str(dice.pick((1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 10)))
    yield CARD, dice.pick(("true", "true", "true", "false"))
    if years >= 3:
        yield LAST_VISIT, (today - timedelta(days=dice.between(120, 1_000))).isoformat()
        yield DISTRACTION, dice.pick(_LIKES)
    yield MAXIMUM, f"{dice.pick((2000, 1500, 1500, 1250, 840, 0))}.00"
