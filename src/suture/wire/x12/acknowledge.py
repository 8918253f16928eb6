"""What we answer: TA1 for an interchange, 999 (005010X231A1) for a group, from what ends them.

Here: the verdict in the codes of X12 (TA104 and TA105, IK304, IK403, IK501 and IK502, AK901 and
AK905) and the whole interchange around it. Not here: the findings themselves (`structure.py`,
`claim.py`); which code answers which finding is `acknowledgement_codes.csv`. Of the answered file
only control numbers, dates and codes are repeated, and only where they are such: free text in their
place is answered as zeros, and IK404 stays empty.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib import resources

import msgspec

from suture.model.fault import Fault
from suture.wire.x12.build import Address, GroupContent, SetContent, build_interchange
from suture.wire.x12.envelope import (
    GroupEnd,
    Interchange,
    InterchangeEnd,
    SegmentError,
    SetEnd,
    TransactionSet,
    is_control_number,
)
from suture.wire.x12.loops import RemittanceEnd

DUPLICATE_INTERCHANGE = "025"
"""TA105 for an ISA13 that was received before (B30)."""

_GUIDE = "005010X231A1"
_NOTE_NONE = "000"
_NOTE_OTHER = "024"
_SEGMENTS_IN_ERROR = "5"
_IMPLEMENTATION_SEGMENTS_IN_ERROR = "I5"
_CODES_MAX = 5
_NO_NUMBER = "0000"
"""In the place of a control number that is none."""
_DIGITS = re.compile(r"[0-9]{1,8}", re.ASCII)
_CODE = re.compile(r"[0-9A-Za-z]{1,35}", re.ASCII)


class SetReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a 999 says about one transaction set."""

    transaction_set: TransactionSet
    code: str
    """IK501: A accepted, E accepted with errors, R rejected."""
    syntax_codes: tuple[str, ...] = ()
    """IK502 to IK506: why."""
    errors: tuple[SegmentError, ...] = ()


def reply(end: SetEnd, remittance: RemittanceEnd | None = None) -> SetReply:
    """Judge a transaction set as read, and as a remittance where it is one."""
    faults = end.faults + (remittance.faults if remittance else ())
    notes = end.notes + (remittance.notes if remittance else ())
    errors = end.errors + (remittance.errors if remittance else ())
    codes = _codes("set_code", faults)
    if end.errors:
        codes.append(_SEGMENTS_IN_ERROR)
    if remittance and remittance.faults:
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
    notes = [note] if note else _codes("interchange_note", end.faults or end.notes)
    code = "R" if is_rejected else "E" if end.notes else "A"
    told = notes[0] if notes else _NOTE_NONE if code == "A" else _NOTE_OTHER
    sent_at = (_repeated(_DIGITS, answered.date), _repeated(_DIGITS, answered.time))
    answer = ("TA1", _number(answered.control_number), *sent_at, code, told)
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
) -> bytes:
    """Answer a group with a 999: each set's verdict and AK9 over all of them.

    AK901: R when the group itself is at fault or no set was accepted, P when some were not, E when
    some have errors only, A otherwise. Returns no bytes for a fragment.
    """
    interchange, group = end.envelope.interchange, end.envelope.group
    if not interchange.raw:
        return b""
    codes = (_repeated(_CODE, group.functional_id), _repeated(_CODE, group.version))
    segments = [["AK1", codes[0], _number(group.control_number), codes[1]]]
    for each in replies:
        segments += _set_segments(each)
    segments.append(_group_segment(end, replies))
    content = SetContent(set_id="999", control_number="0001", segments=segments, version=_GUIDE)
    answer = GroupContent(
        functional_id="FA", control_number=control_number, version=_GUIDE, sets=[content]
    )
    return build_interchange(
        _back(interchange),
        [answer],
        control_number=control_number,
        made_at=made_at,
        usage=interchange.usage or "P",
    )


def _set_segments(answer: SetReply) -> list[list[str]]:
    answered = answer.transaction_set
    # AK203 repeats ST03. The 835 has none: `version` then holds GS08, already told in AK1.
    guide = answered.version if answered.version != answered.envelope.group.version else ""
    codes = (_repeated(_CODE, answered.set_id), _repeated(_CODE, guide))
    segments = [["AK2", codes[0], _number(answered.control_number), codes[1]]]
    for error in answer.errors:
        position = str(error.position)
        segments.append(["IK3", error.segment_id or "ZZZ", position, error.loop, error.code])
        if error.element:
            segments.append(["IK4", str(error.element), "", error.element_code])
    segments.append(["IK5", answer.code, *answer.syntax_codes])
    return segments


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
    told = _repeated(_DIGITS, end.segment.get(1).strip(" ")) if end.segment else ""
    included = told or str(end.sets_count)
    codes = _codes("group_code", end.faults or end.notes)[:_CODES_MAX]
    return ["AK9", code, included, str(end.sets_count), str(accepted), *codes]


def _number(text: str) -> str:
    return text if is_control_number(text) else _NO_NUMBER


def _repeated(grammar: re.Pattern[str], text: str) -> str:
    """Return a value of the answered file where it is what belongs there, and "" where not."""
    return text if grammar.fullmatch(text) else ""


def _back(interchange: Interchange) -> Address:
    return Address(
        sender_qualifier=interchange.receiver_qualifier,
        sender_id=interchange.receiver_id,
        receiver_qualifier=interchange.sender_qualifier,
        receiver_id=interchange.sender_id,
    )


def _codes(column: str, findings: Iterable[Fault]) -> list[str]:
    """Return the codes of that column for these findings, in their order, each once."""
    table = _table()
    codes = (table.get(each.code, {}).get(column, "") for each in findings)
    return list(dict.fromkeys(code for code in codes if code))


@cache
def _table() -> dict[str, dict[str, str]]:
    text = resources.files(__package__).joinpath("acknowledgement_codes.csv").read_text("utf-8")
    return {row["code"]: row for row in csv.DictReader(text.splitlines())}
