"""The charts of demo patients: about every fourth has one, made of the person's notes and a story for the age."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import chain

from . import habits
from .dice import Dice
from .noted import SUMMARIES, URGENT, told_by
from .person import Person
from .readings import YEAR, Body, readings
from .stories import STORIES, Notice, Pressure, Story, Taken

Rows = tuple[dict[str, object], ...]
_EVERY = 5


@dataclass(frozen=True, slots=True)
class Chart:
    """The records of a chart as create bodies by their contract names, each field in the order to enter them.

    A catalog entry is named, under its key without `_uuid`; `provider` is a place in the practice's list. A medication
    with a `status` has ended: it is entered as taken, and brought to that status then.
    """

    alert: Rows = ()
    allergy: Rows = ()
    disease: Rows = ()
    medication: Rows = ()
    vital_signs: Rows = ()
    social_history: Rows = ()

    def rows(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Every record with its kind."""
        for kind in fields(self):
            yield from ((kind.name, row) for row in getattr(self, kind.name))


def chart(person: Person, place: int, seed: int, today: date) -> Chart:
    """The chart of the person at that place; an empty one for most, for the dead and for those without birth date."""
    told = person.fields
    noted = told_by(told.get("medical_urgent_note"), URGENT)
    if "date_of_birth" not in told or told["status"] == "deceased" or (noted is None and place % _EVERY):
        return Chart()
    # As far apart as seeds and places can be, so that no two patients share their dice.
    dice = Dice(seed * 1_000_003 + place)
    born = date.fromisoformat(str(told["date_of_birth"]))
    years = int((today - born).days / YEAR)
    summary = told_by(told.get("medical_summary"), SUMMARIES)
    story = noted or _fitting(person, years, place, bare=summary is not None)
    return _entered(dice, person, tuple(s for s in (summary, story) if s), born, today)


def _fitting(person: Person, years: int, place: int, *, bare: bool) -> Story:
    """In turn one of the stories for the age; `bare` without conditions, where a summary has told those."""
    no_allergies = person.fields.get("allergy_review_status") == "nkda"
    fitting = [
        s
        for s in STORIES
        if years in s.ages
        and s.sex in (None, person.fields.get("gender"))
        and not (no_allergies and s.allergies)
        and not (bare and (s.has or s.pressure != "usual"))
    ]
    return fitting[place // _EVERY % len(fitting)] if fitting else Story()


def _entered(dice: Dice, person: Person, stories: tuple[Story, ...], born: date, today: date) -> Chart:
    visited = person.fields.get("date_first_visit")
    years = int((today - born).days / YEAR)
    levels: tuple[Pressure, ...] = ("blocking", "raised", "usual")
    pressure = next(level for level in levels if level == "usual" or any(s.pressure == level for s in stories))
    signs: list[dict[str, object]] = []
    if visited:
        body = Body(dice, born, str(person.fields.get("gender")))
        signs = readings(dice, body, pressure, date.fromisoformat(str(visited)), today)
    measured_by = person.primary_provider if person.secondary_provider is None else person.secondary_provider
    if measured_by is not None:
        signs = [{**row, "provider": measured_by} for row in signs]
    day = str(signs[0]["date_taken"]) if signs else today.isoformat()
    # The same name in two stories is one record.
    conditions = dict.fromkeys(chain.from_iterable(s.has for s in stories))
    taken = {t.name: t for t in chain.from_iterable(s.takes for s in stories)}
    return Chart(
        alert=tuple(_alert(n, today) for s in stories for n in s.alerts),
        allergy=tuple(
            {"allergy_definition": a.name, "severity": a.severity, "reaction": a.reaction}
            for s in stories
            for a in s.allergies
        ),
        disease=tuple({"disease_definition": c} | _since(dice, born, today, dice.chance(0.7)) for c in conditions),
        medication=tuple(_medication(dice, t, born, today) for t in taken.values()),
        vital_signs=tuple(signs),
        social_history=tuple(habits.told(dice, years, day)),
    )


def _alert(notice: Notice, today: date) -> dict[str, object]:
    row: dict[str, object] = {"alert_definition": notice.name}
    if notice.note:
        row["note"] = notice.note
    if notice.days:
        row["disable_on"] = (today + timedelta(days=notice.days)).isoformat()
    return row


def _since(dice: Dice, born: date, today: date, known: bool) -> dict[str, object]:
    if not known:
        return {}
    days = dice.between(60, 3_000)
    return {"date_start": max(born, today - timedelta(days=days)).isoformat()}


def _medication(dice: Dice, taken: Taken, born: date, today: date) -> dict[str, object]:
    row: dict[str, object] = {"med_descript" if taken.said else "medication_definition": taken.name}
    row |= {key: value for key, value in (("dosage", taken.dosage), ("frequency", taken.frequency)) if value}
    if taken.reason:
        ended = today - timedelta(days=dice.between(30, 300))
        began = max(born, ended - timedelta(days=dice.between(2, 20)))
        ending = "completed" if taken.reason.endswith("finished") else "discontinued"
        return row | {
            "date_start": began.isoformat(),
            "date_stop": ended.isoformat(),
            "status": ending,
            "discontinuation_reason": taken.reason,
        }
    if taken.short:
        return row | {"date_start": (today - timedelta(days=dice.between(0, 5))).isoformat()}
    return row | _since(dice, born, today, dice.chance(0.6))
