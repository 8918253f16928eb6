"""Where a guide lets each segment stand: its rules compiled into moves, worked out as they are met.

Here: `Place` (the rule of the segment last read), the `Move`s that lead on from it, and the
searches that find a segment which no move leads to. Not here: how often something has occurred and
what is wrong (`matcher.py`, next).

A move is found from where the last segment stands, innermost loop first and onward only, as a
reader of the guide would: the rest of the open loop, then what may follow it in the loop around it,
and so on. Members at the same position of a guide have no order among themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from suture.wire.x12.dictionary import UNKNOWN_FORM
from suture.wire.x12.guide import Condition, Guide, LoopRule, SegmentRule, read_guide
from suture.wire.x12.segment import Segment

_GUIDES_COMPILED = 64
_KINDS_OF_LOOP_TELLING = 2


class Area:
    """One loop of a guide, or its root: what may stand in it, in which order."""

    __slots__ = (
        "depth",
        "id",
        "ids",
        "members",
        "opening",
        "order",
        "parent",
        "path",
        "required",
        "rule",
    )

    def __init__(self, rule: LoopRule | None, parent: Area | None, order: int) -> None:
        self.rule = rule
        """None for the root."""
        self.path = rule.path if rule else ""
        """`2000A/2010AA`; "" for the root."""
        self.id = rule.id if rule else ""
        """`2010AA`; "" for the root."""
        self.parent = parent
        self.order = order
        """Its own among the members of its parent."""
        self.depth: int = parent.depth + 1 if parent else 0
        self.members: dict[str, list[Place]] = {}
        """By segment id: the places of segments, and the openings of loops, directly in it."""
        self.required: list[Place] = []
        """Those of the members that the guide requires, always or when something else says so."""
        self.ids: set[str] = set()
        """Every segment id in it and the loops within it, its own opening left out."""
        self.opening: Place | None = None


class Place:
    """One segment of a guide: where the matcher stands after reading it."""

    __slots__ = (
        "_moves",
        "area",
        "is_numbered",
        "is_opening",
        "key",
        "order",
        "repeat_max",
        "rule",
    )

    def __init__(self, rule: SegmentRule, area: Area, order: int) -> None:
        self.rule = rule
        self.area = area
        """The loop it stands in, or opens."""
        self.order = order
        """Among the members of that loop; -1 for its opening."""
        self.key = rule.index
        self.repeat_max = rule.repeat_max
        self.is_opening = rule.is_opening
        self.is_numbered = False
        """True when its loop may hold several segments of its id: a path must count them."""
        self._moves: dict[str, Moves] = {}

    @property
    def counted_in(self) -> Area:
        """The loop that counts it: the one around it when it opens one."""
        parent = self.area.parent if self.is_opening else self.area
        return parent or self.area

    def moves(self, segment_id: str) -> Moves:
        """Return the moves that a segment of this id may be."""
        try:
            return self._moves[segment_id]
        except KeyError:
            return self._find(segment_id)

    def _find(self, segment_id: str) -> Moves:
        """Work out the moves for an id; remembered if the guide names it: memory is flat."""
        root = self.area
        while root.parent is not None:
            root = root.parent
        if segment_id not in root.ids:
            return _NO_MOVES
        found = Moves(list(_onward(self, segment_id)))
        self._moves[segment_id] = found
        return found


class Move:
    """One step: so many loops closed, at most one opened, and the place it leads to."""

    __slots__ = ("climbs", "rest", "skipped", "target")

    def __init__(self, target: Place, climbs: int, skipped: tuple[Place, ...]) -> None:
        self.target = target
        self.climbs = climbs
        self.skipped = skipped
        """Members it passes by that may be required, of the loop it ends in or opens one in."""
        self.rest = target.rule.conditions
        """Conditions that are still to be looked at when the move is offered."""


class Moves:
    """The moves for one segment id, looked up by the qualifier that tells them apart."""

    __slots__ = ("by_value", "component", "number", "others")

    def __init__(self, moves: list[Move]) -> None:
        self.number = self.component = 0
        """The element of the qualifier; 0 where no qualifier is needed."""
        self.by_value: dict[str, tuple[Move, ...]] = {}
        """Likeliest first."""
        first = next((move.rest[0] for move in moves if move.rest), None)
        if first is not None:
            self.number, self.component = first.number, first.component
            allowed = [_values_at(move, first) for move in moves]
            for value in frozenset().union(*(each for each in allowed if each is not None)):
                self.by_value[value] = tuple(
                    move
                    for move, values in zip(moves, allowed, strict=True)
                    if values is None or value in values
                )
            moves = [move for move, values in zip(moves, allowed, strict=True) if values is None]
        self.others = tuple(moves)
        """For any other value."""


def _values_at(move: Move, first: Condition) -> frozenset[str] | None:
    """Take a move's condition on the qualifier out of the rest, and return its values."""
    place = (first.number, first.component)
    for each in move.rest:
        if (each.number, each.component) == place:
            move.rest = tuple(other for other in move.rest if other is not each)
            return each.values
    return None


class Map:
    """A compiled guide."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide
        self.root = Area(None, None, -1)
        _fill(self.root, guide.members)
        self.start = Place(_START, self.root, -1)
        self.ids = self.root.ids
        """Every segment id of the guide."""
        self._places: dict[str, tuple[Place, ...]] = {}
        self._within: dict[tuple[str, str], tuple[Place, ...]] = {}
        self._astray: dict[str, frozenset[str]] = {}

    def before(self, area: Area, segment: Segment) -> Place | None:
        """Find a segment among what was passed in an open loop: it is out of order."""
        return _first(area.members.get(segment.id, ()), segment)

    def within(self, area: Area, segment_id: str) -> tuple[Place, ...]:
        """Return the places of an id in the loops within an open one, outermost first.

        Only those that tell their loop by themselves: the segment opens it, or stands in at most
        two kinds of loop (SV1 is in 2400 only; an N3 could belong anywhere).
        """
        key = (area.path, segment_id)
        if key not in self._within:
            kinds = {place.area.id for place in self.places(segment_id)}
            is_telling = len(kinds) <= _KINDS_OF_LOOP_TELLING
            self._within[key] = tuple(
                place for place in _deeper(area, segment_id) if is_telling or place.is_opening
            )
        return self._within[key]

    def places(self, segment_id: str) -> tuple[Place, ...]:
        """Return every place of an id that the guide names."""
        if segment_id not in self._places:
            own = self.root.members.get(segment_id, [])
            self._places[segment_id] = (*own, *_deeper(self.root, segment_id))
        return self._places[segment_id]

    def astray(self, segment_id: str) -> frozenset[str]:
        """Return what may follow a segment that opens a loop, should that loop be unknown."""
        if segment_id not in self._astray:
            openings = (place for place in self.places(segment_id) if place.is_opening)
            inner = frozenset[str]().union(*(place.area.ids for place in openings))
            self._astray[segment_id] = inner - {segment_id}
        return self._astray[segment_id]


_NO_MOVES = Moves([])


@lru_cache(_GUIDES_COMPILED)
def compile_guide(name: str) -> Map:
    """Compile the guide of that name, once for all the sets that are read by it."""
    return Map(read_guide(name))


_START = SegmentRule(
    index=-1,
    id="ST",
    loop="",
    position="",
    is_required=True,
    repeat_max=1,
    conditions=(),
    required_when=(),
    elements=(),
    is_booked=True,
    is_opening=False,
    form=UNKNOWN_FORM,
    name="Start",
)


def _fill(area: Area, members: tuple[SegmentRule | LoopRule, ...]) -> None:
    """Give an area its places in order; equal positions in a row have the same order."""
    order, position = -1, None
    for member in members:
        rule = member if isinstance(member, SegmentRule) else member.opening
        if rule.position != position:
            order, position = order + 1, rule.position
        if isinstance(member, LoopRule):
            inner = Area(member, area, order)
            place = Place(rule, inner, -1)
            place.repeat_max = member.repeat_max
            inner.opening = place
            _fill(inner, member.members)
            area.ids |= inner.ids
        else:
            place = Place(rule, area, order)
        area.ids.add(rule.id)
        area.members.setdefault(rule.id, []).append(place)
        if rule.is_required or rule.required_when:
            area.required.append(place)
    for places in area.members.values():
        for place in places:
            place.is_numbered = len(places) > 1 or place.repeat_max != 1


def _order_in(area: Area, place: Place) -> int:
    """Return the order of a member of this area: of the loop that it opens, if it opens one."""
    return place.area.order if place.area is not area else place.order


def _onward(start: Place, segment_id: str) -> Iterator[Move]:
    area, order, climbs = start.area, start.order, 0
    behind: Place | None = start
    while True:
        for place in area.members.get(segment_id, ()):
            reached = _order_in(area, place)
            if reached >= order:
                skipped = (
                    each
                    for each in area.required
                    if each is not behind and order <= _order_in(area, each) < reached
                )
                yield Move(place, climbs, tuple(skipped))
        if area.parent is None:
            return
        behind, order, area, climbs = area.opening, area.order, area.parent, climbs + 1


def _inner(area: Area) -> list[Area]:
    return [
        place.area for places in area.members.values() for place in places if place.area is not area
    ]


def _first(places: Iterable[Place], segment: Segment) -> Place | None:
    return next((place for place in places if place.rule.fits(segment)), None)


def _deeper(area: Area, segment_id: str) -> Iterator[Place]:
    """Yield the places of an id in the loops within an area, level by level."""
    level = _inner(area)
    while level:
        for each in level:
            yield from each.members.get(segment_id, ())
        level = [inner for each in level for inner in _inner(each)]
