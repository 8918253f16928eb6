"""What translations by a guide share: a set read unit by unit, each made into facts as it comes.

`by_units` makes a translator (`x12_common.Translator`) of what one kind of set means. A
`SetReading` is told each unit (a claim, an order line) and last the end of the set; the verdict of
the guide decides whether any of it counts. A set with a fault is held whole; its neighbours are not
touched. What a set means is each `x12_<number>.py`'s; which guide a set is read by is
`wire/x12/guide.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable

import msgspec

from suture.model.fault import Fault
from suture.model.translation import (
    Begun,
    Channel,
    ControlTotal,
    Routed,
    Translation,
)
from suture.translate.x12_common import (
    Told,
    Translator,
    control_id,
    recorded_at_ms,
    unsupported,
)
from suture.translate.x12_reply import SetAnswer
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.guide import choose
from suture.wire.x12.segment import Segment
from suture.wire.x12.units import Unit, UnitsEnd, read_units


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole set says, known when all of it was read."""

    identities: tuple[str, ...] = ()
    """As of a `Translation`."""
    routed: tuple[Routed, ...] = ()
    """Facts of the set as a whole."""
    totals: tuple[ControlTotal, ...] = ()
    faults: tuple[Fault, ...] = ()
    """Why it is held, besides what its guide found; paths begin at the set (`placed`)."""
    notes: tuple[Fault, ...] = ()
    answer: SetAnswer | None = None
    """What its sender is answered besides its 999."""


class SetReading(Protocol):
    """One transaction set being read: what its units mean."""

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Return the facts of one unit; none of a unit with faults is ever kept."""

    def end(self, end: UnitsEnd) -> Ending:
        """Return what the set as a whole says."""


@runtime_checkable
class RefusingReading(SetReading, Protocol):
    """One that answers for each unit, for those too of which nothing is booked."""

    def refuse(self, unit: Unit) -> None:
        """Take note of a unit with faults."""


Opener = Callable[[TransactionSet, Channel], SetReading]


def by_units(opener: Opener) -> Translator:
    """Return a translator of sets that a guide divides into units."""
    return by_guide({"": opener})


def by_guide(openers: Mapping[str, Opener]) -> Translator:
    """Return a translator of sets that mean one thing or another by the guide they are read by.

    The openers are named by how the names of the guides begin: `277CA`, `820_005010X218`; the
    longest that fits opens.
    """

    def translate(
        segments: Iterable[Segment], transaction_set: TransactionSet, channel: Channel
    ) -> Iterator[Told]:
        choice = choose(transaction_set.set_id, transaction_set.version)
        if choice is None:
            yield from unsupported(segments, transaction_set, channel)
            return
        at_ms = recorded_at_ms(transaction_set, channel)
        yield Begun(recorded_at_ms=at_ms)
        reading = _opener(openers, choice.guide.name)(transaction_set, channel)
        for each in read_units(segments, transaction_set, choice):
            if isinstance(each, Unit):
                if not each.faults:
                    yield from reading.unit(each)
                elif isinstance(reading, RefusingReading):
                    reading.refuse(each)
                continue
            ending = reading.end(each)
            yield from ending.routed
            yield each.verdict
            if ending.answer is not None:
                yield ending.answer
            faults = (*placed(each.verdict.faults, transaction_set), *ending.faults)
            yield Translation(
                format="x12",
                type=transaction_set.set_id,
                control_id=control_id(transaction_set),
                status="held" if faults else "accepted",
                identities=ending.identities,
                recorded_at_ms=at_ms,
                faults=faults,
                notes=(*placed(each.verdict.notes, transaction_set), *ending.notes),
                totals=ending.totals,
            )

    return translate


def _opener(openers: Mapping[str, Opener], guide: str) -> Opener:
    return openers[max((each for each in openers if guide.startswith(each)), key=len)]


def placed(findings: Iterable[Fault], transaction_set: TransactionSet) -> tuple[Fault, ...]:
    """Return findings of a guide with paths that begin at their transaction set."""
    return tuple(
        msgspec.structs.replace(each, where=f"{transaction_set.where}/{each.where}")
        for each in findings
    )
