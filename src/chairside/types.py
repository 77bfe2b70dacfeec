"""The value types a field can have: how each is checked, stored and described."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Protocol
from uuid import UUID

import email_validator

EARLIEST_DATE = date(1900, 1, 1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?", re.ASCII)


class Invalid(ValueError):
    """A value does not fit its type: a code of errors.CODES, a sentence, and where inside the value."""

    def __init__(self, code: str, msg: str, *inside: str | int) -> None:
        super().__init__(msg)
        self.code, self.msg, self.inside = code, msg, inside


class Type(Protocol):
    """What every value type offers."""

    @property
    def sql(self) -> str: ...
    @property
    def schema(self) -> dict[str, object]: ...
    def parse(self, value: object, now: datetime) -> object: ...


def is_uuid(value: str) -> bool:
    return _UUID.fullmatch(value) is not None


def text_of(value: object) -> str:
    """A string that PostgreSQL and JSON can hold; Invalid otherwise."""
    if not isinstance(value, str):
        raise Invalid("wrong_type", "must be a string")
    if "\x00" in value:
        raise Invalid("invalid_text", "must not contain the NUL character")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Invalid("invalid_text", "must not contain half of a surrogate pair") from None
    return value


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `max` characters; `trim` takes blanks off both ends and `min` counts what is left."""

    max: int = 255
    min: int = 0
    trim: bool = False
    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        least = {"minLength": self.min} if self.min else {}
        blank = {"pattern": r"\S"} if self.trim and self.min else {}
        return {"type": "string", "maxLength": self.max, **least, **blank}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value)
        if len(text) > self.max:
            raise Invalid("too_long", f"must have at most {self.max} characters")
        if self.trim:
            text = text.strip()
        if len(text) < self.min:
            raise Invalid("too_short", "must not be blank" if self.min == 1 else f"must have {self.min} characters")
        return text


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text of one fixed form."""

    regex: str
    code: str
    msg: str
    example: str
    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^{self.regex}$", "examples": [self.example]}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value)
        if not re.fullmatch(self.regex, text, re.ASCII):
            raise Invalid(self.code, self.msg)
        return text


def color() -> Pattern:
    return Pattern("#[0-9a-fA-F]{6}", "invalid_color", "must be a colour of the form #rrggbb", "#2f855a")


def npi() -> Pattern:
    return Pattern("[0-9]{10}", "invalid_npi", "must be ten digits", "1234567893")


def snomed() -> Pattern:
    """A concept id of SNOMED CT: 6 to 18 digits."""
    return Pattern("[0-9]{6,18}", "invalid_code", "must be a SNOMED CT code of 6 to 18 digits", "38341003")


def rx_cui() -> Pattern:
    return Pattern("[0-9]{1,8}", "invalid_code", "must be an RxNorm code of up to 8 digits", "723")


def icd10() -> Pattern:
    """A code of ICD-10-CM: a letter, a digit, a letter or digit, then up to four more after a dot."""
    form = r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?"
    return Pattern(form, "invalid_code", "must be an ICD-10-CM code such as I25.10", "I10")


@dataclass(frozen=True, slots=True)
class Timezone:
    """A name of the IANA time zone database."""

    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "maxLength": 64, "examples": ["America/Chicago"]}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value)
        if text not in zoneinfo.available_timezones():
            raise Invalid("invalid_timezone", "must be a name of the IANA time zone database")
        return text


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address; its domain is not looked up."""

    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "email", "maxLength": 254}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value).strip()
        if len(text) > 254:
            raise Invalid("too_long", "must have at most 254 characters")
        try:
            checked = email_validator.validate_email(text, check_deliverability=False)
        except email_validator.EmailNotValidError:
            raise Invalid("invalid_email", "must be an e-mail address") from None
        return checked.normalized


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number as people type it, kept as given: 3 to 20 digits, at most 40 characters."""

    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "maxLength": 40, "examples": ["(312) 555-0142"]}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value).strip()
        if len(text) > 40:
            raise Invalid("too_long", "must have at most 40 characters")
        if not 3 <= sum(c.isdecimal() for c in text) <= 20:
            raise Invalid("invalid_phone", "must hold 3 to 20 digits")
        return text


@dataclass(frozen=True, slots=True)
class Ssn:
    """A social security number: nine digits, bare or with dashes. Stored sealed, answered masked."""

    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^[0-9]{3}-?[0-9]{2}-?[0-9]{4}$", "examples": ["900-45-6789"]}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value).strip()
        if not re.fullmatch(r"\d{3}-?\d{2}-?\d{4}", text, re.ASCII):
            raise Invalid("invalid_ssn", "must be nine digits, with or without dashes")
        return text.replace("-", "")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]
    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "enum": list(self.values)}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value)
        if text not in self.values:
            raise Invalid("invalid_choice", "must be one of: " + ", ".join(self.values))
        return text


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `min` to `max`, both allowed."""

    min: int = 0
    max: int = 2**31 - 1

    @property
    def sql(self) -> str:
        return "integer" if self.max < 2**31 else "bigint"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": self.min, "maximum": self.max}

    def parse(self, value: object, now: datetime) -> int:
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)  # JSON has one kind of number: 1.0 is the integer 1
        if not isinstance(value, int) or isinstance(value, bool):
            raise Invalid("wrong_type", "must be a whole number")
        if not self.min <= value <= self.max:
            raise Invalid("out_of_range", f"must be from {self.min} to {self.max}")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """An exact decimal with `scale` places, sent as a number or numeric text, answered as text."""

    min: Decimal
    max: Decimal
    scale: int = 2

    @property
    def sql(self) -> str:
        return f"numeric({len(str(int(self.max))) + self.scale},{self.scale})"

    @property
    def schema(self) -> dict[str, object]:
        number = {"type": "number", "minimum": float(self.min), "maximum": float(self.max)}
        return {"anyOf": [number, {"type": "string", "pattern": r"^[+-]?\d{1,12}(\.\d{1,12})?$"}]}

    def parse(self, value: object, now: datetime) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise Invalid("wrong_type", "must be a number, or a number written as text")
        if isinstance(value, str) and not _NUMBER.fullmatch(text_of(value)):
            raise Invalid("wrong_type", "must be a number, or a number written as text")
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise Invalid("wrong_type", "must be a number") from None
        if not number.is_finite() or not self.min <= number <= self.max:
            raise Invalid("out_of_range", f"must be from {self.min} to {self.max}")
        return number.quantize(Decimal(1).scaleb(-self.scale))


def money(*, least: str = "-99999999.99") -> Number:
    return Number(Decimal(least), Decimal("99999999.99"))


@dataclass(frozen=True, slots=True)
class Boolean:
    sql: str = "boolean"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}

    def parse(self, value: object, now: datetime) -> bool:
        if not isinstance(value, bool):
            raise Invalid("wrong_type", "must be true or false")
        return value


@dataclass(frozen=True, slots=True)
class Date:
    """A day of the calendar from 1900 on; `past` refuses days after today (UTC)."""

    past: bool = False
    sql: str = "date"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date"}

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
        if self.past and day > now.date():
            raise Invalid("out_of_range", "must not be in the future")
        return day


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment with its offset (RFC 3339), kept in UTC."""

    past: bool = False
    sql: str = "timestamptz"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date-time"}

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
            raise Invalid("out_of_range", "must not be in the future")
        return moment


@dataclass(frozen=True, slots=True)
class Moment:
    """A bound in time: a timestamp, or a date for the first moment of that day (UTC) or, with `end`, its last."""

    end: bool = False
    sql: str = "timestamptz"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}

    def parse(self, value: object, now: datetime) -> datetime:
        text = text_of(value)
        if not _DATE.fullmatch(text):
            # A plus sign that was not escaped in a query reads as a blank.
            return Timestamp().parse(text.replace(" ", "+"), now)
        clock = time.max if self.end else time.min
        return datetime.combine(Date().parse(text, now), clock, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    sql: str = "time"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "time", "examples": ["09:30:00"]}

    def parse(self, value: object, now: datetime) -> time:
        text = text_of(value).removesuffix("Z")
        if not _TIME.fullmatch(text):
            raise Invalid("invalid_time", "must be a time of day, HH:MM or HH:MM:SS")
        try:
            return time.fromisoformat(text)
        except ValueError:
            raise Invalid("invalid_time", "must be a time of day that exists") from None


@dataclass(frozen=True, slots=True)
class Uuid:
    sql: str = "uuid"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "uuid"}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value)
        if not is_uuid(text):
            raise Invalid("invalid_uuid", "must be a UUID")
        return str(UUID(text))


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values of one type, `min` to `max` long."""

    item: Type
    min: int = 0
    max: int = 200
    distinct: bool = False

    @property
    def sql(self) -> str:
        return self.item.sql + "[]"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "array", "items": self.item.schema, "minItems": self.min, "maxItems": self.max}

    def parse(self, value: object, now: datetime) -> list[object]:
        if not isinstance(value, list):
            raise Invalid("wrong_type", "must be a list")
        if not self.min <= len(value) <= self.max:
            code = "too_short" if len(value) < self.min else "too_long"
            raise Invalid(code, f"must have {self.min} to {self.max} entries")
        parsed = [self._entry(i, entry, now) for i, entry in enumerate(value)]
        if self.distinct and len(set(parsed)) < len(parsed):
            raise Invalid("contradiction", "must not name the same entry twice")
        return parsed

    def _entry(self, i: int, entry: object, now: datetime) -> object:
        try:
            return self.item.parse(entry, now)
        except Invalid as bad:
            raise Invalid(bad.code, bad.msg, i, *bad.inside) from None


@dataclass(frozen=True, slots=True)
class Structure:
    """A value with a structure of its own, checked by the kind that declares it."""

    shown: dict[str, object]
    check: Callable[[object, datetime], object] = field(compare=False)
    sql: str = "jsonb"

    @property
    def schema(self) -> dict[str, object]:
        return self.shown

    def parse(self, value: object, now: datetime) -> object:
        return self.check(value, now)
