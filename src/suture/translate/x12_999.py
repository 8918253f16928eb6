"""Translates the 999 and the 997: one `GroupAcknowledged` for each functional group of ours.

Told to the stream of the group: the two partners, AK101 and AK102. Each set's verdict is in it, and
each error by its place and code; copies of what was wrong (IK404, AK404) and claim numbers (CTX)
are never read. Not here: the TA1, which stands in no set (`x12_common.py`); what we answer
(`wire/x12/acknowledge.py`). 005010X231A1; 997 of 4010 and up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from suture.model.identity import bounded_identity
from suture.model.interchange import GroupAcknowledged, SetVerdict
from suture.model.translation import Channel, Routed
from suture.translate.x12_common import control_id, partners, recorded_on
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.loops import Loop
from suture.wire.x12.segment import Segment
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_ERRORS_MAX = 100
"""Told of each set."""
_SETS_MAX = 10_000
"""Told of each group; those that were refused come first."""
_CODE = re.compile(r"[0-9A-Za-z]{1,35}", re.ASCII)
_REJECTED = frozenset("RMWX")
_VERDICTS = ("IK5", "AK5")
_SEGMENTS = ("IK3", "AK3")
_ELEMENTS = ("IK4", "AK4")
_HAS_ELEMENT_ERRORS = "8"


class GroupAcknowledgements:
    """One 999 or 997 being read."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        """Begin a set."""
        del channel  # Nothing in it names a person.
        self._set = transaction_set
        self._refused: list[SetVerdict] = []
        self._taken: list[SetVerdict] = []

    def unit(self, unit: Unit) -> Iterator[Routed]:
        """Remember the verdict on one set."""
        loop = unit.loop
        answered, verdict = loop.first("AK2"), _first(loop, _VERDICTS)
        told = SetVerdict(
            set_id=_code(answered, 1),
            control_number=_code(answered, 2),
            verdict=_code(verdict, 1),
            codes=tuple(code for number in range(2, 7) if (code := _code(verdict, number))),
            errors=tuple(list(_errors(loop))[:_ERRORS_MAX]),
            where=f"{self._set.where}/{loop.where}",
        )
        kept = self._refused if told.verdict in _REJECTED else self._taken
        if len(kept) < _SETS_MAX:
            kept.append(told)
        yield from ()

    def end(self, end: UnitsEnd) -> Ending:
        """Return the verdict on the group."""
        answered, verdict = end.root.first("AK1"), end.root.first("AK9")
        sender, receiver = partners(self._set)
        kind, number = _code(answered, 1), _code(answered, 2)
        key = bounded_identity(f"{receiver}:{sender}:{kind}:{number}")
        fact = GroupAcknowledged(
            group=key,
            kind=kind,
            verdict=_code(verdict, 1),
            sets=(*self._refused, *self._taken)[:_SETS_MAX],
            sets_count=_count(verdict, 2),
            accepted_count=_count(verdict, 4),
            told_on=recorded_on(self._set),
            where=f"{self._set.where}/AK9",
        )
        return Ending(
            identities=(bounded_identity(f"{self._set.set_id}:{sender}:{control_id(self._set)}"),),
            routed=(Routed(f"group/{key}", fact, fact.where),),
        )


def _errors(loop: LoopNode) -> Iterator[str]:
    """Yield the place and code of each error: `2300/CLM-05:7`."""
    for found in loop.loops:
        place = ""
        elements = [each for inner in found.loops for each in inner.segments]
        for segment in (*found.segments, *elements):
            code = _code(segment, 4 if segment.id in _SEGMENTS else 3)
            if segment.id in _SEGMENTS:
                outer, name = _code(segment, 3), _code(segment, 1)
                place = f"{outer}/{name}" if outer else name
                if code != _HAS_ELEMENT_ERRORS:
                    yield f"{place}:{code}"
            elif segment.id in _ELEMENTS:
                yield f"{place}{_element(segment)}:{code}"


def _element(segment: Segment) -> str:
    """Return the place of an element in its segment: `-05-3`."""
    number, component = segment.get(1, 1), segment.get(1, 2)
    told = f"-{int(number):02d}" if number.isascii() and number.isdigit() else ""
    return f"{told}-{component}" if component.isascii() and component.isdigit() else told


def _first(loop: Loop, names: tuple[str, ...]) -> Segment | None:
    return next((found for name in names if (found := loop.first(name))), None)


def _code(segment: Segment | None, number: int) -> str:
    """Return a code or number; "" where there is something else in its place (ADR 0008)."""
    told = "" if segment is None else segment.get(number).strip()
    return told if _CODE.fullmatch(told) else ""


def _count(segment: Segment | None, number: int) -> int:
    told = _code(segment, number)
    return int(told) if told.isdigit() and len(told) < 10 else 0


translate = by_units(GroupAcknowledgements)
