"""One demo person: the contract's fields, and the places in the practice's lists they point to."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Balances = tuple[Decimal, Decimal, Decimal, Decimal]
Role = Literal["head", "spouse", "child", "elder"]


@dataclass(frozen=True, slots=True)
class Person:
    """A patient to create.

    `fields` is a CreatePatientIn body as JSON would carry it (dates are ISO text), without references and
    without what is not set. All other places are indexes into the practice's lists; `guarantor` indexes
    the patients themselves, always an earlier one whose own guarantor is None. `balances` are dollars due
    for 0-30, 31-60, 61-90 and over 90 days. `household` is the place of the household's head, who may be the
    person; `role` is what the person is there. A second chart belongs to no household.
    """

    fields: dict[str, object]
    guarantor: int | None
    location: int | None
    primary_provider: int | None
    secondary_provider: int | None
    fee_schedule: int | None
    billing_type: int | None
    employer: int | None
    tags: tuple[int, ...]
    balances: Balances | None
    created_days_ago: int
    household: int | None
    role: Role | None
