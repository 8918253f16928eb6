"""A set as units of business with their loops as trees: a claim, an order line, what they stand in.

Here: `read_units`, which yields each unit (loop 2300 of an 837, PO1 of an 850 ...) when it is
whole, with the loops around it, and last the verdict on the set; `LoopNode`, which is asked for
segments and inner loops by id and qualifier. Memory holds one unit and the loops around it, however
long the set is. Not here: what a unit means (`translate/`), what is wrong with it
(`conformance.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from suture.model.fault import Fault, fault
from suture.wire.x12.conformance import Conformance, GuideLimits, SetVerdict
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.guide import Choice, read_guide
from suture.wire.x12.loops import Loop
from suture.wire.x12.matcher import Located, OpenLoop
from suture.wire.x12.segment import Segment

_ENVELOPE_IDS = frozenset(("ST", "SE"))
_HIERARCHY = "HL"


class LoopNode(Loop, frozen=True, kw_only=True, gc=False):
    """One loop of a set: its segments, and the loops in it. Never changed once it is handed out."""

    opened: OpenLoop
    """Its place among the loops of the set."""
    segments: list[Segment]
    """In the order received, its first included; those of inner loops left out."""
    loops: list[LoopNode]
    """In the order received; units, and what holds units, left out."""

    @property
    def id(self) -> str:
        """`2300`; "" for the set itself."""
        return self.opened.id

    @property
    def where(self) -> str:
        """Path in the set: `2000A[1]/2000B[2]/2300[1]`."""
        return self.opened.where

    def inner(self, loop_id: str, qualifier: str = "") -> LoopNode | None:
        """Return the first such loop directly in it: `inner("2310B")`, `inner("N1", "ST")`."""
        for each in self.loops:
            if each.id == loop_id and (not qualifier or each.segments[0].get(1) == qualifier):
                return each
        return None

    def inner_all(self, loop_id: str, qualifier: str = "") -> list[LoopNode]:
        """Return every such loop directly in it; the qualifier is element 01 of its first."""
        return [each for each in self.loops if each.id == loop_id and each.is_told_by(qualifier)]

    def is_told_by(self, qualifier: str) -> bool:
        """Tell whether element 01 of its first segment is this one; any loop is, by none.

        A loop whose first segment is missing may hold no segment at all, only inner loops.
        """
        return not qualifier or (bool(self.segments) and self.segments[0].get(1) == qualifier)

    def place(self, segment: Segment, number: int = 0, component: int = 0) -> str:
        """Return the path of a segment of this loop, or of an element or component of it."""
        same = [each for each in self.segments if each.id == segment.id]
        count = f"[{same.index(segment) + 1}]" if len(same) > 1 else ""
        element = f"-{number:02d}" if number else ""
        part = f"-{component}" if component else ""
        return f"{self.where}/{segment.id}{count}{element}{part}".lstrip("/")


class Unit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One unit of business, whole."""

    loop: LoopNode
    around: tuple[LoopNode, ...]
    """The loops it stands in, as far as they have been read: the set itself first, the nearest
    last.

    Under a ship notice's HL (856) they are the levels above, by HL02.
    """
    ordinal: int
    """1-based in the set."""
    faults: tuple[Fault, ...] = ()
    """What was found in it, and is in the verdict on the set too."""
    notes: tuple[Fault, ...] = ()

    def find(self, loop_id: str, qualifier: str = "") -> LoopNode | None:
        """Return the nearest such loop around it, or directly in one of those around it.

        For a claim (2300): `find("2010AA")` is its billing provider, `find("2000B")` the
        subscriber's level, `find("2010BA")` the subscriber.
        """
        for outer in reversed(self.around):
            if outer.id == loop_id and outer.is_told_by(qualifier):
                return outer
            found = outer.inner(loop_id, qualifier)
            if found is not None:
                return found
        return None


class UnitsEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The set is over: its verdict, and all that stands outside units."""

    root: LoopNode
    """The set itself: header, summary, and the loops that hold no unit."""
    around: tuple[LoopNode, ...]
    """The loops still open at the end in which a unit could stand, the set itself first: what is
    told of nobody in particular (a 271 that refuses at 2100B) stands in them."""
    verdict: SetVerdict


def read_units(
    segments: Iterable[Segment],
    transaction_set: TransactionSet,
    choice: Choice,
    limits: GuideLimits | None = None,
) -> Iterator[Unit | UnitsEnd]:
    """Read the segments of one set: each unit when it is whole, and last the verdict.

    ST and SE may be among the segments or not. A unit with `faults` is not fit to be booked;
    whether its neighbours are is the verdict's to say.
    """
    trees = _Trees(transaction_set, choice, limits or GuideLimits())
    for segment in segments:
        if segment.id not in _ENVELOPE_IDS:
            unit = trees.take(segment)
            if unit is not None:
                yield unit
    yield from trees.finish()


def locate_segments(
    segments: Iterable[Segment],
    transaction_set: TransactionSet,
    choice: Choice,
    limits: GuideLimits | None = None,
) -> Iterator[Located | SetVerdict]:
    """Yield each segment between ST and SE with its place, and last the verdict: holds no loop."""
    conformance = Conformance(transaction_set, choice, limits)
    ordinal = 1
    for segment in segments:
        if segment.id not in _ENVELOPE_IDS:
            ordinal = segment.ordinal
            yield conformance.take(segment)
    yield conformance.finish(ordinal + 1)


class _Frame:
    """An open loop and its node, in the pile of those that are open."""

    __slots__ = ("has_unit", "kept", "loop", "node")

    def __init__(self, loop: OpenLoop, node: LoopNode) -> None:
        self.loop = loop
        self.node = node
        self.kept = 0
        """Segments that go when it does."""
        self.has_unit = False


class _Trees:
    """Builds the nodes of one set."""

    def __init__(
        self, transaction_set: TransactionSet, choice: Choice, limits: GuideLimits
    ) -> None:
        self._conformance = Conformance(transaction_set, choice, limits)
        self._segments_max = limits.unit_segments_max
        self._holders = _holders(choice.guide.name, choice.units)
        root = self._conformance.root
        self._pile = [_Frame(root, LoopNode(opened=root, segments=[], loops=[]))]
        self._frame = self._pile[0]
        self._unit: _Frame | None = None
        self._kept_around = 0
        self._is_overflowing = False
        self._units_count = 0
        self._levels: list[LoopNode] = []
        self._ordinal = 1

    def take(self, segment: Segment) -> Unit | None:
        """Place one segment; return the unit that it ends."""
        conformance = self._conformance
        self._ordinal = segment.ordinal
        loop = conformance.take(segment).loop
        closed = conformance.closed
        ended = self._end_unit(closed) if closed else None
        frame = self._frame
        if conformance.innermost is not frame.loop:
            frame = self._move_to(conformance.innermost)
        if loop is not frame.loop:
            frame = self._pile[loop.area.depth]  # Out of order, in a loop around the innermost.
        unit = self._unit
        if unit is not None and unit.kept < self._segments_max:
            unit.kept += 1
            frame.node.segments.append(segment)
        elif self._has_room(loop):
            frame.node.segments.append(segment)
        return ended

    def finish(self) -> Iterator[Unit | UnitsEnd]:
        """End the set."""
        verdict = self._conformance.finish(self._ordinal + 1)
        ended = self._end_unit(self._conformance.closed)
        if ended is not None:
            yield ended
        around = [each.node for each in self._pile if each.loop.area.path in self._holders]
        while len(self._pile) > 1:
            self._leave(self._pile.pop())
        yield UnitsEnd(root=self._pile[0].node, around=tuple(around), verdict=verdict)

    def _end_unit(self, closed: list[OpenLoop]) -> Unit | None:
        """Return the unit among the loops that were closed."""
        frame = self._unit
        if frame is None or not any(loop is frame.loop for loop in closed):
            return None
        self._unit = None
        findings = frame.loop.findings
        around = [each.node for each in self._pile[: frame.loop.area.depth]]
        return Unit(
            loop=frame.node,
            around=(*around, *self._levels[:-1]),
            ordinal=self._units_count,
            faults=tuple(findings.faults) if findings else (),
            notes=tuple(findings.notes) if findings else (),
        )

    def _move_to(self, loop: OpenLoop) -> _Frame:
        """Make a loop the innermost of the pile: leave those it is not in, enter those it is in."""
        pile = self._pile
        entered: list[OpenLoop] = []
        each = loop
        while (depth := each.area.depth) >= len(pile) or pile[depth].loop is not each:
            entered.append(each)
            assert each.parent is not None, "the root is always in the pile"
            each = each.parent
        while len(pile) > each.area.depth + 1:
            self._leave(pile.pop())
        for inner in reversed(entered):
            self._enter(inner)
        self._frame = pile[-1]
        return self._frame

    def _leave(self, frame: _Frame) -> None:
        """Let go of what a loop kept; one that could have held a unit and has none is kept on."""
        outer = self._pile[-1]
        if frame.loop.area.path in self._holders and not frame.has_unit and frame.kept:
            outer.node.loops.append(frame.node)
            outer.kept += frame.kept
        else:
            self._kept_around -= frame.kept

    def _enter(self, loop: OpenLoop) -> None:
        node = LoopNode(opened=loop, segments=[], loops=[])
        frame = _Frame(loop, node)
        if loop.is_unit:
            self._unit = frame
            self._units_count += 1
            self._is_overflowing = False
            for outer in self._pile:
                outer.has_unit = True
            if loop.opening is not None and loop.opening.id == _HIERARCHY:
                self._enter_level(node)
        elif loop.area.path not in self._holders and self._may_keep():
            self._pile[-1].node.loops.append(node)
        self._pile.append(frame)

    def _enter_level(self, node: LoopNode) -> None:
        """Remember the levels above a unit that is itself a level (856)."""
        depth = len(self._conformance.levels.above)
        del self._levels[depth:]
        self._levels.append(node)

    def _has_room(self, loop: OpenLoop) -> bool:
        """Count a segment around units; beyond the cap none is kept, once told for each unit."""
        unit = self._unit
        if unit is None and self._kept_around < self._segments_max:
            self._kept_around += 1
            self._holder().kept += 1
            return True
        if not self._is_overflowing:
            self._is_overflowing = True
            where = unit.node.where if unit is not None else "header"
            self._conformance.overflow(loop, fault("x12.loop.too_long", where))
        return False

    def _may_keep(self) -> bool:
        """Tell whether a segment would be kept now: of a loop beyond the cap nothing is."""
        kept = self._kept_around if self._unit is None else self._unit.kept
        return kept < self._segments_max

    def _holder(self) -> _Frame:
        """Return the open frame that what is kept now goes with."""
        for frame in reversed(self._pile):
            if frame.loop.area.path in self._holders:
                return frame
        return self._pile[0]


@lru_cache(64)
def _holders(guide_name: str, units: frozenset[str]) -> frozenset[str]:
    """Return the paths of the loops in which units can stand, at any depth; the root's is ""."""
    return frozenset(
        outer
        for rule in read_guide(guide_name).segments()
        if rule.is_opening and rule.loop_id in units
        for outer in _outer_paths(rule.loop)
    )


def _outer_paths(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path
