"""Acknowledgements: the `ACK` that answers a message (`MSA`, `ERR`), and whether one is due.

A response that says more than an ACK (`MFK`) is written here too: its segments come after `ERR`.

Here: AA, AE, AR of the original mode and CA, CE, CR of the enhanced one. Not here: when a message
is safe, which is what a CA or AA promises (`engine/intake.py` commits first), or which code a
source's policy gives. HL7 v2 chapter 2, 2.9 "Message processing rules", 2.14.8 `MSA`, 2.14.5 `ERR`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

from suture.model.fault import Fault
from suture.wire.hl7v2.build import SEGMENT_END, Field, build, segment
from suture.wire.hl7v2.escape import escape
from suture.wire.hl7v2.message import Message
from suture.wire.hl7v2.path import Path, read_path
from suture.wire.hl7v2.separators import ABSENT, DEFAULT, Separators

POSITIVE = frozenset(("AA", "CA"))
CODES = frozenset(("AA", "AE", "AR", "CA", "CE", "CR"))

ERRORS_MAX = 20
"""`ERR` segments in one acknowledgement; the exception in the workbench has all."""

_VERSION_WITHOUT_HEADER = "2.5.1"
_VERSION_OF_ERR = (2, 5)
_TEXT_LENGTH_MAX = 80
_CONDITION_DEFAULT = ("207", "Application internal error")
_VERSION = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})", re.ASCII)
_SEGMENT_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[([0-9]{1,5})\])?", re.ASCII)


def may_acknowledge(message: Message) -> bool:
    """Tell whether a message may be answered: never an ACK, or two systems answer for ever.

    A response with content (it has an `MSA` but is no `ACK`) is answered only where its sender asks
    in `MSH-15`.
    """
    if message.type in ("ACK", "MCF"):
        return False
    return message.first("MSA") is None or message.accept_acknowledgement not in ("", "NE")


def is_due(condition: str, *, is_success: bool) -> bool:
    """Tell whether `MSH-15` or `MSH-16` asks for an answer (HL7 table 0155: AL, NE, ER, SU).

    An empty or unknown condition asks for none: in enhanced mode both fields are read on their own.
    """
    match condition:
        case "AL":
            return True
        case "SU":
            return is_success
        case "ER":
            return not is_success
        case _:
            return False


def is_enhanced(message: Message) -> bool:
    """Tell whether the sender asks for enhanced mode: `MSH-15` or `MSH-16` is valued."""
    return bool(message.accept_acknowledgement or message.application_acknowledgement)


def acknowledge(
    message: Message | None,
    code: str,
    *,
    control_id: str,
    at: str,
    faults: Sequence[Fault] = (),
    response: tuple[str, str] = ("ACK", "ACK"),
    content: Sequence[Sequence[Field]] = (),
) -> bytes:
    """Write the acknowledgement of `message`; b"" for one that `may_acknowledge` bars.

    The answer is in the sender's separators, charset and version, sender and receiver changed
    places. Faults are told in `ERR` segments from version 2.5 on and in `MSA-3` before; they name
    places, never values. `message` None stands for bytes without a usable `MSH`: the answer then
    names no message. `response` is the answer's type and structure (`MSH-9.1`, `MSH-9.3`),
    `content` its segments after `MSA` and `ERR`; neither counts without a message. `control_id` and
    `at` (`MSH-10`, `MSH-7`) are the new message's own. Raises ValueError for an unknown code.
    """
    if code not in CODES:
        reason = f"not an acknowledgement code: {code!r}"
        raise ValueError(reason)
    if message is None:
        header = segment(
            "MSH", {7: at, 9: "ACK", 10: control_id, 11: "P", 12: _VERSION_WITHOUT_HEADER}
        )
        return build([header, ["MSA", code, ""], *([] if code in POSITIVE else _errors(faults))])
    if not may_acknowledge(message):
        return b""
    # A sender that names no escape character cannot be written to in its own separators.
    separators = message.separators if message.separators.escape != ABSENT else DEFAULT
    answer = ["MSA", code, message.header.text(10)]
    errors: list[list[Field]] = []
    if code not in POSITIVE:
        if _tells_errors(message.version):
            errors = _errors(faults)
        else:
            told = _plain(faults[0].explanation)[:_TEXT_LENGTH_MAX] if faults else ""
            answer.append(escape(told, separators))
    written = [_header(message, separators, control_id, at, response), answer]
    text = "".join(separators.field.join(fields) + SEGMENT_END for fields in written)
    charset = message.charset
    rest = build([*errors, *content], separators=separators, charset=charset)
    return text.encode(charset) + rest


def _header(
    message: Message, separators: Separators, control_id: str, at: str, response: tuple[str, str]
) -> list[str]:
    """Return the fields of the answer's `MSH` as they are written: most are copied as received."""
    received, trigger = message.header, escape(message.trigger, separators)
    kind, structure = response
    fields = [
        "MSH",
        separators.encoding_characters,
        received.text(5),
        received.text(6),
        received.text(3),
        received.text(4),
        escape(at, separators),
        "",
        separators.component.join((kind, trigger, structure)) if trigger else kind,
        escape(control_id, separators),
        received.text(11),
        received.text(12),
    ]
    if charset := received.text(18):
        fields += ["", "", "", "", "", charset]
    return fields


def _tells_errors(version: str) -> bool:
    """Tell whether a version has the `ERR` of 2.5; an unreadable version is taken for a new one."""
    match = _VERSION.match(version)
    return match is None or (int(match[1]), int(match[2])) >= _VERSION_OF_ERR


def _errors(faults: Sequence[Fault]) -> list[list[Field]]:
    """Return the `ERR` segments of a refusal; one without a stated fault still gets one."""
    if not faults:
        condition, text = _CONDITION_DEFAULT
        return [segment("ERR", {3: (condition, text, "HL70357"), 4: "E"})]
    return [_error(found) for found in faults[:ERRORS_MAX]]


def _error(found: Fault) -> list[Field]:
    condition, text = _conditions().get(found.code, _CONDITION_DEFAULT)
    return segment(
        "ERR",
        {
            2: _location(found.where),
            3: (condition, text, "HL70357"),
            4: "E",
            5: (found.code, "", "L"),
            7: _plain(found.explanation),
            8: _plain(found.remedy),
        },
    )


def _plain(text: str) -> str:
    """Return a text in ASCII, which every character set a message can have expresses."""
    return text.encode("ascii", "replace").decode("ascii")


def _location(where: str) -> Field:
    """Return `ERR-2` (`ERL`): segment, its ordinal, field, repetition, component, subcomponent."""
    path = read_path(where)
    if path is None:
        match = _SEGMENT_PLACE.fullmatch(where)
        return (match[1], match[2] or "1") if match else ""
    numbers = [path.ordinal, path.field, path.repetition]
    if path != Path(path.segment, path.ordinal, path.field, path.repetition, 1, 1):
        numbers += [path.component, path.subcomponent]
    return (path.segment, *map(str, numbers))


@cache
def _conditions() -> dict[str, tuple[str, str]]:
    """Return the condition of HL7 table 0357 for each fault code that has a closer one than 207."""
    text = resources.files(__package__).joinpath("error_conditions.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["fault"]: (row["condition"], row["text"]) for row in rows}
