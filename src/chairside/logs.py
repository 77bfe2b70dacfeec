"""Structured logs: one line of JSON each, or coloured text for a person; never anything of a patient."""

from __future__ import annotations

import logging
import sys
from typing import BinaryIO

import msgspec
import structlog


class Unfailing:
    """Standard error as bytes, whose writes never raise: a log on a full disk must not fail the request it tells of.

    Lines that could not be written are counted, and the next that can says how many.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._lost = raw, 0

    def write(self, line: bytes) -> int:
        """Write a line, or lose it."""
        told = b'\n{"event":"log lines were lost","lost":%d,"level":"error"}\n' % self._lost if self._lost else b""
        try:
            self._raw.write(told + line)
        except OSError:
            self._lost += 1
        else:
            self._lost = 0
        return len(line)

    def flush(self) -> None:
        """Nothing is buffered."""


LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(form: str, level: str) -> None:
    """Set up logging of this process, to standard error."""
    person = form == "console" or (form == "auto" and sys.stderr.isatty())
    unbuffered = open(sys.stderr.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115 - for the process's life
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_TEXT if person else _JSON),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(Unfailing(unbuffered)),  # type: ignore[arg-type]  # it has the two calls
        cache_logger_on_first_use=True,
    )


def _encoded(_logger: object, _method: str, text: str) -> bytes:
    return text.encode()


_TEXT: list[structlog.typing.Processor] = [structlog.dev.ConsoleRenderer(), _encoded]  # type: ignore[list-item]  # text in
_JSON: list[structlog.typing.Processor] = [
    structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event))
]
