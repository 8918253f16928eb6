"""What the sender of an interchange is owed: TA1, 999 or 997, and the answers its sets ask for.

    TA1   where the sender asked for one (ISA14), or the interchange itself is refused
    999   for each group of health care sets from 5010 (997 for others): for every group, or, by the
          source's setting, where a set was rejected
    277CA for the claims of an 837, where the source's setting says so (`SetAnswer`)

All of it follows from the file alone, its dates and numbers too: there is no clock here, and the
same file again gets the same reply. Not here: what a 999 says (`wire/x12/acknowledge.py`), which
sets and verdicts there are (`x12_common.py`, which drives this).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from zlib import crc32

import msgspec

from suture.model.translation import Translation, X12Replies
from suture.wire.x12.acknowledge import (
    SetReply,
    acknowledge_group,
    acknowledge_interchange,
    reply,
)
from suture.wire.x12.build import Address, GroupContent, SetContent, build_interchange
from suture.wire.x12.conformance import SetVerdict
from suture.wire.x12.envelope import (
    GroupEnd,
    Interchange,
    InterchangeEnd,
    SetEnd,
    is_control_number,
)
from suture.wire.x12.loops import RemittanceEnd
from suture.wire.x12.segment import read_date

EPOCH = date(1970, 1, 1)
"""What stands for a date that is none."""

_REPLIES_PER_INTERCHANGE_MAX = 100
_CONTROL_NUMBERS = 10**9
_SEGMENTS_IN_ERROR, _IMPLEMENTATION_SEGMENTS_IN_ERROR = "5", "I5"
_MISDIRECTED = frozenset({"intake.type.unexpected", "intake.processing.unexpected"})
_OURS_ALONE = _MISDIRECTED | {"x12.set.unsupported"}
"""Faults that say nothing against a set as its sender made it."""
_ANSWER_SEGMENTS_MAX = 250_000
"""Of all answers to one interchange: beyond it sets are answered no more, so that memory is flat.
Some 30,000 claims."""


class SetAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a set is answered with besides its acknowledgement: a set of its own."""

    functional_id: str
    """GS01: HN."""
    version: str
    set_id: str
    segments: Sequence[Sequence[str]]


class Replies:
    """What the sender of the open interchange is owed."""

    def __init__(self, policy: X12Replies) -> None:
        """Take what the source's settings say of replies."""
        self._policy = policy
        self._sets: list[SetReply] = []
        self._groups: list[tuple[GroupEnd, list[SetReply]]] = []
        self._answers: list[SetAnswer] = []
        self._answers_of_group: list[SetAnswer] = []
        self._answer_segments_count = 0
        self._is_misdirected = False
        """A set should have come through another door: nobody says that all is well."""

    def end_set(
        self,
        ended: SetEnd,
        translation: Translation,
        found: SetVerdict | RemittanceEnd | None,
        answer: SetAnswer | None = None,
    ) -> None:
        """Judge a set by its envelope, by its guide, and by what its translation found wrong in it.

        A set that nobody translates yet, or that should have come through another door, is sound
        as far as X12 goes. One whose envelope is at fault is answered by its 999 alone.
        """
        told = reply(ended, found)
        if any(each.code in _MISDIRECTED for each in translation.faults):
            self._is_misdirected = True
        is_unsound = any(each.code not in _OURS_ALONE for each in translation.faults)
        if is_unsound and told.code != "R":
            codes = (*told.syntax_codes, _IMPLEMENTATION_SEGMENTS_IN_ERROR)
            told = msgspec.structs.replace(told, code="R", syntax_codes=codes)
        elif told.code == "A" and translation.notes:
            told = msgspec.structs.replace(told, code="E")
        self._sets.append(told)
        if answer is not None and not ended.faults:
            self._answer_segments_count += len(answer.segments)
            if self._answer_segments_count <= _ANSWER_SEGMENTS_MAX:
                self._answers_of_group.append(answer)

    def end_group(self, end: GroupEnd) -> None:
        """Note what ends the sets since the last group."""
        self._groups.append((end, self._sets))
        if not end.faults:
            self._answers += self._answers_of_group
        self._sets, self._answers_of_group = [], []

    def end_interchange(self, end: InterchangeEnd, *, is_rejected: bool) -> bytes:
        """Return the replies to the interchange, and begin the next; no bytes where none is due."""
        groups, self._groups, self._sets = self._groups, [], []
        answers, self._answers, self._answers_of_group = self._answers, [], []
        self._answer_segments_count = 0
        if is_rejected:
            groups = [(group, [_rejected(each) for each in sets]) for group, sets in groups]
        is_told = is_rejected or any(each.code == "R" for _, sets in groups for each in sets)
        is_told = is_told or (self._policy.acknowledge == "always" and not self._is_misdirected)
        self._is_misdirected = False
        owed = b""
        if end.interchange.is_acknowledgement_requested or end.faults:
            owed += self._interchange_reply(end)
        if is_told and not end.faults:
            for ordinal, (group, sets) in enumerate(groups, 1):
                owed += self._group_reply(group, sets, ordinal)
        if answers and not is_rejected:
            owed += self._answer(end.interchange, answers, len(groups) + 1)
        return owed

    def _interchange_reply(self, end: InterchangeEnd) -> bytes:
        number, made_at = _numbered(end.interchange, 0)
        try:
            return acknowledge_interchange(end, control_number=number, made_at=made_at)
        except ValueError:
            return b""  # an id in it cannot be written: there is nobody to answer

    def _group_reply(self, end: GroupEnd, sets: list[SetReply], ordinal: int) -> bytes:
        number, made_at = _numbered(end.envelope.interchange, ordinal)
        try:
            return acknowledge_group(
                end,
                sets,
                control_number=number,
                made_at=made_at,
                tells_units=self._policy.tells_claims,
            )
        except ValueError:
            return b""

    def _answer(self, answered: Interchange, answers: list[SetAnswer], ordinal: int) -> bytes:
        """Return one interchange with the answers to its sets, which are all of one kind."""
        number, made_at = _numbered(answered, ordinal)
        group = GroupContent(
            functional_id=answers[0].functional_id,
            control_number=number,
            version=answers[0].version,
            sets=[
                SetContent(
                    set_id=each.set_id,
                    control_number=f"{place:04d}",
                    segments=each.segments,
                    version=each.version,
                )
                for place, each in enumerate(answers, 1)
            ],
        )
        address = Address(
            sender_qualifier=answered.receiver_qualifier,
            sender_id=answered.receiver_id,
            receiver_qualifier=answered.sender_qualifier,
            receiver_id=answered.sender_id,
        )
        try:
            return build_interchange(
                address,
                [group],
                control_number=number,
                made_at=made_at,
                usage=answered.usage or "P",
            )
        except ValueError:
            return b""


def _rejected(told: SetReply) -> SetReply:
    """Return the reply to a set that goes down with its group or interchange."""
    if told.code == "R":
        return told
    return msgspec.structs.replace(told, code="R", syntax_codes=(_SEGMENTS_IN_ERROR,))


def _numbered(interchange: Interchange, ordinal: int) -> tuple[int, datetime]:
    """Return the control number and the time of a reply, made from those of what it answers."""
    text = interchange.control_number if is_control_number(interchange.control_number) else ""
    answered = int(text) if text.isdigit() else crc32(text.encode())
    number = answered * _REPLIES_PER_INTERCHANGE_MAX + ordinal % _REPLIES_PER_INTERCHANGE_MAX
    made_on = read_date(interchange.date) or EPOCH
    made_at = datetime.combine(made_on, read_time(interchange.time))
    return number % _CONTROL_NUMBERS or 1, made_at


def read_time(text: str) -> time:
    """Read an X12 time (HHMM, HHMMSS, HHMMSSDD); midnight when it is not one."""
    if text.isascii() and text.isdigit() and len(text) >= 4:
        hour, minute, second = int(text[:2]), int(text[2:4]), int(text[4:6] or "0")
        if hour < 24 and minute < 60 and second < 60:
            return time(hour, minute, second)
    return time()
