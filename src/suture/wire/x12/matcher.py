"""Segments to their places in a guide, one by one: the loops they open, and what is out of place.

Here: `Matcher`, which is given the segments between ST and SE and says of each where it stands
(`Located`), which loops it closed and which problems of structure it showed (SNIP level 2: unknown,
unexpected, missing, out of order, too many). Not here: the moves a guide allows (`places.py`),
faults made of problems, elements and sums (`conformance.py`, next).

After a problem the matcher goes on as a person would: a segment out of order is taken where it
belongs; a loop whose first segment is missing is opened all the same; an unknown loop is passed
over with what follows it. It holds the open loops and nothing else, and looks at each segment once.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from suture.wire.x12.envelope import BusinessUnit, SituationalTrigger
from suture.wire.x12.findings import Findings
from suture.wire.x12.guide import Choice, SegmentRule, qualifier, segment_ids
from suture.wire.x12.places import Area, Move, Place, compile_guide
from suture.wire.x12.segment import Segment

_HIERARCHY = "HL"
"""Without its HL nobody can say whose the segments of a level are."""


class OpenLoop:
    """One occurrence of a loop: its path, and what has been seen in it. To be read only."""

    __slots__ = (
        "_unit",
        "area",
        "business_unit",
        "counts",
        "findings",
        "is_unit",
        "opening",
        "ordinal",
        "parent",
        "passed",
    )

    def __init__(self, area: Area, parent: OpenLoop | None, opening: Segment | None) -> None:
        self.area = area
        self.parent = parent
        self.opening = opening
        """The segment that began it; None for the root, and where it is missing."""
        self.ordinal = 1
        """Among its kind in the loop around it."""
        self.counts: dict[int | str, int] = {}
        """How often each of its members has occurred, and each id whose segments are numbered."""
        self.passed: dict[int, int] | None = None
        """Which segment stands where a member that may be required should have stood."""
        self.business_unit: BusinessUnit | None = parent.business_unit if parent else None
        self.is_unit = False
        """True for a unit of business, such as a claim, that stands in no other."""
        self._unit: OpenLoop | None = parent.unit if parent else None
        self.findings: Findings | None = None
        """A unit's own; made when there is one."""

    @property
    def unit(self) -> OpenLoop | None:
        """The unit that it is, or is part of. A unit does not hold itself: nothing to collect."""
        return self if self.is_unit else self._unit

    @property
    def id(self) -> str:
        """`2100`; "" for the root."""
        return self.area.id

    @property
    def where(self) -> str:
        """Path in the set, counting what may repeat: `2000A[1]/2010AA`."""
        parent = self.parent
        if parent is None:
            return ""
        rule = self.area.rule
        number = f"[{self.ordinal}]" if rule is not None and rule.repeat_max != 1 else ""
        outer = parent.where
        return f"{outer}/{self.area.id}{number}" if outer else f"{self.area.id}{number}"

    def place(self, name: str) -> str:
        """Return the path of something in it."""
        return f"{where}/{name}" if (where := self.where) else name


class Located(msgspec.Struct, frozen=True, gc=False):
    """A segment with its place."""

    segment: Segment
    rule: SegmentRule | None
    """None for a segment that has no place: it stands in the loop, but belongs to nothing."""
    loop: OpenLoop
    ordinal: int
    """Among the segments of its id in the loop; 0 where there can be one only."""

    @property
    def where(self) -> str:
        """Path in the set: `2000[1]/2100[3]/CAS[1]`; an id that means nothing is not repeated."""
        if self.segment.id not in segment_ids():
            return self.loop.place(f"segment[{self.segment.ordinal}]")
        number = f"[{self.ordinal}]" if self.ordinal else ""
        return self.loop.place(f"{self.segment.id}{number}")


class Kind(Enum):
    """What can be wrong with the place of a segment; the value is its fault code."""

    UNKNOWN = "x12.segment.unknown"
    FOREIGN = "x12.segment.foreign"
    UNEXPECTED = "x12.segment.unexpected"
    MISSING = "x12.segment.missing"
    ORDER = "x12.segment.order"
    SEGMENT_TOO_MANY = "x12.segment.too_many"
    LOOP_TOO_MANY = "x12.loop.too_many"


class Problem(msgspec.Struct, frozen=True, gc=False):
    """One thing that is wrong with the structure of a set."""

    kind: Kind
    loop: OpenLoop
    """Where it is wrong."""
    segment_id: str
    """"" where it is none that X12 knows: it could be anything."""
    position: int
    """IK302: the segment, or the one that stands where another is missing."""
    where: str
    loop_id: str
    rule: SegmentRule | None
    """Of the segment it is about; None when that has no place."""
    is_booked: bool
    """True when Suture books from what is missing or out of place."""
    trigger: SituationalTrigger | None = None
    """What makes a missing segment required, should the guide not always do."""


class Matcher:
    """Follows a guide through one set. Sans-IO: call `locate` for each segment, then `finish`.

    After each call `problems` and `closed` hold what that call found and the loops it closed,
    innermost first; take them before the next.
    """

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._unit_segment = choice.business_unit_segment
        self._map = compile_guide(choice.guide.name)
        self._place: Place = self._map.start
        self._astray: frozenset[str] = frozenset()
        self.root = OpenLoop(self._map.root, None, None)
        self.loop = self.root
        """The innermost open loop."""
        self.problems: list[Problem] = []
        self.closed: list[OpenLoop] = []

    def locate(self, segment: Segment) -> Located:
        """Take the next segment."""
        if self._astray:
            if segment.id in self._astray:
                return Located(segment, None, self.loop, 0)
            self._astray = frozenset()
        moves = self._place.moves(segment.id)
        candidates = moves.others
        if moves.number:
            value = qualifier(segment, moves.number, moves.component)
            candidates = moves.by_value.get(value, candidates)
        exhausted: Move | None = None
        for move in candidates:
            loop = self.loop
            for _ in range(move.climbs):
                loop = loop.parent or loop
            target = move.target
            if target.repeat_max and loop.counts.get(target.key, 0) >= target.repeat_max:
                exhausted = exhausted or move
            elif not move.rest or all(each.holds(segment) for each in move.rest):
                return self._go(segment, target, loop, move.skipped)
        return self._recover(segment) if exhausted is None else self._exceed(segment, exhausted)

    def finish(self, ordinal: int) -> None:
        """End the set: `ordinal` is the place of its SE."""
        while self.loop is not self.root:
            self._close(ordinal)
        self._check_required(self.root, ordinal)
        self.closed.append(self.root)

    def _go(
        self, segment: Segment, target: Place, loop: OpenLoop, skipped: tuple[Place, ...]
    ) -> Located:
        """Close what is open within a loop, count the segment in it and stand on it."""
        while self.loop is not loop:
            self._close(segment.ordinal)
        if skipped:
            self._pass(loop, skipped, segment.ordinal)
        counts = loop.counts
        counts[target.key] = ordinal = counts.get(target.key, 0) + 1
        self._place = target
        rule = target.rule
        if target.is_opening:
            loop = self._open(loop, target, segment)
            ordinal = 0
        elif target.is_numbered:
            counts[rule.id] = ordinal = counts.get(rule.id, 0) + 1
        elif ordinal == 1:
            ordinal = 0
        if rule.id == self._unit_segment:
            self._name_unit(loop, segment)
        return Located(segment, rule, loop, ordinal)

    def _exceed(self, segment: Segment, move: Move) -> Located:
        """Take a segment where its kind has already stood as often as it may."""
        loop = self.loop
        for _ in range(move.climbs):
            loop = loop.parent or loop
        located = self._go(segment, move.target, loop, move.skipped)
        self._add_excess(located)
        return located

    def _add_excess(self, located: Located) -> None:
        """Tell that a segment or loop is there too often.

        A loop is read all the same; of two segments nobody can say which one is meant.
        """
        rule = located.rule
        is_loop = rule is not None and rule.is_opening
        kind = Kind.LOOP_TOO_MANY if is_loop else Kind.SEGMENT_TOO_MANY
        is_booked = rule is not None and rule.is_booked and not is_loop
        self._add(kind, located, is_booked=is_booked)

    def _open(self, parent: OpenLoop, target: Place, opening: Segment | None) -> OpenLoop:
        loop = OpenLoop(target.area, parent, opening)
        loop.ordinal = parent.counts[target.key]
        if target.area.id in self._choice.units and loop.unit is None:
            loop.is_unit = True
        self.loop = loop
        return loop

    def _name_unit(self, loop: OpenLoop, segment: Segment) -> None:
        """Let what follows be told by its claim or payment."""
        choice = self._choice
        own = loop.parent.business_unit if loop.parent else None
        if loop.business_unit is own:
            value = segment.get(choice.business_unit_element)
            loop.business_unit = BusinessUnit(choice.business_unit, value) if value else None

    def _close(self, ordinal: int) -> None:
        """Close the innermost loop, which ends before the segment of this ordinal."""
        loop = self.loop
        if loop.area.required:
            self._check_required(loop, ordinal)
        self.closed.append(loop)
        self.loop = loop.parent or loop

    def _pass(self, loop: OpenLoop, skipped: tuple[Place, ...], ordinal: int) -> None:
        """Remember where a required member should have stood, in case it does not come later."""
        for place in skipped:
            if place.key not in loop.counts:
                if loop.passed is None:
                    loop.passed = {}
                loop.passed.setdefault(place.key, ordinal)

    def _check_required(self, loop: OpenLoop, ordinal: int) -> None:
        for place in loop.area.required:
            rule = place.rule
            if place.key in loop.counts:
                continue
            trigger = _trigger(rule, loop)
            if rule.required_when and trigger is None:
                continue
            position = (loop.passed or {}).get(place.key, ordinal)
            self._miss(loop, place, position, trigger)

    def _miss(
        self, loop: OpenLoop, place: Place, position: int, trigger: SituationalTrigger | None = None
    ) -> None:
        rule = place.rule
        name = f"{place.area.id}/{rule.id}" if rule.is_opening else rule.id
        self.problems.append(
            Problem(
                Kind.MISSING,
                loop,
                rule.id,
                position,
                loop.place(name),
                rule.loop_id,
                rule,
                rule.is_booked,
                trigger,
            )
        )

    def _add(self, kind: Kind, located: Located, *, is_booked: bool) -> None:
        segment, loop = located.segment, located.loop
        self.problems.append(
            Problem(
                kind,
                loop,
                "" if kind is Kind.UNKNOWN else segment.id,
                segment.ordinal,
                located.where,
                loop.id,
                located.rule,
                is_booked,
            )
        )

    # Segments that no move leads to.

    def _recover(self, segment: Segment) -> Located:
        if segment.id not in self._map.ids:
            is_known = segment.id in segment_ids()
            kind = Kind.FOREIGN if is_known else Kind.UNKNOWN
            return self._leave_out(segment, kind, is_booked=False)
        found = self._find_before(segment)
        if found is not None:
            return self._return_to(segment, *found)
        found = self._find_within(segment)
        if found is not None:
            return self._open_down(segment, *found)
        places = self._map.places(segment.id)
        located = self._leave_out(
            segment,
            Kind.UNEXPECTED,
            is_booked=segment.id == _HIERARCHY
            or any(each.rule.is_booked and each.rule.fits(segment) for each in places),
        )
        if any(each.is_opening for each in places):
            self._astray = self._map.astray(segment.id)
        return located

    def _return_to(self, segment: Segment, place: Place, loop: OpenLoop) -> Located:
        """Take a segment whose place was passed: out of order, or once more than it may occur.

        One of a loop around the innermost is counted there, and the innermost stays open: what
        follows most likely belongs to it.
        """
        count = loop.counts.get(place.key, 0)
        if loop is self.loop or place.is_opening:
            located = self._go(segment, place, loop, ())
        else:
            loop.counts[place.key] = ordinal = count + 1
            located = Located(segment, place.rule, loop, ordinal if place.is_numbered else 0)
        if place.repeat_max and count >= place.repeat_max:
            self._add_excess(located)
        else:
            self._add(Kind.ORDER, located, is_booked=False)
        return located

    def _leave_out(self, segment: Segment, kind: Kind, *, is_booked: bool) -> Located:
        located = Located(segment, None, self.loop, 0)
        self._add(kind, located, is_booked=is_booked)
        return located

    def _find_before(self, segment: Segment) -> tuple[Place, OpenLoop] | None:
        """Find it among what was passed in the open loops, innermost first."""
        loop: OpenLoop | None = self.loop
        while loop is not None:
            place = self._map.before(loop.area, segment)
            if place is not None:
                return place, loop
            loop = loop.parent
        return None

    def _find_within(self, segment: Segment) -> tuple[Place, OpenLoop] | None:
        """Find it in a loop that was never opened, within the open loops, innermost first.

        Where that loop has been there as often as it may, the segment is a stray of it: another
        loop further in would be a guess.
        """
        loop: OpenLoop | None = self.loop
        while loop is not None:
            places = self._map.within(loop.area, segment.id)
            place = next((each for each in places if each.rule.fits(segment)), None)
            if place is not None:
                return (place, loop) if _may_open(loop, place) else None
            loop = loop.parent
        return None

    def _open_down(self, segment: Segment, target: Place, outer: OpenLoop) -> Located:
        """Open the loops down to a place; their first segments are missing."""
        while self.loop is not outer:
            self._close(segment.ordinal)
        lacking: list[Place] = []
        area = target.counted_in
        while area is not outer.area:
            assert area.opening is not None, "only the root has no opening"
            assert area.parent is not None, "the place was found within the open loop"
            lacking.append(area.opening)
            area = area.parent
        for opening in reversed(lacking):
            outer = self.loop
            outer.counts[opening.key] = outer.counts.get(opening.key, 0) + 1
            self._miss(outer, opening, segment.ordinal)
            self._open(outer, opening, None)
        return self._go(segment, target, self.loop, ())


def _may_open(outer: OpenLoop, place: Place) -> bool:
    """Tell whether the loop in which a place is may still be opened in a loop around it."""
    area = place.counted_in
    while area.parent is not None and area.parent is not outer.area:
        area = area.parent
    opening = area.opening
    if opening is None or area is outer.area:
        return True
    return not opening.repeat_max or outer.counts.get(opening.key, 0) < opening.repeat_max


def _trigger(rule: SegmentRule, loop: OpenLoop) -> SituationalTrigger | None:
    """Return what makes a situational segment required in a loop; None when nothing does."""
    opening = loop.opening
    if opening is None or not rule.required_when:
        return None
    if not all(each.holds(opening) for each in rule.required_when):
        return None
    first = rule.required_when[0]
    return SituationalTrigger(opening.id, opening.ordinal, loop.id, first.number, first.component)
