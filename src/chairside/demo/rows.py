"""One record of a demo patient, in words that name what does not exist yet."""

from datetime import date
from typing import NamedTuple

from .person import Person


class Row(NamedTuple):
    """A create body by its contract names, of the patient at that place.

    References stand under their key without `_uuid`: a catalog entry by name, a provider, location or patient by its
    place, an appointment by the `label` of its own row, which comes earlier.
    """

    kind: str
    patient: int
    body: dict[str, object]
    label: str | None = None


def seen(person: Person) -> bool:
    """Whether the person comes to the practice: alive, a patient now, and no second chart."""
    return person.fields["status"] == "active" and person.role is not None and "date_first_visit" in person.fields


def years_old(person: Person, day: date) -> int | None:
    """Birthdays had; None without a birth date."""
    if "date_of_birth" not in person.fields:
        return None
    born = date.fromisoformat(str(person.fields["date_of_birth"]))
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
