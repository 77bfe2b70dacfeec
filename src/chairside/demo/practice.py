"""A whole demo practice: its lists, and patients that point into them."""

import datetime
from dataclasses import dataclass

from . import catalogs
from .dice import Dice
from .person import Person
from .stream import rows


@dataclass(frozen=True, slots=True)
class Practice:
    """Every list holds create bodies by their contract names; persons refer to them by index."""

    name: str
    locations: list[dict[str, object]]
    providers: list[dict[str, object]]
    fee_schedules: list[dict[str, object]]
    billing_types: list[dict[str, object]]
    employers: list[dict[str, object]]
    tag_definitions: list[dict[str, object]]
    patients: list[Person]


def practice(seed: int, patients: int, today: datetime.date) -> Practice:
    """A practice with that many patients; equal arguments give an equal practice, in every process.

    Raises ValueError as `rows` does.
    """
    dice = Dice(seed)
    return Practice(
        name="Demo Dental Group",
        locations=catalogs.locations(dice),
        providers=catalogs.providers(dice),
        fee_schedules=catalogs.named(catalogs.FEE_SCHEDULES),
        billing_types=catalogs.named(catalogs.BILLING_TYPES),
        employers=catalogs.employers(dice),
        tag_definitions=catalogs.tag_definitions(),
        patients=list(rows(seed, patients, today)),
    )
