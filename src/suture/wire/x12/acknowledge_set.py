"""What a 999 and a 997 say of one transaction set: its segments and elements in error, its verdict.

    999 (005010X231A1)   AK2 { IK3 { CTX } { IK4 } } IK5     health care guides, from 5010
    997 (004010 and up)  AK2 { AK3 { AK4 } } AK5             all else

Here: errors sorted by place, each segment told once for each thing that is wrong with it, and codes
that 997 has no word for put in its words; what of the answered file may be repeated at all. Not
here: the group around them (`acknowledge.py`). No value is repeated (IK404, AK404 stay empty) but,
when asked for, the number by which the sender finds the claim or payment again (CTX01).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from suture.wire.x12.envelope import (
    BusinessUnit,
    SegmentError,
    SituationalTrigger,
    TransactionSet,
    is_control_number,
)

_LOOP_LENGTH = 4
_NO_NUMBER = "0000"
"""In the place of a control number that is none."""

_DIGITS = re.compile(r"[0-9]{1,8}", re.ASCII)
_CODE = re.compile(r"[0-9A-Za-z]{1,35}", re.ASCII)
_UNNAMED = "ZZZ"
_HAS_ELEMENT_ERRORS = "8"
_SITUATIONAL_TRIGGER = "SITUATIONAL TRIGGER"
_TELLABLE = re.compile(r"[ -)+-9;-\]_-}]{1,35}", re.ASCII)
"""Printable, and none of the separators that Suture writes: `* : ^ ~`."""

_PLAIN_SEGMENT_CODES = {"I4": "2", "I6": "3", "I7": "3", "I8": "3", "I9": "2"}
_PLAIN_ELEMENT_CODES = {"I6": "7", "I9": "2", "I10": "3", "I11": "1", "I12": "7", "I13": "10"}
_PLAIN_SET_CODES = {"I5": "5", "I6": "1"}


class SetReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a 999 or 997 says about one transaction set."""

    transaction_set: TransactionSet
    code: str
    """IK501: A accepted, E accepted with errors, R rejected."""
    syntax_codes: tuple[str, ...] = ()
    """IK502 to IK506: why."""
    errors: tuple[SegmentError, ...] = ()


def implementation_segments(answer: SetReply, *, tells_units: bool) -> list[list[str]]:
    """Return the segments of a 999 for one set."""
    answered = answer.transaction_set
    segments = [[*_answered(answered), repeated_code(answered.implementation)]]
    for errors in _by_segment(answer.errors):
        first = errors[0]
        loop = first.loop[:_LOOP_LENGTH]
        segments.append(
            ["IK3", first.segment_id or _UNNAMED, str(first.position), loop, first.code]
        )
        segments += _contexts(first, tells_units=tells_units)
        segments += (
            ["IK4", _place(each.element, each.component), each.reference, each.element_code]
            for each in errors
            if each.element
        )
    segments.append(["IK5", answer.code, *answer.syntax_codes])
    return segments


def functional_segments(answer: SetReply) -> list[list[str]]:
    """Return the segments of a 997 for one set."""
    answered = answer.transaction_set
    segments = [_answered(answered)]
    for errors in _by_segment(answer.errors):
        first = errors[0]
        code = _PLAIN_SEGMENT_CODES.get(first.code, first.code)
        loop = first.loop[:_LOOP_LENGTH]
        segments.append(["AK3", first.segment_id or _UNNAMED, str(first.position), loop, code])
        segments += (
            [
                "AK4",
                _place(each.element, each.component),
                each.reference if each.reference.isdigit() else "",
                _PLAIN_ELEMENT_CODES.get(each.element_code, each.element_code),
            ]
            for each in errors
            if each.element
        )
    codes = dict.fromkeys(_PLAIN_SET_CODES.get(each, each) for each in answer.syntax_codes)
    segments.append(["AK5", answer.code, *codes])
    return segments


def _by_segment(errors: Iterable[SegmentError]) -> Iterator[Sequence[SegmentError]]:
    """Yield the errors of each segment and code, in the order of their places, each once."""

    def order(error: SegmentError) -> tuple[int, bool, str, str]:
        return error.position, error.code == _HAS_ELEMENT_ERRORS, error.code, error.segment_id

    for _, group in groupby(sorted(errors, key=order), key=order):
        yield list({_what(error): error for error in group}.values())


def _what(error: SegmentError) -> tuple[int, int, str]:
    return error.element, error.component, error.element_code


def _answered(transaction_set: TransactionSet) -> list[str]:
    number = repeated_number(transaction_set.control_number)
    return ["AK2", repeated_code(transaction_set.set_id), number]


def repeated_number(text: str) -> str:
    """Return a control number of the answered file; zeros where there is free text in its place."""
    return text if is_control_number(text) else _NO_NUMBER


def repeated_code(text: str) -> str:
    """Return a code of the answered file; "" where there is free text in its place."""
    return text if _CODE.fullmatch(text) else ""


def repeated_count(text: str) -> str:
    """Return a count, date or time of the answered file; "" where free text stands for it."""
    return text if _DIGITS.fullmatch(text) else ""


def _contexts(error: SegmentError, *, tells_units: bool) -> Iterator[list[str]]:
    if error.trigger is not None:
        yield _trigger_context(error.trigger)
    if tells_units and error.business_unit is not None:
        yield from _unit_context(error.business_unit)


def _trigger_context(trigger: SituationalTrigger) -> list[str]:
    return [
        "CTX",
        _SITUATIONAL_TRIGGER,
        trigger.segment_id,
        str(trigger.position),
        trigger.loop[:_LOOP_LENGTH],
        _place(trigger.element, trigger.component),
    ]


def _unit_context(unit: BusinessUnit) -> Iterator[list[str]]:
    """Name the claim or payment, if its number can be written: X12 has no escape."""
    if _TELLABLE.fullmatch(unit.value):
        yield ["CTX", f"{unit.name}:{unit.value}"]


def _place(element: int, component: int) -> str:
    return f"{element}:{component}" if component else str(element)
