"""Types of text: plain, of a form, addresses, numbers that are not counted with, words to choose from."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import email_validator

from chairside.characters import NOTHING_VISIBLE, in_lines, one_line
from chairside.days import zone_names
from chairside.types.checks import Invalid, text_of

UUID_LENGTH = 36
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
NOT_BLANK = f"[^{NOTHING_VISIBLE}]"
# Texts that may be so long are notes and addresses, and have lines; shorter ones have one.
LENGTH_OF_NOTES = 500


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `max` characters; `trim` takes blanks off both ends and `min` counts what is left.

    Characters that show nothing are taken out (chairside.characters). With `compatible` full-width digits become plain
    ones, and so on for all that Unicode calls compatible.
    """

    max: int = 255
    min: int = 0
    trim: bool = False
    compatible: bool = False
    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        least = {"minLength": self.min} if self.min else {}
        blank = {"pattern": NOT_BLANK} if self.trim and self.min else {}
        return {"type": "string", "maxLength": self.max, **least, **blank}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value)
        if len(text) > self.max:
            raise Invalid("too_long", f"must have at most {self.max} characters")
        text = in_lines(text) if self.max >= LENGTH_OF_NOTES else one_line(text)
        if self.compatible and not text.isascii():
            text = unicodedata.normalize("NFKC", text)
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
        if text not in zone_names():
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
        text = one_line(text_of(value)).strip()
        if len(text) > 254:
            raise Invalid("too_long", "must have at most 254 characters")
        plain = _PLAIN_EMAIL.fullmatch(text)
        if plain and _plain_domain(plain.group(1)):
            return text
        try:
            checked = email_validator.validate_email(text, check_deliverability=False)
        except email_validator.EmailNotValidError:
            raise Invalid("invalid_email", "must be an e-mail address") from None
        return checked.normalized


# Most addresses are of this form, and then the library's judgement hangs on the domain alone.
_PLAIN_EMAIL = re.compile(r"(?=.{1,64}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@([a-z0-9.-]+)", re.ASCII)


@lru_cache(maxsize=4096)
def _plain_domain(domain: str) -> bool:
    """Whether the library takes a domain, and as it is."""
    try:
        return email_validator.validate_email(f"a@{domain}", check_deliverability=False).domain == domain
    except email_validator.EmailNotValidError:
        return False


# Six digits with nothing but marks between them; three to five with no word beside them but that of an extension, for
# beside others they are a room or an hour; or letters of the keypad behind an area code.
_DIALLED = r".*(\d[^\w@]*){6}.*"
_INTERNAL = r"\W*([xX]|[eE][xX][tT])?\W*(\d\W*){3,5}"
_KEYPAD = r"(\+?1[ .\-]?)?\(?[2-9]\d{2}\)?[ .\-]?[A-Za-z0-9][A-Za-z0-9.\-]{6,11}"
_PHONE = rf"^(?!.*@)(?!.*\d{{21}})(?!(\D*\d){{46}})({_DIALLED}|{_INTERNAL}|{_KEYPAD})$"


@dataclass(frozen=True, slots=True)
class Phone:
    """Telephone numbers as people type them, kept as given: also two in one field, with extensions and notes."""

    max: int = 100
    sql: str = "text"

    @property
    def schema(self) -> dict[str, object]:
        return {"type": "string", "maxLength": self.max, "pattern": _PHONE, "examples": ["(312) 555-0142"]}

    def parse(self, value: object, now: datetime) -> str:
        sent = text_of(value).strip()
        if len(sent) > self.max:
            raise Invalid("too_long", f"must have at most {self.max} characters")
        text = one_line(sent).strip()
        if not _READ_PHONE.match(text):
            raise Invalid("invalid_phone", "must hold a telephone number")
        return text


_READ_PHONE = re.compile(_PHONE, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; `name` is their schema's, where it does not follow from one field."""

    values: tuple[str, ...]
    sql: str = "text"
    name: str = ""

    @property
    def schema(self) -> dict[str, object]:
        named = {"title": self.name} if self.name else {}
        return {"type": "string", "enum": list(self.values), **named}

    def parse(self, value: object, now: datetime) -> str:
        text = text_of(value)
        if text not in self.values:
            raise Invalid("invalid_choice", "must be one of: " + ", ".join(self.values))
        return text


def is_uuid(value: str) -> bool:
    return len(value) == UUID_LENGTH and _is_uuid(value)


@lru_cache(maxsize=1024)
def _is_uuid(value: str) -> bool:
    """Kept, because the rows of an import name the same few locations and providers again and again."""
    return _UUID.fullmatch(value) is not None


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
        return text.lower()
