"""One claim of an 835 while it is being read: CLP, its own CAS, then each SVC with its CAS.

Here: amounts read, adjustments collected, the line's and the claim's equation checked as each
closes. Not here: which segment opens or closes a claim, and the sums over all of them
(`remittance.py`).
"""

from __future__ import annotations

from suture.model.fault import Fault, fault
from suture.model.money import MINOR_PER_MAJOR, parse_amount_x12
from suture.wire.x12.balance import unbalanced_claim, unbalanced_service
from suture.wire.x12.envelope import SegmentError
from suture.wire.x12.findings import Findings
from suture.wire.x12.loops import PREDETERMINATION, Adjustment, ClaimLoop, ServiceLine
from suture.wire.x12.segment import Segment

_CLAIM_LOOP = "2100"
_LINE_LOOP = "2110"
_GROUPS = frozenset(("CO", "PR", "OA", "PI", "CR"))
_CLAIM_ELEMENTS = 10
_TRIPLET = 3
_SIX_TRIPLETS_END = 20
_MISSING = "1"
_INVALID_CHARACTER = "6"
_ELEMENT_ERRORS = "8"
_USUAL_LENGTH_MAX = 15


def parse_amount(text: str) -> int | None:
    """Read an amount as `parse_amount_x12` does, its two usual forms at a third of the cost.

    Ten amounts a claim are half the work of reading it; `12.50` and `12` need no grammar.
    """
    if len(text) <= _USUAL_LENGTH_MAX and text.isascii():
        if text[-3:-2] == "." and (digits := text[:-3] + text[-2:]).isdigit():
            return int(digits)
        if text.isdigit():
            return int(text) * MINOR_PER_MAJOR
    return parse_amount_x12(text)


def unreadable_amount(
    segment: Segment, number: int, where: str, loop: str
) -> tuple[Fault, SegmentError]:
    """Say that an element which must hold an amount is empty or holds something else."""
    is_empty = not segment.get(number)
    explanation = f"{segment.id}{number:02d} is {'empty' if is_empty else 'not an amount'}"
    error = SegmentError(
        segment_id=segment.id,
        position=segment.ordinal,
        code=_ELEMENT_ERRORS,
        loop=loop,
        element=number,
        element_code=_MISSING if is_empty else _INVALID_CHARACTER,
    )
    return fault("x12.835.amount.unreadable", f"{where}-{number:02d}", explanation), error


class Adjusted:
    """A claim (`line` 0) or one of its service lines, whose CAS segments are being read.

    It is handed its claim's findings rather than holding them: no reference cycle, nothing for the
    collector.
    """

    __slots__ = (
        "_cas_count",
        "_claim",
        "_line",
        "adjusted_minor",
        "adjustments",
        "is_readable",
        "segments",
    )

    def __init__(self, segment: Segment, claim: int, line: int) -> None:
        self.segments = [segment]
        self.adjustments: list[Adjustment] = []
        self.adjusted_minor = 0
        self.is_readable = True
        self._claim = claim
        self._line = line
        self._cas_count = 0

    @property
    def where(self) -> str:
        """Path of the loop: `CLP[3]/SVC[2]`."""
        line = f"/SVC[{self._line}]" if self._line else ""
        return f"CLP[{self._claim}]{line}"

    def amount(self, number: int, owner: OpenClaim) -> int:
        """Read an amount of the loop's first segment; 0, with a fault, when it cannot be read."""
        segment = self.segments[0]
        elements = segment.elements
        amount = parse_amount(elements[number]) if number < len(elements) else None
        if amount is None:
            self._refuse(segment, number, self.where, owner)
            return 0
        return amount

    def adjust(self, segment: Segment, owner: OpenClaim) -> None:
        """Read one CAS: a group and up to six triplets of reason, amount and quantity."""
        elements = segment.elements
        count = len(elements)
        claim, line = self._claim, self._line
        self._cas_count = ordinal = self._cas_count + 1
        self.segments.append(segment)
        group = elements[1] if count > 1 else ""
        if group not in _GROUPS:
            self._note("x12.835.adjustment.group", ordinal, 1, owner)
        for number in range(2, count, _TRIPLET):
            reason = elements[number]
            text = elements[number + 1] if number + 1 < count else ""
            amount = parse_amount(text)
            if amount is None:
                if reason or text:
                    self._refuse(segment, number + 1, f"{self.where}/CAS[{ordinal}]", owner)
                continue
            quantity = elements[number + 2] if number + 2 < count else ""
            self.adjusted_minor += amount
            self.adjustments.append(
                Adjustment(group, reason, amount, quantity, claim, line, ordinal, number + 1)
            )
        if count > _SIX_TRIPLETS_END and any(elements[_SIX_TRIPLETS_END:]):
            self._note("x12.835.adjustment.too_many", ordinal, _SIX_TRIPLETS_END, owner)

    def _refuse(self, segment: Segment, number: int, where: str, owner: OpenClaim) -> None:
        self.is_readable = False
        loop = _LINE_LOOP if self._line else _CLAIM_LOOP
        finding, error = unreadable_amount(segment, number, where, loop)
        owner.findings.add(finding, error)

    def _note(self, code: str, ordinal: int, number: int, owner: OpenClaim) -> None:
        path = f"{self.where}/CAS[{ordinal}]-{number:02d}"
        owner.findings.add(fault(code, path), note=True)


class OpenClaim:
    """The claim being read. `innermost` is what a CAS adjusts and what other segments belong to."""

    __slots__ = (
        "_claim",
        "_findings",
        "_findings_max",
        "_lines",
        "_overall",
        "adjusted_minor",
        "innermost",
        "is_readable",
        "is_unbalanced",
        "lines_unbalanced",
        "ordinal",
    )

    def __init__(
        self, segment: Segment, ordinal: int, overall: Findings, findings_max: int
    ) -> None:
        self.ordinal = ordinal
        self._overall = overall
        self._findings: Findings | None = None
        self._findings_max = findings_max
        self._claim = self.innermost = Adjusted(segment, self.ordinal, 0)
        self._lines: list[ServiceLine] = []
        self.adjusted_minor = 0
        """Sum of every CAS of the claim and its lines, once closed."""
        self.is_readable = True
        """False when an amount could not be read: the equations it stands in were not checked."""
        self.is_unbalanced = False
        """True when the claim's own equation fails."""
        self.lines_unbalanced = 0

    @property
    def findings(self) -> Findings:
        """The claim's own findings, which the remittance lists too; made when there is one."""
        if self._findings is None:
            self._findings = Findings(self._findings_max, self._overall)
        return self._findings

    def open_line(self, segment: Segment) -> None:
        """Open a service line (SVC), closing the one before."""
        self._close_line()
        self.innermost = Adjusted(segment, self.ordinal, len(self._lines) + 1)

    def close(self) -> ClaimLoop:
        """Close the claim and return it, its equation checked."""
        self._close_line()
        claim = self._claim
        elements = claim.segments[0].elements
        if len(elements) < _CLAIM_ELEMENTS:
            elements = elements + [""] * (_CLAIM_ELEMENTS - len(elements))
        charge_minor = claim.amount(3, self)
        paid_minor = claim.amount(4, self)
        responsibility_minor = claim.amount(5, self) if elements[5] else 0
        status = elements[2]
        self._check(charge_minor, paid_minor, is_predetermination=status == PREDETERMINATION)
        adjustments = claim.adjustments
        for line in self._lines:
            adjustments += line.adjustments
        return ClaimLoop(
            segments=tuple(claim.segments),
            ordinal=self.ordinal,
            claim_id=elements[1],
            status=status,
            charge_minor=charge_minor,
            paid_minor=paid_minor,
            patient_responsibility_minor=responsibility_minor,
            filing_indicator=elements[6],
            payer_claim_id=elements[7],
            facility_type=elements[8],
            frequency=elements[9],
            adjustments=tuple(adjustments),
            lines=tuple(self._lines),
            faults=tuple(self._findings.faults) if self._findings else (),
        )

    def _check(self, charge_minor: int, paid_minor: int, *, is_predetermination: bool) -> None:
        claim = self._claim
        self.adjusted_minor += claim.adjusted_minor
        self.is_readable = self.is_readable and claim.is_readable
        excess_minor = charge_minor - self.adjusted_minor - paid_minor
        if excess_minor and self.is_readable:
            self.is_unbalanced = True
            self.findings.add(unbalanced_claim(excess_minor, claim.where))
        if is_predetermination and paid_minor:
            path = f"{claim.where}-04"
            self.findings.add(fault("x12.835.claim.predetermination_paid", path), note=True)

    def _close_line(self) -> None:
        line = self.innermost
        if line is self._claim:
            return
        self.innermost = self._claim
        charge_minor = line.amount(2, self)
        paid_minor = line.amount(3, self)
        self.adjusted_minor += line.adjusted_minor
        excess_minor = charge_minor - line.adjusted_minor - paid_minor
        if not line.is_readable:
            self.is_readable = False
        elif excess_minor:
            self.lines_unbalanced += 1
            self.findings.add(unbalanced_service(excess_minor, line.where))
        self._lines.append(
            ServiceLine(
                segments=tuple(line.segments),
                ordinal=len(self._lines) + 1,
                charge_minor=charge_minor,
                paid_minor=paid_minor,
                adjustments=tuple(line.adjustments),
            )
        )
