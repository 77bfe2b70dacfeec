"""Visits of demo patients, past and planned, and what was said and written around them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from .dice import Dice
from .person import Person
from .rows import Row, seen

# Opening hours that all four mainland time zones share, in UTC.
_FIRST_HOUR, _LAST_HOUR = 16, 20
_DONE = ("Recall: exam, cleaning, bitewings", "Filling #19 MO", "Crown prep #30", "Sealants", "Perio maintenance")
_PLANNED = ("Recall: exam and cleaning", "Crown seat #30", "Filling #14 DO", "Consultation", "Perio maintenance")
_AFTER = (
    "Called the evening after: numb until five, no pain since.",
    "Some bleeding at night; bite on gauze explained, stopped by the time we hung up.",
    "No answer; left word to call if anything feels wrong.",
)
_ASKED = (
    ("Billing", "received", "phone", "Asked why the fluoride was not covered; sent the plan's answer."),
    ("Billing", "sent", "mail", "Statement with the open balance."),
    ("Insurance", "received", "email", "New insurance card, both sides attached."),
    ("Treatment plan", "received", "phone", "Wants the crown in two steps, half now, half in the new year."),
    ("Records request", "received", "fax", "Another practice asks for the last radiographs; sent."),
    ("Clinical question", "received", "text", "Temporary crown came off at lunch. Booked for tomorrow."),
    ("Treatment plan", "neither", "in_person", "Went through the plan at the desk with the family present."),
)


def rows(dice: Dice, persons: Sequence[Person], today: date) -> Iterator[Row]:
    """About a third of those seen have visits; others are called back or have asked something."""
    for place, person in enumerate(persons):
        if not seen(person):
            continue
        if dice.chance(0.3):
            yield from _past(dice, person, place, today)
        if dice.chance(0.25):
            yield from _planned(dice, person, place, today)
        elif dice.chance(0.2):
            yield _recall(dice, person, place, today)
        if dice.chance(0.12):
            about, direction, mode, note = dice.pick(_ASKED)
            yield _log(dice, place, _workday(today, -dice.between(3, 90)), (about, mode, direction, note))


def _past(dice: Dice, person: Person, place: int, today: date) -> Iterator[Row]:
    day = _workday(today, -dice.between(5, 170))
    label = f"past visit of {place}"
    status = dice.pick((*["completed"] * 8, "no_show", "cancelled"))
    yield _visit(dice, person, place, day, {"status": status, "note": dice.pick(_DONE)}, label)
    if status == "no_show":
        note = "Did not come; called at ten past, said they mixed up the day."
        yield _log(dice, place, day, ("Missed appointment", "phone", "sent", note), label)
    elif status == "completed" and dice.chance(0.25):
        yield _log(dice, place, day, ("Post-operative follow-up", "phone", "sent", dice.pick(_AFTER)), label)


def _planned(dice: Dice, person: Person, place: int, today: date) -> Iterator[Row]:
    day = _workday(today, dice.between(1, 75))
    label = f"next visit of {place}"
    confirmed = dice.chance(0.35)
    status = "confirmed" if confirmed else "scheduled"
    yield _visit(dice, person, place, day, {"status": status, "note": dice.pick(_PLANNED)}, label)
    name = person.fields.get("preferred_name", person.fields["first_name"])
    mode = "text" if person.fields.get("receives_sms") else "phone"
    before = _workday(today, -dice.between(1, 3))
    if confirmed:
        note = f"Reminder for {name} on {day:%B} {day.day}: please answer C to confirm."
        yield _log(dice, place, before, ("Appointment reminder", mode, "sent", note), label)
        answer = "C" if mode == "text" else "Will be there."
        yield _log(dice, place, before, ("Appointment confirmation", mode, "received", answer), label)


def _recall(dice: Dice, person: Person, place: int, today: date) -> Row:
    name = person.fields.get("preferred_name", person.fields["first_name"])
    mode = "email" if person.fields.get("receives_email") else "mail"
    note = f"Recall for {name}: six months since the last cleaning. " + (
        "Second notice." if dice.chance(0.3) else "First notice."
    )
    return _log(dice, place, _workday(today, -dice.between(2, 60)), ("Recall", mode, "sent", note))


def _visit(dice: Dice, person: Person, place: int, day: date, more: dict[str, object], label: str) -> Row:
    starts = datetime.combine(day, time(dice.between(_FIRST_HOUR, _LAST_HOUR), dice.pick((0, 15, 30, 45))), UTC)
    ends = starts + timedelta(minutes=dice.pick((30, 45, 60, 60, 90)))
    body: dict[str, object] = {"patient": place, "starts_at": _stamp(starts), "ends_at": _stamp(ends), **more}
    if person.primary_provider is not None:
        body["provider"] = person.primary_provider
    if person.location is not None:
        body["location"] = person.location
    return Row("appointment", place, body, label)


def _log(dice: Dice, place: int, day: date, told: tuple[str, str, str, str], visit: str | None = None) -> Row:
    """`told`: about what, by what means, in which direction, in which words."""
    about, mode, direction, note = told
    at = datetime.combine(day, time(dice.between(21, 23), dice.between(0, 59)), UTC)
    body: dict[str, object] = {
        "communication_datetime": _stamp(at),
        "communication_type": about,
        "mode": mode,
        "direction": direction,
        "note": note,
    }
    return Row("communication_log", place, body | ({"appointment": visit} if visit else {}))


def _workday(today: date, days: int) -> date:
    """So many days from today; a weekend moves further in the same direction."""
    day = today + timedelta(days=days)
    while day.weekday() > 4:
        day += timedelta(days=1 if days > 0 else -1)
    return day


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
