"""Types of days, moments and times of day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from chairside.days import last_day
from chairside.types.checks import Invalid, text_of

EARLIEST_DATE = date(1900, 1, 1)
FUTURE = "must not be in the future"
_SINCE = "^(19|[2-9][0-9])[0-9]{2}-"  # the same, for schemas
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)
_CLOCK = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?Z?$"


@dataclass(frozen=True, slots=True)
class Date:
    """A day of the calendar from 1900 on; `past` refuses days that have not come.

    The type refuses days that have come nowhere yet. Whether one has come at the record's own place is judged where
    that is known (engine/days).
    """

    past: bool = False
    sql: str = "date"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date", "pattern": _SINCE}

    def parse(self, value: object, now: datetime) -> date:
        text = text_of(value)
        if not _DATE.fullmatch(text):
            raise Invalid("invalid_date", "must be a date, YYYY-MM-DD")
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise Invalid("invalid_date", "must be a day that exists, YYYY-MM-DD") from None
        if day < EARLIEST_DATE:
            raise Invalid("out_of_range", "must not be before 1900-01-01")
        if self.past and day > last_day(now):
            raise Invalid("out_of_range", FUTURE)
        return day


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment with its offset (RFC 3339), kept in UTC."""

    past: bool = False
    sql: str = "timestamptz"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date-time", "pattern": _SINCE}

    def parse(self, value: object, now: datetime) -> datetime:
        text = text_of(value).upper()
        if not _DATETIME.fullmatch(text):
            raise Invalid("invalid_datetime", "must be a time with an offset, such as 2026-03-01T09:30:00Z")
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Invalid("invalid_datetime", "must be a time that exists") from None
        if moment.year < EARLIEST_DATE.year:
            raise Invalid("out_of_range", "must not be before 1900")
        if self.past and moment > now + timedelta(minutes=5):
            raise Invalid("out_of_range", FUTURE)
        return moment


@dataclass(frozen=True, slots=True)
class Moment:
    """A bound in time: a timestamp, or a date, which means that day at the place of each record."""

    sql: str = "timestamptz"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}], "pattern": _SINCE}

    def parse(self, value: object, now: datetime) -> datetime | date:
        text = text_of(value)
        if not _DATE.fullmatch(text):
            # A plus sign that was not escaped in a query reads as a blank.
            return Timestamp().parse(text.replace(" ", "+"), now)
        return Date().parse(text, now)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time on the practice's own clock, answered as HH:MM:SS.

    It is of no zone, which what JSON Schema calls a `time` must have: the contract asks for that word, the pattern says
    which times there are, and a Z that a strict client therefore appends is taken for nothing.
    """

    sql: str = "time"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "time", "pattern": _CLOCK, "examples": ["09:30:00"]}

    def parse(self, value: object, now: datetime) -> time:
        text = text_of(value).removesuffix("Z")
        if not _TIME.fullmatch(text):
            raise Invalid("invalid_time", "must be a time of day, HH:MM or HH:MM:SS")
        try:
            return time.fromisoformat(text)
        except ValueError:
            raise Invalid("invalid_time", "must be a time of day that exists") from None
