"""What we answer: TA1 for an interchange, 999 or 997 for a group, from what ends them.

Here: the verdict on interchange, group and set in the codes of X12 (TA104 and TA105, AK901 and
AK905, IK501 and IK502) and the whole interchange around it. Not here: what is told of one set
(`acknowledge_set.py`), the findings themselves (`structure.py`, `claim.py`, `conformance.py`);
which code answers which finding is `acknowledgement_codes.csv`. Of the answered file only control
numbers, dates and codes are repeated, and only where they are such: free text in their place is
answered as zeros (ADR 0008).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from suture.wire.x12.acknowledge_set import (
    SetReply,
    functional_segments,
    implementation_segments,
    repeated_code,
    repeated_count,
    repeated_number,
)
from suture.wire.x12.build import Address, GroupContent, SetContent, build_interchange
from suture.wire.x12.codes import codes_of
from suture.wire.x12.conformance import SetVerdict
from suture.wire.x12.envelope import (
    GroupEnd,
    Interchange,
    InterchangeEnd,
    SetEnd,
)
from suture.wire.x12.loops import RemittanceEnd

DUPLICATE_INTERCHANGE = "025"
"""TA105 for an ISA13 that was received before (B30)."""

_GUIDE = "005010X231A1"
_HEALTH_CARE_GUIDE = re.compile(r"00(?:50[1-9]|5[1-9]|[6-9])[0-9]*X[0-9]")
_STANDARD = re.compile(r"00[4-9][0-9]{3}")
_OLDEST_STANDARD = "004010"
_ACKNOWLEDGEMENTS = "FA"
_NOTE_NONE = "000"
_NOTE_OTHER = "024"
_SEGMENTS_IN_ERROR = "5"
_IMPLEMENTATION_SEGMENTS_IN_ERROR = "I5"
_CODES_MAX = 5

__all__ = [
    "DUPLICATE_INTERCHANGE",
    "SetReply",
    "acknowledge_group",
    "acknowledge_interchange",
    "reply",
]


def reply(end: SetEnd, verdict: RemittanceEnd | SetVerdict | None = None) -> SetReply:
    """Judge a transaction set as read, and by what its guide or its balance says of it.

    A fault rejects it, a note alone has it accepted with errors.
    """
    faults = end.faults + (verdict.faults if verdict else ())
    notes = end.notes + (verdict.notes if verdict else ())
    errors = end.errors + (verdict.errors if verdict else ())
    codes = codes_of("set_code", faults or notes)
    if end.errors or (isinstance(verdict, SetVerdict) and verdict.errors):
        codes.append(_SEGMENTS_IN_ERROR)
    if verdict and verdict.faults and not isinstance(verdict, SetVerdict):
        codes.append(_IMPLEMENTATION_SEGMENTS_IN_ERROR)
    if faults and not codes:
        codes.append(_SEGMENTS_IN_ERROR)
    return SetReply(
        transaction_set=end.transaction_set,
        code="R" if faults else "E" if notes else "A",
        syntax_codes=tuple(codes[:_CODES_MAX]),
        errors=errors,
    )


def acknowledge_interchange(
    end: InterchangeEnd,
    *,
    control_number: int,
    made_at: datetime,
    note: str = "",
) -> bytes:
    """Answer an interchange with a TA1: A, or E with its notes, or R with its faults.

    `note` is a TA105 to reject with for a reason the bytes do not show, such as
    `DUPLICATE_INTERCHANGE`. Returns no bytes for a fragment: without ISA there is nobody to
    answer.
    """
    answered = end.interchange
    if not answered.raw:
        return b""
    is_rejected = bool(note or end.faults)
    notes = [note] if note else codes_of("interchange_note", end.faults or end.notes)
    code = "R" if is_rejected else "E" if end.notes else "A"
    told = notes[0] if notes else _NOTE_NONE if code == "A" else _NOTE_OTHER
    sent_at = (repeated_count(answered.date), repeated_count(answered.time))
    answer = ("TA1", repeated_number(answered.control_number), *sent_at, code, told)
    return build_interchange(
        _back(answered),
        (),
        control_number=control_number,
        made_at=made_at,
        usage=answered.usage or "P",
        answers=[answer],
    )


def acknowledge_group(
    end: GroupEnd,
    replies: Sequence[SetReply],
    *,
    control_number: int,
    made_at: datetime,
    tells_units: bool = False,
) -> bytes:
    """Answer a group: by a 999 in health care guides from 5010, else by a 997.

    AK901: R when the group itself is at fault or no set was accepted, P when some were not, E when
    some have errors only, A otherwise. `tells_units` names the claim that an error is in by its
    sender's own number (CTX01), for a reply that goes where patients' numbers may. Returns no bytes
    for a fragment, nor for a group of acknowledgements: those are never answered.
    """
    interchange, group = end.envelope.interchange, end.envelope.group
    if not interchange.raw or group.functional_id == _ACKNOWLEDGEMENTS:
        return b""
    is_implementation = _HEALTH_CARE_GUIDE.match(group.version) is not None
    number = repeated_number(group.control_number)
    segments = [["AK1", repeated_code(group.functional_id), number]]
    if is_implementation:
        segments[0].append(repeated_code(group.version))
    for each in replies:
        segments += (
            implementation_segments(each, tells_units=tells_units)
            if is_implementation
            else functional_segments(each)
        )
    segments.append(_group_segment(end, replies))
    version = _GUIDE if is_implementation else _standard_of(group.version)
    content = SetContent(
        set_id="999" if is_implementation else "997",
        control_number="0001",
        segments=segments,
        version=_GUIDE if is_implementation else "",
    )
    answer = GroupContent(
        functional_id=_ACKNOWLEDGEMENTS,
        control_number=control_number,
        version=version,
        sets=[content],
    )
    return build_interchange(
        _back(interchange),
        [answer],
        control_number=control_number,
        made_at=made_at,
        usage=interchange.usage or "P",
    )


def _standard_of(version: str) -> str:
    """Return the version of the standard that a 997 is written in: that of the group it answers."""
    found = _STANDARD.match(version)
    return found[0] if found else _OLDEST_STANDARD


def _group_segment(end: GroupEnd, replies: Sequence[SetReply]) -> list[str]:
    accepted = 0 if end.faults else sum(each.code != "R" for each in replies)
    if not accepted:
        code = "R"
    elif accepted < len(replies):
        code = "P"
    elif end.notes or any(each.code == "E" for each in replies):
        code = "E"
    else:
        code = "A"
    told = repeated_count(end.segment.get(1).strip(" ")) if end.segment else ""
    included = told or str(end.sets_count)
    codes = codes_of("group_code", end.faults or end.notes)[:_CODES_MAX]
    return ["AK9", code, included, str(end.sets_count), str(accepted), *codes]


def _back(interchange: Interchange) -> Address:
    return Address(
        sender_qualifier=interchange.receiver_qualifier,
        sender_id=interchange.receiver_id,
        receiver_qualifier=interchange.sender_qualifier,
        receiver_id=interchange.sender_id,
    )
