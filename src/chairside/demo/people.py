"""What lies around demo patients: relatives, referrals, visits, communications and intake fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from . import families, intake, referrals, visits
from .dice import Dice
from .person import Person
from .rows import Row


@dataclass(frozen=True, slots=True)
class People:
    """Create bodies of what the practice keeps for itself, and rows of its patients, each after those it names."""

    referral_partners: tuple[dict[str, object], ...]
    field_definitions: tuple[dict[str, object], ...]
    rows: tuple[Row, ...]


def people(persons: Sequence[Person], seed: int, today: date) -> People:
    """Everything around these persons on that day; equal arguments give equal rows."""
    dice = Dice(seed)
    return People(
        referral_partners=referrals.PARTNERS,
        field_definitions=intake.DEFINITIONS,
        rows=(
            *families.rows(persons, today),
            *referrals.rows(dice, persons),
            *visits.rows(dice, persons, today),
            *intake.rows(dice, persons, today),
        ),
    )
