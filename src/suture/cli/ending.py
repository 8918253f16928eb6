"""How a command ends: its exit code, and the sentence for an error: what, why, what next.

No traceback reaches a user, and no message of an unforeseen error, which could hold a value out of
a message: a bug is told as its type and the places of ours it went through.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

WELL = 0
FOUND = 1
MISUSED = 2
CLOSED = 3
BROKEN = 70
"""A bug of ours (sysexits EX_SOFTWARE), so that it is never taken for a finding."""

_CLOSED_NAMES = frozenset(
    {
        "InstallationError",
        "EmbeddedPostgresError",
        "KeyFileError",
        "MigrationError",
        "NoReleaseError",
        "SealBrokenError",
        "UnknownKeyError",
        "WorldError",
    }
)
"""Told by name: importing the rooms they come from only to compare would slow every error down."""


class UsageError(Exception):
    """What was asked for makes no sense; the message says what to ask instead."""


def explain(error: Exception) -> int:
    """Print what an error means to whoever called the command; return the exit code."""
    name = type(error).__name__
    if isinstance(error, UsageError) or name == "EstateTooLargeError":
        _say(str(error))
        return MISUSED
    if name == "EstateRefusedError":
        from suture.cli.check import print_faults

        print_faults(error.faults)  # type: ignore[attr-defined] # told by its name
        return FOUND
    if name in _CLOSED_NAMES:
        _say(str(error))
        return CLOSED
    if name == "StoreUnavailableError" or type(error).__module__.startswith("asyncpg"):
        _say(
            f"The database does not answer as it should ({name}). Is it running, and is "
            "DATABASE_URL right? `suture status` says more."
        )
        return CLOSED
    if isinstance(error, OSError):
        where = f" at {error.filename}" if error.filename else ""
        _say(f"The system refused{where}: {error.strerror or name}.")
        return CLOSED
    _say(f"Suture has a bug: {name}. Nothing more was done. Please report these places:")
    for frame in traceback.extract_tb(error.__traceback__):
        if "suture" in Path(frame.filename).parts:
            _say(f"  {Path(frame.filename).name}:{frame.lineno} {frame.name}")
    return BROKEN


def _say(text: str) -> None:
    print(text, file=sys.stderr)
