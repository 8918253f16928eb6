"""How a command ends: its exit code, and the sentence for an error: what, why, what next.

No traceback reaches a user, and no message of an unforeseen error, which could hold a value out of
a message: a bug is told as its type and the places of ours it went through. A script that asked for
JSON gets every refusal as one object with the key `fault`.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suture.model.fault import Fault

WELL = 0
FOUND = 1
MISUSED = 2
CLOSED = 3
BROKEN = 70
"""A bug of ours (sysexits EX_SOFTWARE), so that it is never taken for a finding."""

_CLOSED_NAMES = frozenset(
    {
        "DatabaseRefusedError",
        "EmbeddedPostgresError",
        "InstallationError",
        "KeyFileError",
        "MigrationError",
        "NoReleaseError",
        "SendError",
        "SealBrokenError",
        "UnknownKeyError",
        "WorldError",
    }
)
"""Told by name: importing the rooms they come from only to compare would slow every error down."""


class UsageError(Exception):
    """What was asked for makes no sense; the message says what to ask instead."""


def require_choice(named: object, group: str, *, things: str) -> None:
    """Refuse a command that names neither single things nor a group of them, or both."""
    if bool(named) == bool(group):
        raise UsageError(f"name exceptions or {things}, or a group with --all-of")


def explain(error: Exception, *, as_json: bool = False) -> int:
    """Print what an error means to whoever called the command; return the exit code."""
    if type(error).__name__ == "EstateRefusedError":
        faults: tuple[Fault, ...] = error.faults  # type: ignore[attr-defined] # told by its name
        if as_json:
            _print_json(*faults)
        else:
            from suture.cli.check import print_faults

            print_faults(faults)
        return FOUND
    exit_code, code, sentence = _told(error)
    if as_json:
        from suture.model.fault import fault

        _print_json(fault(code, "", sentence))
    else:
        print(sentence, file=sys.stderr)
    return exit_code


def _told(error: Exception) -> tuple[int, str, str]:
    """Return an error's exit code, the code of its fault, and its sentence."""
    name = type(error).__name__
    if isinstance(error, UsageError) or name == "EstateTooLargeError":
        return MISUSED, "command.misused", str(error)
    if hasattr(error, "format_message"):  # of the command line's own parser
        return MISUSED, "command.misused", str(error.format_message())
    if name == "WorldEndedError":
        return error.exit_code, "command.ended", str(error)  # type: ignore[attr-defined] # by name
    if name in _CLOSED_NAMES:
        return CLOSED, "installation.closed", str(error)
    if name == "StoreUnavailableError" or type(error).__module__.startswith("asyncpg"):
        sentence = (
            f"The database stopped answering in the middle of the command ({name}): ask again in "
            "a moment, and look into the database's own log if it does not answer then."
        )
        return CLOSED, "installation.closed", sentence
    if isinstance(error, OSError):
        where = f" at {error.filename}" if error.filename else ""
        sentence = f"The system refused{where}: {error.strerror or name}."
        return CLOSED, "installation.closed", sentence
    places = [
        f"  {Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "suture" in Path(frame.filename).parts
    ]
    told = f"Suture has a bug: {name}. Nothing more was done. Please report these places:"
    return BROKEN, "command.failed", "\n".join([told, *places])


def _print_json(*faults: Fault) -> None:
    from suture.cli.screen import print_json

    told: dict[str, object] = {"fault": faults[0]}
    print_json(told | ({"faults": faults} if faults[1:] else {}))
