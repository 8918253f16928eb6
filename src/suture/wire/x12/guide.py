"""Guides as data: which loops and segments a transaction set has, in which order, told apart how.

Here: the tables `guides/<set>_<version>.csv` read into rules, and `choose`, which finds the guide
of a set by ST01 and ST03 or GS08 (`guides/guides.csv`). Not here: what X12 says of an element
whatever the guide (`dictionary.py`), who follows a guide through a set (`matcher.py`).

A table has a row for each segment, in the order of the guide: the path of its loop (`2000A/2010AA`;
nothing for the header), its id, position, usage (R required, S situational), repeat, and `when`,
the values that tell it from others of its id (`01=85|87`, `01-1=BK`; several joined by `&`). A row
with `loop_repeat` begins its loop, and its usage is the loop's. Rows without a segment are the
elements of the segment above that Suture reads. `=2000A/2300` repeats the loops of another path.
`books` marks what Suture books from: there a finding is a fault, elsewhere a note. `required_when`
makes a situational segment required by an element of the segment that begins its loop (`05-3=7|8`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import msgspec

from suture.wire.x12.dictionary import (
    MONETARY_AMOUNT,
    UNKNOWN_FORM,
    DataElement,
    SegmentForm,
    data_element,
    read_table,
    segment_forms,
)
from suture.wire.x12.segment import Segment

_UNLIMITED = ">1"
_SAME_AS = "="
_REQUIRED = "R"
_VERSIONS_REMEMBERED = 256
_COMPOSITE = DataElement("", "", 0, 1 << 30)


class Condition(msgspec.Struct, frozen=True):
    """A value that an element must have: `01=85|87`."""

    number: int
    component: int
    """0 for the whole element."""
    values: frozenset[str]

    def holds(self, segment: Segment) -> bool:
        """Tell whether the segment's element has one of the values."""
        return qualifier(segment, self.number, self.component) in self.values


class ElementRule(NamedTuple):
    """What a guide says of one element, or of one component of it.

    A tuple, for every segment's elements are held against them (`elements.py`).
    """

    number: int
    component: int
    """0 for the whole element."""
    is_required: bool
    codes: frozenset[str]
    """The values it may have; empty when it is no code or Suture does not book by it."""
    type: str
    """AN, ID, N0, N2, R, DT, TM, DX; "" for a composite as a whole."""
    shortest: int
    longest: int
    is_money: bool
    """True for an amount that Suture books."""
    is_booked: bool
    reference: str
    """Number of its data element; "" for a composite as a whole."""
    name: str


class SegmentRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a guide says of one segment at one place."""

    index: int
    """Its row among the segments of the guide."""
    id: str
    loop: str
    """Path of its loop; "" for the header and the summary."""
    position: str
    is_required: bool
    repeat_max: int
    """0: any number."""
    conditions: tuple[Condition, ...]
    required_when: tuple[Condition, ...]
    elements: tuple[ElementRule, ...]
    is_booked: bool
    is_opening: bool
    """True for the segment that begins its loop."""
    form: SegmentForm
    """What X12 says of the segment whatever the guide."""
    name: str

    @property
    def loop_id(self) -> str:
        """The loop's id as IK303 tells it: the last name of its path."""
        return self.loop.rpartition("/")[2]

    def fits(self, segment: Segment) -> bool:
        """Tell whether a segment has this id and these qualifiers."""
        return segment.id == self.id and all(each.holds(segment) for each in self.conditions)


class LoopRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a guide says of one loop."""

    path: str
    is_required: bool
    repeat_max: int
    """0: any number."""
    opening: SegmentRule
    members: tuple[SegmentRule | LoopRule, ...]
    """What may follow the opening segment, in order; the header is the members of the root."""

    @property
    def id(self) -> str:
        """The last name of its path."""
        return self.path.rpartition("/")[2]


class Guide(msgspec.Struct, frozen=True, kw_only=True):
    """The structure of one transaction set in one version."""

    name: str
    """Of its table: `837P_005010X222A1`."""
    members: tuple[SegmentRule | LoopRule, ...]
    """What stands between ST and SE, outside any loop."""

    def segments(self) -> Iterator[SegmentRule]:
        """Yield the rule of each segment, in the order of the guide."""
        return _walk(self.members)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The guide that a transaction set is read by, and how."""

    guide: Guide
    is_assumed: bool
    """True when the set names another version: what differs from the guide is then only noted."""
    functional_group: str
    """GS01 of the groups that such sets stand in."""
    units: frozenset[str]
    """Loops that are one unit of business each, a claim or an order line: 2300."""
    business_unit: str
    """How a 999 names a unit in CTX01-1: CLM01; "" where it does not."""
    business_unit_segment: str
    business_unit_element: int
    title: str


@lru_cache(_VERSIONS_REMEMBERED)
def choose(set_id: str, version: str) -> Choice | None:
    """Return the guide of sets with this ST01 and ST03 (else GS08); None when there is none.

    The row of `guides.csv` with the longest beginning of the version decides. A set in a version
    that no row names is read by the nearest guide, which is then assumed: 4010 claims by the guide
    of 5010.
    """
    rows = [row for row in _rows() if row["set"] == set_id and version.startswith(row["version"])]
    if not rows:
        return None
    row = max(rows, key=lambda each: len(each["version"]))
    segment, _, element = row["business_unit_element"].partition("-")
    return Choice(
        guide=read_guide(row["guide"]),
        is_assumed=row["assumed"] == "yes",
        functional_group=row["functional_group"],
        units=frozenset(row["units"].split()),
        business_unit=row["business_unit"],
        business_unit_segment=segment,
        business_unit_element=int(element or 0),
        title=row["name"],
    )


def guide_names() -> list[str]:
    """Return the names of the tables, each once."""
    return sorted({row["guide"] for row in _rows()})


@cache
def functional_groups() -> dict[str, frozenset[str]]:
    """Return the GS01 that each ST01 with a guide belongs to."""
    sets = {row["set"] for row in _rows()}
    return {
        each: frozenset(row["functional_group"] for row in _rows() if row["set"] == each)
        for each in sets
    }


@cache
def read_guide(name: str) -> Guide:
    """Read the table of that name.

    Raises ValueError for a table that is not well formed: it is part of the program.
    """
    rows = _expanded(read_table(f"{name}.csv"))
    rules = _segment_rules(rows)
    return Guide(name=name, members=tuple(_members("", rows, rules)))


@cache
def acknowledgement_rule() -> SegmentRule:
    """Return the rule of the TA1, which stands in no transaction set."""
    return next(read_guide("TA1").segments())


@cache
def segment_ids() -> frozenset[str]:
    """Return the ids of every segment in any guide: others are unknown rather than out of place."""
    return frozenset(rule.id for name in guide_names() for rule in read_guide(name).segments())


def qualifier(segment: Segment, number: int, component: int) -> str:
    """Return the value that tells a segment from others of its id; "" if absent."""
    elements = segment.elements
    value = elements[number] if number < len(elements) else ""
    if not component:
        return value
    parts = value.split(segment.separators.component, component)
    return parts[component - 1] if component <= len(parts) else ""


_Row = dict[str, str]


@cache
def _rows() -> list[_Row]:
    return read_table("guides.csv")


def _expanded(rows: list[_Row]) -> list[tuple[_Row, list[_Row]]]:
    """Join each segment's row with those of its elements, and write out the loops that repeat."""
    found: list[tuple[_Row, list[_Row]]] = []
    for row in rows:
        if row["segment"].startswith(_SAME_AS):
            path = row["segment"].removeprefix(_SAME_AS)
            found += [
                ({**segment, "loop": row["loop"] + segment["loop"].removeprefix(path)}, elements)
                for segment, elements in list(found)
                if segment["loop"] == path or segment["loop"].startswith(f"{path}/")
            ]
        elif row["segment"]:
            found.append((row, []))
        else:
            found[-1][1].append(row)
    return found


def _segment_rules(rows: list[tuple[_Row, list[_Row]]]) -> list[SegmentRule]:
    return [
        SegmentRule(
            index=index,
            id=row["segment"],
            loop=row["loop"],
            position=row["position"],
            is_required=row["usage"] == _REQUIRED,
            repeat_max=_read_repeat(row["repeat"]),
            conditions=_read_conditions(row["when"]),
            required_when=_read_conditions(row["required_when"]),
            elements=tuple(_element_rule(row["segment"], each) for each in elements),
            is_booked=row["books"] == "yes",
            is_opening=bool(row["loop_repeat"]),
            form=segment_forms().get(row["segment"], UNKNOWN_FORM),
            name=row["name"],
        )
        for index, (row, elements) in enumerate(rows)
    ]


def _element_rule(segment_id: str, row: _Row) -> ElementRule:
    number, component = _read_place(row["element"])
    data = data_element(segment_id, number, component) or _COMPOSITE
    is_booked = row["books"] == "yes"
    return ElementRule(
        number=number,
        component=component,
        is_required=row["usage"] == _REQUIRED,
        codes=frozenset(row["codes"].split("|")) if row["codes"] else frozenset(),
        type=data.type,
        shortest=data.shortest,
        longest=data.longest,
        is_money=is_booked and data.number == MONETARY_AMOUNT,
        is_booked=is_booked,
        reference=data.number,
        name=row["name"],
    )


def _members(
    path: str, rows: list[tuple[_Row, list[_Row]]], rules: list[SegmentRule]
) -> Iterator[SegmentRule | LoopRule]:
    """Yield the segments and loops directly in a loop, in the order of the table."""
    for (row, _), rule in zip(rows, rules, strict=True):
        if not rule.is_opening:
            if rule.loop == path:
                yield rule
        elif rule.loop.rpartition("/")[0] == path:
            yield LoopRule(
                path=rule.loop,
                is_required=rule.is_required,
                repeat_max=_read_repeat(row["loop_repeat"]),
                opening=rule,
                members=tuple(_members(rule.loop, rows, rules)),
            )


def _walk(members: tuple[SegmentRule | LoopRule, ...]) -> Iterator[SegmentRule]:
    for member in members:
        if isinstance(member, SegmentRule):
            yield member
        else:
            yield member.opening
            yield from _walk(member.members)


def _read_repeat(text: str) -> int:
    return 0 if text == _UNLIMITED else int(text)


def _read_conditions(text: str) -> tuple[Condition, ...]:
    """Read `01=85|87&02=1`."""
    conditions = []
    for each in filter(None, text.split("&")):
        place, _, values = each.partition("=")
        conditions.append(Condition(*_read_place(place), frozenset(values.split("|"))))
    return tuple(conditions)


def _read_place(text: str) -> tuple[int, int]:
    number, _, component = text.partition("-")
    return int(number), int(component or 0)
