"""Logs: events with fields, JSON when nobody is looking, secrets hidden on the way out."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import orjson
import structlog

from watchtower.redaction import redact_event


def configure_logs(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Write to ``stream`` (standard output by default): colours for a terminal, one JSON object a line otherwise."""
    out = stream or sys.stdout
    rendering: list[structlog.typing.Processor] = [redact_event, structlog.dev.ConsoleRenderer()]
    if not out.isatty():
        rendering = [
            structlog.processors.format_exc_info,
            redact_event,
            structlog.processors.JSONRenderer(_json),
        ]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def _json(event: object, **_: object) -> str:
    return orjson.dumps(event, default=str).decode()
