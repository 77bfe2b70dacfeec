"""Reads what a server said on a raw connection, as strictly as the standard is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) [\t\x20-\x7e]*")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)")
_LENGTH = re.compile(rb"\d{1,9}")
# What the HTTP library answers by itself, before any code of ours is asked, with an empty body.
BEFORE_US = frozenset({400, 408, 414, 417, 431, 505})
BODILESS = frozenset({204, 304})
ERROR_FROM = 400


class Malformed(Exception):
    """What came is not an HTTP/1.1 answer."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One whole answer."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes

    @property
    def of_the_library(self) -> bool:
        return b"x-request-id" not in self.fields

    def fault(self) -> str | None:
        """What is wrong with it, whatever was asked."""
        if self.status >= 500:
            return f"{self.status}"
        if self.of_the_library:
            strange = self.status not in BEFORE_US or self.body
            return f"{self.status} without a request id, with {self.body[:80]!r}" if strange else None
        if self.status >= ERROR_FROM and self.body:
            return _form(self.body)
        return None


def _form(body: bytes) -> str | None:
    """Whether an error has the one form of errors."""
    try:
        said = msgspec.json.decode(body)
        kept = said.keys() == {"detail"} and all({"loc", "msg", "type"} <= set(p) for p in said["detail"])
    except (msgspec.DecodeError, AttributeError, TypeError):
        kept = False
    return None if kept else f"an error of another form: {body[:120]!r}"


def read(said: bytes, *, heads: bool = False) -> tuple[list[Heard], bytes]:
    """The whole answers, and the beginning of one that is not; `heads` where only heads were asked for."""
    answers: list[Heard] = []
    while said:
        head, blank, rest = said.partition(b"\r\n\r\n")
        if not blank:
            break
        status, fields = _head(head)
        if 100 <= status < 200:
            said = rest
            continue
        if heads or status in BODILESS:
            length = 0
        else:
            found = fields.get(b"content-length", b"")
            if b"transfer-encoding" in fields or not _LENGTH.fullmatch(found):
                raise Malformed(f"no usable length: {head[:300]!r}")
            length = int(found)
        if len(rest) < length:
            break
        answers.append(Heard(status, fields, rest[:length]))
        said = rest[length:]
    return answers, said


def _head(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    first, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise Malformed(f"status line {first[:120]!r}")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise Malformed(f"header {line[:120]!r}")
        name = field[1].lower()
        if name in fields and name in {b"content-length", b"content-type", b"x-request-id", b"etag"}:
            raise Malformed(f"{name!r} twice")
        fields[name] = field[2]
    return int(status[1]), fields
