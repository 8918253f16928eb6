"""What the engine says about itself: structured log lines of codes, ids and counts.

Never a value from a message.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("suture")


def configure(*, level: str = "info", as_json: bool | None = None) -> None:
    """Send log lines to standard error: JSON for machines, or text where a person reads along."""
    is_read_along = sys.stderr.isatty() if as_json is None else not as_json
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(pad_event_to=20)
        if is_read_along
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if is_read_along else "iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def silenced() -> Iterator[None]:
    """Write no log line meanwhile: a command tells what went wrong in its own words."""
    before = structlog.get_config() if structlog.is_configured() else None
    configure(level="critical")
    try:
        yield
    finally:
        if before is None:
            structlog.reset_defaults()
        else:
            structlog.configure(**before)
