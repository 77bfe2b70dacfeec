"""Structured logs: one line of JSON each, or coloured text for a person; never anything of a patient."""

from __future__ import annotations

import logging
import sys

import msgspec
import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(form: str, level: str) -> None:
    """Set up logging of this process, to standard error."""
    person = form == "console" or (form == "auto" and sys.stderr.isatty())
    steps: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    bound = structlog.make_filtering_bound_logger(LEVELS[level])
    if person:
        structlog.configure(
            processors=[*steps, structlog.dev.ConsoleRenderer()],
            wrapper_class=bound,
            logger_factory=structlog.WriteLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )
        return
    render = structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event))
    structlog.configure(
        processors=[*steps, render],
        wrapper_class=bound,
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
