"""One set against its guide: every finding of SNIP levels 1 to 3, as faults, notes and 999 errors.

Here: `Conformance`, which is given the segments of a set, and `SetVerdict`, what it says at the
end. What Suture books from is a fault, the rest a note; in a guide that is only assumed (another
version) all structure is a note. Not here: where a segment stands (`matcher.py`), what its elements
may hold (`elements.py`), the nesting of levels (`hierarchy.py`), what adds up (`sums.py`); loops as
trees (`units.py`, next).
"""

from __future__ import annotations

import msgspec

from suture.model.fault import Fault, fault
from suture.wire.x12.codes import element_code, segment_code
from suture.wire.x12.elements import CHARACTER, ElementFinding, check_elements
from suture.wire.x12.envelope import SegmentError, TransactionSet
from suture.wire.x12.findings import Findings
from suture.wire.x12.guide import Choice, functional_groups
from suture.wire.x12.hierarchy import PARENT, Levels
from suture.wire.x12.matcher import Kind, Located, Matcher, OpenLoop, Problem
from suture.wire.x12.segment import Segment
from suture.wire.x12.sums import SumFinding, sums_of

_HIERARCHY = "HL"
_PROBLEM_TEXTS = {
    Kind.UNKNOWN: "{0} is none that X12 knows",
    Kind.FOREIGN: "{0} is no segment of this guide",
    Kind.UNEXPECTED: "{0} has no place here with this qualifier",
    Kind.MISSING: "{0} is missing",
    Kind.ORDER: "{0} stands after what it should come before",
    Kind.SEGMENT_TOO_MANY: "{0} occurs more often than the guide allows",
    Kind.LOOP_TOO_MANY: "the loop that {0} begins occurs more often than the guide allows",
}
_ELEMENT_TEXTS = {
    "x12.element.missing": "is empty",
    "x12.element.condition": "is empty, though others beside it are not",
    "x12.element.too_many": "and what follows it are more elements than the segment has",
    "x12.element.too_short": "is too short",
    "x12.element.too_long": "is too long",
    "x12.element.character": "is not of its type",
    "x12.element.code": "is no code that the guide has",
    "x12.element.date": "is not a date",
    "x12.element.time": "is not a time",
    "x12.element.exclusion": "may not stand beside others that are there",
}


class GuideLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one set may make the reader hold; beyond each cap reading goes on."""

    findings_max: int = 100
    """Faults and notes listed of a set, and of each unit in it; the rest is counted."""
    unit_segments_max: int = 50_000
    """Segments kept of one unit (a claim with its lines), or of what stands around units."""


class SetVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a guide says of one set: only when `faults` is empty is all of it fit to be booked."""

    guide: str
    """Name of the guide that the set was read by."""
    is_assumed: bool
    """True when the set names another version."""
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    errors: tuple[SegmentError, ...]
    """The same as a 999 tells it."""
    findings_dropped: int
    units_count: int


class Conformance:
    """Checks one set. Sans-IO: call `take` for each segment between ST and SE, then `finish`.

    `closed` holds the loops that the last call closed. What is found in a unit, such as a claim, is
    listed in its loop's own `findings` too.
    """

    def __init__(
        self, transaction_set: TransactionSet, choice: Choice, limits: GuideLimits | None = None
    ) -> None:
        limits = limits or GuideLimits()
        self._choice = choice
        self._matcher = Matcher(choice)
        self._sums = sums_of(choice.guide.name)
        self._watched = self._sums.watched if self._sums else frozenset[str]()
        self.levels = Levels()
        self._findings = Findings(limits.findings_max)
        self._findings_max = limits.findings_max
        self._units_count = 0
        self._check_header(transaction_set)

    @property
    def root(self) -> OpenLoop:
        """The set itself, as the loop around all others."""
        return self._matcher.root

    @property
    def innermost(self) -> OpenLoop:
        """The innermost open loop, in which the next segment most likely stands."""
        return self._matcher.loop

    @property
    def closed(self) -> list[OpenLoop]:
        """The loops that the last call closed, innermost first; emptied by the next."""
        return self._matcher.closed

    def take(self, segment: Segment) -> Located:
        """Check one segment and return its place."""
        matcher = self._matcher
        if matcher.closed:
            matcher.closed.clear()
        located = matcher.locate(segment)
        if matcher.problems:
            self._report(matcher.problems)
        if matcher.closed:
            self._close_units(matcher.closed)
        rule = located.rule
        if rule is None:
            return located
        for found in check_elements(segment, rule):
            self._add_element(located, found)
        if segment.id == _HIERARCHY:
            self._enter_level(located)
        if segment.id in self._watched and self._sums is not None:
            self._sums.take(located)
        return located

    def finish(self, ordinal: int) -> SetVerdict:
        """End the set, whose SE has this place in it, and give the verdict."""
        self._matcher.closed.clear()
        self._matcher.finish(ordinal)
        self._report(self._matcher.problems)
        self._close_units(self._matcher.closed)
        for code, segment, number in self.levels.finish():
            self._add_hierarchy(code, segment, number, f"segment[{segment.ordinal}]", "")
        if self._sums is not None:
            for found in self._sums.finish():
                self._add_sum(found, self._matcher.root)
        findings = self._findings
        return SetVerdict(
            guide=self._choice.guide.name,
            is_assumed=self._choice.is_assumed,
            faults=tuple(findings.faults),
            notes=tuple(findings.notes),
            errors=tuple(sorted(findings.errors, key=lambda each: each.position)),
            findings_dropped=findings.dropped,
            units_count=self._units_count,
        )

    def overflow(self, loop: OpenLoop, finding: Fault) -> None:
        """Refuse a unit of which not all could be kept."""
        self._findings_of(loop).add(finding)

    def _check_header(self, transaction_set: TransactionSet) -> None:
        """Compare ST01 with GS01, and tell when the guide is only assumed."""
        group = transaction_set.envelope.group.functional_id
        expected = functional_groups().get(transaction_set.set_id, frozenset())
        if group and group not in expected:
            self._findings.add(fault("x12.set.group", "ST-01"), note=True)
        if self._choice.is_assumed:
            explanation = f"read by the guide {self._choice.guide.name}"
            self._findings.add(fault("x12.guide.assumed", "ST-03", explanation), note=True)

    def _close_units(self, closed: list[OpenLoop]) -> None:
        for loop in closed:
            if not loop.is_unit:
                continue
            self._units_count += 1
            if self._sums is not None:
                for found in self._sums.close():
                    self._add_sum(found, loop)

    def _report(self, problems: list[Problem]) -> None:
        for problem in problems:
            finding = fault(
                problem.kind.value,
                problem.where,
                _PROBLEM_TEXTS[problem.kind].format(_name(problem)),
            )
            error = SegmentError(
                segment_id=problem.segment_id,
                position=problem.position,
                code=segment_code(finding.code),
                loop=problem.loop_id,
                business_unit=problem.loop.business_unit,
                trigger=problem.trigger,
            )
            self._add(finding, error, problem.loop, is_booked=problem.is_booked)
        problems.clear()

    def _add_element(self, located: Located, found: ElementFinding) -> None:
        segment = located.segment
        place = f"{found.number:02d}" + (f"-{found.component}" if found.component else "")
        text = f"{segment.id}{place} {_ELEMENT_TEXTS[found.code]}"
        error = SegmentError(
            segment_id=segment.id,
            position=segment.ordinal,
            code=segment_code(found.code),
            loop=located.loop.id,
            element=found.number,
            component=found.component,
            reference=found.reference,
            element_code=element_code(found.code),
            business_unit=located.loop.business_unit,
        )
        finding = fault(found.code, f"{located.where}-{place}", text)
        self._add(finding, error, located.loop, is_booked=found.is_booked)

    def _enter_level(self, located: Located) -> None:
        """Check HL01, HL02 and HL04; where levels nest in the guide HL02 names the one around."""
        loop, segment = located.loop, located.segment
        wrong = self.levels.enter(segment)
        outer = loop.parent.opening if loop.parent else None
        if outer is not None and outer.id == _HIERARCHY:
            wrong = [each for each in wrong if each[0] != PARENT]
            if segment.get(2) and segment.get(2) != outer.get(1):
                wrong.append((PARENT, segment, 2))
        for code, about, number in wrong:
            where = located.where if about is segment else f"segment[{about.ordinal}]"
            self._add_hierarchy(code, about, number, where, loop.id)

    def _add_hierarchy(
        self, code: str, segment: Segment, number: int, where: str, loop_id: str
    ) -> None:
        finding = fault(code, f"{where}-{number:02d}")
        error = SegmentError(
            segment_id=segment.id,
            position=segment.ordinal,
            code=segment_code(code),
            loop=loop_id,
            element=number,
            element_code=element_code(code),
        )
        self._add(finding, error, self._matcher.loop, is_booked=code == PARENT)

    def _add_sum(self, found: SumFinding, loop: OpenLoop) -> None:
        segment = found.segment
        error = SegmentError(
            segment_id=segment.id,
            position=segment.ordinal,
            code=segment_code(found.fault.code),
            loop=loop.id,
            element=found.number,
            element_code=element_code(found.fault.code),
            business_unit=loop.business_unit,
        )
        self._findings_of(loop).add(found.fault, error, note=not found.is_booked)

    def _add(self, finding: Fault, error: SegmentError, loop: OpenLoop, *, is_booked: bool) -> None:
        is_note = not is_booked or (self._choice.is_assumed and finding.code != CHARACTER)
        self._findings_of(loop).add(finding, error, note=is_note)

    def _findings_of(self, loop: OpenLoop) -> Findings:
        """Return the list of the unit that a loop is part of, which the set's own repeats."""
        unit = loop.unit
        if unit is None:
            return self._findings
        if unit.findings is None:
            unit.findings = Findings(self._findings_max, self._findings)
        return unit.findings


def _name(problem: Problem) -> str:
    """Name the segment of a problem: by its place where its id means nothing."""
    if problem.kind is Kind.UNKNOWN:
        return f"segment {problem.position}"
    return problem.segment_id
