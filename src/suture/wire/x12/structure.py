"""Segments into a file's structure: ISA, GS, ST to SE, GE, IEA counted and compared (SNIP level 1).

Here: every check of X12.5 and X12.6 on the envelope: SE01, GE01 and IEA01 counts, ST02/SE02,
GS06/GE02 and ISA13/IEA02, repeated ST02 in a group and GS06 in an interchange, missing headers and
trailers (B27, B33). Not here: bytes (`reader.py`, which drives this) or what a set means
(`remittance.py`).
"""

from __future__ import annotations

from typing import Literal

from suture.model.fault import Fault, fault
from suture.wire.x12.elements import check_elements
from suture.wire.x12.envelope import (
    Envelope,
    EnvelopeFault,
    Group,
    GroupEnd,
    GroupStart,
    Interchange,
    InterchangeEnd,
    InterchangeStart,
    Item,
    SegmentError,
    SetEnd,
    SetStart,
    TechnicalAcknowledgement,
    TransactionSet,
    is_control_number,
)
from suture.wire.x12.findings import Findings
from suture.wire.x12.guide import acknowledgement_rule
from suture.wire.x12.segment import Segment
from suture.wire.x12.separators import Header, Separators

Reason = Literal["ended", "followed", "unusable"]
"""Why a trailer is missing: the input ended, another header followed, or nothing can be cut."""

_COUNT_DIGITS_MAX = 10
_TRAILER_ELEMENTS = 2
_INTERCHANGE_CONTROLS = frozenset(("ISB", "ISE", "TA3", "TXI", "SVA"))
"""Segments that X12.5 allows between ISA and GS besides TA1; they say nothing Suture needs."""

_ENDS = {"SE": "ST", "GE": "GS", "IEA": "ISA"}


class Structure:
    """The open interchange, group and set of a reader; appends items to `items`."""

    def __init__(
        self, items: list[Item], *, findings_max: int, control_numbers_max: int, strict: bool
    ) -> None:
        self.items = items
        self.ordinal = 0
        """Segments of the open set so far, ST included."""
        self.interchanges_count = 0
        self._findings_max = findings_max
        self._control_numbers_max = control_numbers_max
        self._strict = strict
        self._sets_count = 0
        self._interchange: Interchange | None = None
        self._group: Group | None = None
        self._set: TransactionSet | None = None
        self._of_interchange = Findings(findings_max)
        self._of_group = Findings(findings_max)
        self._of_set = Findings(findings_max)
        self._groups_in_interchange = 0
        self._answers_count = 0
        self._sets_in_group = 0
        self._group_numbers: set[str] = set()
        self._set_numbers: set[str] = set()

    @property
    def is_set_open(self) -> bool:
        """True between ST and SE."""
        return self._set is not None

    @property
    def is_open(self) -> bool:
        """True between ISA (or the start of a fragment) and IEA."""
        return self._interchange is not None

    def open_interchange(self, header: Header, offset: int) -> None:
        """Start an interchange from its ISA."""
        elements = [value.strip(" ") for value in header.elements]
        separators = header.separators
        raw = separators.element.join(header.elements)
        self._start_interchange(
            Interchange(
                ordinal=self.interchanges_count + 1,
                separators=separators,
                line_end=header.line_end,
                sender_qualifier=elements[5],
                sender_id=elements[6],
                receiver_qualifier=elements[7],
                receiver_id=elements[8],
                date=elements[9],
                time=elements[10],
                version=elements[12],
                control_number=elements[13],
                is_acknowledgement_requested=elements[14] == "1",
                usage=elements[15],
                raw=raw,
            ),
            Segment("ISA", list(header.elements), 0, offset, len(raw), separators),
            header.faults,
            header.notes,
        )

    def open_fragment(self, separators: Separators) -> None:
        """Start an interchange that has no ISA: it is read and shown, and always rejected."""
        interchange = Interchange(ordinal=self.interchanges_count + 1, separators=separators)
        absent = fault("x12.interchange.absent", interchange.where)
        self._start_interchange(interchange, None, (absent,), ())

    def _start_interchange(
        self,
        interchange: Interchange,
        segment: Segment | None,
        faults: tuple[Fault, ...],
        notes: tuple[Fault, ...],
    ) -> None:
        self.interchanges_count += 1
        self._interchange = interchange
        self._of_interchange = Findings(self._findings_max)
        self._of_interchange.faults.extend(faults)
        self._of_interchange.notes.extend(notes)
        self._groups_in_interchange = 0
        self._answers_count = 0
        self._group_numbers = set()
        self.items.append(InterchangeStart(interchange, segment, faults, notes))

    def take(self, elements: list[str], offset: int, length: int) -> None:
        """Place one segment of the open interchange: in the open set, or as the envelope's own."""
        interchange = self._interchange
        if interchange is None:
            return
        name = elements[0]
        in_set = self._set is not None
        ordinal = 1 if name == "ST" else self.ordinal + 1 if in_set else 0
        segment = Segment(name, elements, ordinal, offset, length, interchange.separators)
        if name == "ST":
            self._open_set(interchange, segment)
        elif name == "GS":
            self._open_group(interchange, segment)
        elif name == "GE":
            self._close_group(segment)
        elif name == "IEA":
            self.close_interchange(segment)
        elif name == "SE" and in_set:
            self.ordinal += 1
            self._close_set(segment)
        elif in_set:
            self.ordinal += 1
            self.items.append(segment)
        elif name == "TA1":
            self._acknowledged(interchange, segment)
        elif name in _INTERCHANGE_CONTROLS:
            self.items.append(segment)
        else:
            self._stray(offset)

    def is_whole_trailer(self, elements: list[str]) -> bool:
        """Tell whether a last segment that lost its terminator is a whole SE, GE or IEA.

        Cut short, its element 02 would be only the beginning of the number it must repeat.
        """
        opened = {"SE": self._set, "GE": self._group, "IEA": self._interchange}.get(elements[0])
        if opened is None or len(elements) <= _TRAILER_ELEMENTS:
            return False
        told, number = elements[_TRAILER_ELEMENTS], opened.control_number
        return told == number or not number.startswith(told)

    def find(
        self, code: str, name: str, error_code: str, element_code: str = "", *, note: bool = False
    ) -> None:
        """Record a finding about the segment that comes next: of the open set, or between sets."""
        if self._set is None:
            where = self._interchange.where if self._interchange else "ISA[0]"
            self._of_interchange.add(fault(code, where), note=note)
            return
        position = self.ordinal + 1
        error = SegmentError(
            segment_id=name, position=position, code=error_code, element_code=element_code
        )
        where = f"{self._set.where}/segment[{position}]"
        self._of_set.add(fault(code, where), error, note=note)

    def close_interchange(self, segment: Segment | None, reason: Reason = "followed") -> None:
        """End the interchange at its IEA, or without one for that reason."""
        interchange = self._interchange
        if interchange is None:
            return
        self._close_group(None, reason)
        findings = self._of_interchange
        count = self._groups_in_interchange
        if segment is not None and interchange.raw:
            # Where a TA1 comes alone, IEA01 counts it, or counts no groups: both occur.
            is_told = not count and _count(segment.get(1)) == self._answers_count
            self._check_trailer(
                findings,
                segment,
                interchange.where,
                interchange.control_number,
                self._answers_count if is_told else count,
                ("x12.interchange.group_count", "x12.interchange.control_number"),
            )
        elif segment is None and interchange.raw:
            codes = ("x12.interchange.truncated", "x12.interchange.trailer_absent")
            self._add_missing(findings, interchange.where, codes, reason)
        self._interchange = None
        self.items.append(
            InterchangeEnd(
                interchange, segment, count, tuple(findings.faults), tuple(findings.notes)
            )
        )

    def _open_group(self, interchange: Interchange, segment: Segment) -> None:
        self._close_group(None)
        self._groups_in_interchange += 1
        get = segment.get
        self._group = group = Group(
            ordinal=self._groups_in_interchange,
            functional_id=get(1).strip(" "),
            sender_code=get(2).strip(" "),
            receiver_code=get(3).strip(" "),
            date=get(4),
            time=get(5),
            control_number=get(6),
            version=get(8),
            raw=interchange.separators.element.join(segment.elements),
        )
        self._of_group = Findings(self._findings_max)
        self._sets_in_group = 0
        self._set_numbers = set()
        if self._is_repeated(group.control_number, self._group_numbers):
            self._of_group.add(fault("x12.group.duplicate", group.where))
        self.items.append(GroupStart(Envelope(interchange, group), segment))

    def _close_group(self, segment: Segment | None, reason: Reason = "followed") -> None:
        self._close_set(None, reason)
        group, interchange = self._group, self._interchange
        if group is None or interchange is None:
            if segment is not None:
                self._stray(segment.offset)
            return
        findings = self._of_group
        if segment is not None:
            self._check_trailer(
                findings,
                segment,
                group.where,
                group.control_number,
                self._sets_in_group,
                ("x12.group.set_count", "x12.group.control_number"),
            )
        else:
            codes = ("x12.group.truncated", "x12.group.trailer_absent")
            self._add_missing(findings, group.where, codes, reason)
        self._group = None
        self.items.append(
            GroupEnd(
                Envelope(interchange, group),
                segment,
                self._sets_in_group,
                tuple(findings.faults),
                tuple(findings.notes),
            )
        )

    def _open_set(self, interchange: Interchange, segment: Segment) -> None:
        self._close_set(None)
        group = self._group or Group()
        self._sets_count += 1
        self._sets_in_group += 1
        get = segment.get
        self._set = opened = TransactionSet(
            envelope=Envelope(interchange, group),
            set_id=get(1).strip(" "),
            control_number=get(2).strip(" "),
            version=get(3).strip(" ") or group.version,
            implementation=get(3).strip(" "),
            ordinal=self._sets_count,
        )
        self.ordinal = 1
        self._of_set = findings = Findings(self._findings_max)
        if self._group is None and interchange.raw:
            findings.add(fault("x12.group.absent", opened.where))
        if not (opened.set_id and is_control_number(opened.control_number)):
            findings.add(fault("x12.set.header", opened.where))
        elif self._is_repeated(opened.control_number, self._set_numbers):
            findings.add(fault("x12.set.duplicate", opened.where))
        self.items.append(SetStart(opened, segment))

    def _close_set(self, segment: Segment | None, reason: Reason = "followed") -> None:
        closing = self._set
        if closing is None:
            return
        findings = self._of_set
        if segment is not None:
            self._check_trailer(
                findings,
                segment,
                closing.where,
                closing.control_number,
                self.ordinal,
                ("x12.set.segment_count", "x12.set.control_number"),
            )
        elif reason == "ended":
            findings.add(fault("x12.set.truncated", closing.where))
        else:
            findings.add(fault("x12.set.trailer_absent", closing.where))
        self._set = None
        self.items.append(
            SetEnd(
                transaction_set=closing,
                segment=segment,
                segments_count=self.ordinal,
                faults=tuple(findings.faults),
                notes=tuple(findings.notes),
                findings_dropped=findings.dropped,
                errors=tuple(findings.errors),
            )
        )

    def _check_trailer(
        self,
        findings: Findings,
        segment: Segment,
        where: str,
        control_number: str,
        count: int,
        codes: tuple[str, str],
    ) -> None:
        """Compare 01 with what was counted and 02 with the header's control number (B27)."""
        told = _count(segment.get(1))
        if told != count:
            said = "does not say a number" if told is None else f"says {told}"
            explanation = f"{segment.id}01 {said}, {count} arrived"
            findings.add(fault(codes[0], f"{where}/{segment.id}-01", explanation))
        if not _is_same_number(segment.get(2), control_number, segment.id):
            explanation = f"{segment.id}02 differs from the number in {_ENDS[segment.id]}"
            findings.add(fault(codes[1], f"{where}/{segment.id}-02", explanation))

    def _add_missing(
        self, findings: Findings, where: str, codes: tuple[str, str], reason: Reason
    ) -> None:
        """Record a missing GE or IEA.

        When the input just ends, its whole sets stand: each proved itself by its SE (a fault only
        when strict, B33). When something else follows, the sender's envelope is wrong and nothing
        in it stands (B27).
        """
        truncated, absent = codes
        if reason == "ended":
            findings.add(fault(truncated, where), note=not self._strict)
        elif reason == "followed":
            findings.add(fault(absent, where))

    def _acknowledged(self, interchange: Interchange, segment: Segment) -> None:
        self._answers_count += 1
        for found in check_elements(segment, acknowledgement_rule()):
            where = f"{interchange.where}/TA1-{found.number:02d}"
            self._of_interchange.add(fault(found.code, where), note=True)
        self.items.append(
            TechnicalAcknowledgement(
                interchange=interchange,
                segment=segment,
                control_number=segment.get(1),
                code=segment.get(4),
                note=segment.get(5),
            )
        )

    def _stray(self, offset: int) -> None:
        """Report a segment that stands between sets: it may be a claim that a broken SE cut off."""
        if self._interchange is None or not self._interchange.raw:
            return  # A fragment is rejected as a whole.
        finding = fault("x12.envelope.stray_segment", f"byte {offset}")
        findings = self._of_group if self._group is not None else self._of_interchange
        if not any(each.code == finding.code for each in findings.faults):
            findings.add(finding)
            self.items.append(EnvelopeFault(finding, offset))

    def _is_repeated(self, number: str, seen: set[str]) -> bool:
        """Tell whether a number was seen; beyond the cap (Limits) no more are remembered."""
        if number in seen:
            return True
        if len(seen) < self._control_numbers_max:
            seen.add(number)
        return False


def _count(text: str) -> int | None:
    text = text.strip(" ")
    if text.isascii() and text.isdigit() and len(text) <= _COUNT_DIGITS_MAX:
        return int(text)
    return None


def _is_same_number(trailer: str, header: str, trailer_id: str) -> bool:
    """Compare control numbers: ST02 as text, GS06 and ISA13 as the numbers they are (type N0)."""
    trailer, header = trailer.strip(" "), header.strip(" ")
    if trailer_id == "SE" or not (trailer.isdigit() and header.isdigit()):
        return trailer == header
    return trailer.lstrip("0") == header.lstrip("0")
