"""HL segments: the numbers by which the levels of a set nest (payer, provider, patient, item).

Here: HL01 counted, HL02 pointing at an open level, HL04 telling whether there are levels below,
each as a fault code with its element; and `above`, the levels a segment stands under, which a ship
notice (856) has by HL02 alone. Not here: which level may hold which loop (`guide.py`).
"""

from __future__ import annotations

from typing import NamedTuple

from suture.wire.x12.segment import Segment

NUMBER = "x12.hierarchy.number"
PARENT = "x12.hierarchy.parent"
CHILDREN = "x12.hierarchy.children"

_DEPTH_MAX = 50


class Level(NamedTuple):
    """One open level."""

    number: str
    """HL01."""
    code: str
    """HL03: 20 source, 21 receiver, 22 subscriber, 23 dependent; S shipment, O order, I item."""
    segment: Segment
    tells_children: bool


class Levels:
    """The open levels of one set, outermost first."""

    def __init__(self) -> None:
        self._open: list[Level] = []
        self._count = 0
        self._has_children = True

    @property
    def above(self) -> tuple[Level, ...]:
        """The levels around the one that was opened last."""
        return tuple(self._open[:-1])

    def enter(self, segment: Segment) -> list[tuple[str, Segment, int]]:
        """Open the level that an HL begins; return what is wrong as code, segment and element.

        HL01 counts from 1 in each set. HL02 names a level that is still open: it becomes the parent
        and what was open below it ends.
        """
        number, parent, code = segment.get(1), segment.get(2), segment.get(3)
        self._count += 1
        wrong: list[tuple[str, Segment, int]] = []
        if number.lstrip("0") != str(self._count):
            wrong.append((NUMBER, segment, 1))
        last = self._open[-1] if self._open else None
        numbers = [level.number for level in self._open]
        if parent in numbers:
            del self._open[numbers.index(parent) + 1 :]
        else:
            if parent:
                wrong.append((PARENT, segment, 2))
            self._open.clear()
        is_child = last is not None and bool(self._open) and self._open[-1] is last
        wrong += self._judge_children(last, is_child=is_child)
        if len(self._open) < _DEPTH_MAX:
            self._open.append(Level(number, code, segment, segment.get(4) == "1"))
        return wrong

    def finish(self) -> list[tuple[str, Segment, int]]:
        """End the set: the last level has none below it."""
        return self._judge_children(self._open[-1] if self._open else None, is_child=False)

    def _judge_children(
        self, last: Level | None, *, is_child: bool
    ) -> list[tuple[str, Segment, int]]:
        """Compare HL04 of the level before with what follows it directly."""
        if last is None or not last.segment.get(4) or last.tells_children == is_child:
            return []
        return [(CHILDREN, last.segment, 4)]
