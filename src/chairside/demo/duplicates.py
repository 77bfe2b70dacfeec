"""The same person typed twice: a second chart as a busy front desk makes it."""

import datetime

from .cultures import without_accents
from .dice import Dice
from .person import Person
from .phones import typed
from .places import REGIONS, address, listed

_KEPT = listed("first_name last_name date_of_birth gender mobile_phone email address_line1 city state")


def worth_retyping(person: Person) -> bool:
    """Whether a second chart of this person would be found by the duplicate check and taken for real."""
    fields = person.fields
    return "mobile_phone" in fields and "date_of_birth" in fields and "date_time_deceased" not in fields


def retyped(dice: Dice, original: Person, chart_number: str) -> Person:
    """A sparse second chart; last name with birth date, or the mobile phone, still tells who it is."""
    fields = {name: original.fields[name] for name in _KEPT if name in original.fields}
    first, last = str(fields["first_name"]), str(fields["last_name"])
    born = str(fields["date_of_birth"])
    fields["mobile_phone"] = _retyped_phone(dice, str(fields["mobile_phone"]))
    mistake = dice.draw()
    if not (first + last).isascii() and mistake < 0.7:
        fields["first_name"], fields["last_name"] = without_accents(first), without_accents(last)
    elif "preferred_name" in original.fields and mistake < 0.8:
        fields["first_name"] = original.fields["preferred_name"]
    elif mistake < 0.25:
        fields["date_of_birth"] = _misread(born)
    elif mistake < 0.45:
        del fields["mobile_phone"]
        fields["first_name"], fields["last_name"] = first.upper(), last.upper()
    elif mistake < 0.7:
        fields["email"] = f"{without_accents(first)[0].lower()}{born[:4]}.{chart_number[3:]}@example.net"
    else:
        fields |= address(dice, dice.pick(REGIONS))
    fields["chart_number"] = chart_number
    fields["status"] = "prospective" if dice.chance(0.3) else "active"
    return Person(
        fields=fields,
        guarantor=None,
        location=original.location,
        primary_provider=None,
        secondary_provider=None,
        fee_schedule=None,
        billing_type=None,
        employer=None,
        tags=(),
        balances=None,
        created_days_ago=int(original.created_days_ago * dice.draw()),
        household=None,
        role=None,
    )


def _retyped_phone(dice: Dice, phone: str) -> str:
    digits = "".join(letter for letter in phone if letter.isdigit())[-10:]
    again = typed(dice, digits)
    while again == phone:
        again = typed(dice, digits)
    return again


def _misread(born: str) -> str:
    """Month and day changed over where that is a date, else one day early.

    Whoever has a phone was born in an earlier year, so neither lies ahead.
    """
    date = datetime.date.fromisoformat(born)
    if date.day <= 12 and date.day != date.month:
        return date.replace(month=date.day, day=date.month).isoformat()
    return (date - datetime.timedelta(days=1)).isoformat()
