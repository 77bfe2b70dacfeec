"""The practice's own day: the day at each record's place, and the dates that have not come there yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from chairside.changes import Change, Record
from chairside.days import first_day
from chairside.errors import CODES, Problem, Refused
from chairside.fields import Body, Field
from chairside.resource import Kind
from chairside.types import FUTURE, Date, Timezone

if TYPE_CHECKING:
    from chairside.engine.desk import Desk


def place_of(desk: Desk, kind: Kind, record: Mapping[str, Any]) -> str:
    """The id of what tells where a record is: the location it names, else its patient, else the org."""
    owner = None if kind.name == "patient" else record.get("patient_id")
    return record.get("location_id") or owner or desk.org_id


async def know(desk: Desk, ids: Iterable[str]) -> None:
    """Looks up the day at those places that no statement of this request has told of yet, all at once."""
    missing = sorted(set(ids) - desk.days.keys())
    if missing:
        desk.days |= {row["id"]: row["today"] for row in await desk.ask("days.today", missing)}


async def place(desk: Desk, kind: Kind, changes: Sequence[Change]) -> None:
    """Tells each change the day at its place."""
    at = [place_of(desk, kind, change.after) for change in changes]
    await know(desk, at)
    for change, place_id in zip(changes, at, strict=True):
        change.day = desk.days.get(place_id)


@cache
def _past_dates(kind: Kind) -> tuple[Field, ...]:
    """The dates of a kind that must have come at the record's place."""
    return tuple(f for f in kind.stored if isinstance(f.type, Date) and f.type.past)


@cache
def _time_zones(kind: Kind) -> tuple[Field, ...]:
    return tuple(f for f in kind.stored if isinstance(f.type, Timezone))


def _near(desk: Desk, kind: Kind, record: Record) -> list[Field]:
    """A record's dates that must have come, and may have at one place and not at another."""
    first = first_day(desk.now)
    return [field for field in _past_dates(kind) if (record[field.column] or first) > first]


async def know_near(desk: Desk, kind: Kind, records: Sequence[Record]) -> None:
    """Looks up the days that `ahead` may need for these records; nothing unless one has a date of these days."""
    if any(_near(desk, kind, record) for record in records):
        await know(desk, [place_of(desk, kind, record) for record in records])


def ahead(desk: Desk, kind: Kind, change: Change) -> list[Problem]:
    """Returns a problem for each changed date that must have come and has not come yet at the record's place."""
    near = [field for field in _near(desk, kind, change.after) if change.changed(field.column)]
    if not near:
        return []
    today = desk.days[place_of(desk, kind, change.after)]
    return [_future("body", field.key) for field in near if change.after[field.column] > today]


async def judge(desk: Desk, kind: Kind, change: Change) -> list[Problem]:
    """Returns the problems of a change's dates and time zones."""
    await know_near(desk, kind, [change.after])
    return [*ahead(desk, kind, change), *await _unknown_zones(desk, kind, change)]


def past_dates(body: Body) -> tuple[str, ...]:
    """The keys of a body's dates that must have come."""
    return tuple(key for key, entry in body.entries.items() if isinstance(entry.type, Date) and entry.type.past)


async def refuse_ahead(desk: Desk, keys: Iterable[str], values: Mapping[str, Any]) -> None:
    """Refuses dates of an action's body that have not come yet where the org is."""
    first = first_day(desk.now)
    near = [key for key in keys if (values.get(key) or first) > first]
    if near:
        today = await today_at(desk)
        if problems := [_future("body", key) for key in near if values[key] > today]:
            raise Refused(problems)


async def today_at(desk: Desk, patient_id: str | None = None) -> date:
    """The day at a patient's place, or where the org is."""
    at = patient_id or desk.org_id
    await know(desk, [at])
    return desk.days[at]


async def _unknown_zones(desk: Desk, kind: Kind, change: Change) -> list[Problem]:
    """New time zones that the database has no data of, although Python has."""
    given = [f for f in _time_zones(kind) if change.after[f.column] and change.changed(f.column)]
    return [
        Problem(("body", field.key), CODES["invalid_timezone"], "invalid_timezone")
        for field in given
        if not await desk.ask("days.known_zone", change.after[field.column])
    ]


def _future(*at: str) -> Problem:
    return Problem(at, FUTURE, "out_of_range")
