"""What surrounds a transaction set (ISA, GS, ST), and the items a file is read into.

Here: the contexts `Interchange`, `Group`, `Envelope`, `TransactionSet` and the union `Item`. Not
here: who checks the counts and control numbers (`structure.py`) or makes the bytes into segments
(`reader.py`).

The rule for whoever posts: a transaction set counts only if its `SetEnd`, its `GroupEnd` and its
`InterchangeEnd` all carry no `faults`. `notes` are findings that did not stop it.
"""

from __future__ import annotations

import re

import msgspec

from suture.model.fault import Fault
from suture.wire.x12.segment import Segment
from suture.wire.x12.separators import DEFAULT, Separators

_CONTROL_NUMBER = re.compile(r"[0-9A-Za-z]{1,9}", re.ASCII)


def is_control_number(text: str) -> bool:
    """Tell whether a text can be a control number: 1 to 9 letters and digits (ST02: AN 4/9).

    ISA13 and GS06 are digits, ST02 letters too; shorter ones than the standard's are sent. Anything
    else is free text, may name a patient, and is repeated nowhere.
    """
    return _CONTROL_NUMBER.fullmatch(text) is not None


class Interchange(msgspec.Struct, frozen=True, kw_only=True):
    """ISA to IEA: who sends to whom. Values are trimmed; a fragment (from GS or ST on) has none."""

    ordinal: int
    """1-based in the input."""
    separators: Separators = DEFAULT
    line_end: str = ""
    sender_qualifier: str = ""
    """ISA05."""
    sender_id: str = ""
    """ISA06."""
    receiver_qualifier: str = ""
    """ISA07."""
    receiver_id: str = ""
    """ISA08."""
    date: str = ""
    """ISA09, YYMMDD."""
    time: str = ""
    """ISA10, HHMM."""
    version: str = ""
    """ISA12: 00401, 00501."""
    control_number: str = ""
    """ISA13."""
    is_acknowledgement_requested: bool = False
    """ISA14: the sender wants a TA1."""
    usage: str = ""
    """ISA15: P production, T test."""
    raw: str = ""
    """The ISA segment as received, without its terminator; "" when the input starts at GS or ST."""

    @property
    def where(self) -> str:
        """The interchange in a fault's path."""
        return _where("ISA13", self.control_number, "ISA", self.ordinal)


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """GS to GE: transaction sets of one kind. All values are "" for a set outside any group."""

    ordinal: int = 0
    """1-based in its interchange; 0 outside any group."""
    functional_id: str = ""
    """GS01: HP for the 835."""
    sender_code: str = ""
    """GS02."""
    receiver_code: str = ""
    """GS03."""
    date: str = ""
    """GS04, CCYYMMDD."""
    time: str = ""
    """GS05."""
    control_number: str = ""
    """GS06."""
    version: str = ""
    """GS08, the guide: 005010X221A1."""
    raw: str = ""

    @property
    def where(self) -> str:
        """The group in a fault's path."""
        return _where("GS06", self.control_number, "GS", self.ordinal)


class Envelope(msgspec.Struct, frozen=True):
    """The context of a transaction set."""

    interchange: Interchange
    group: Group

    @property
    def separators(self) -> Separators:
        """What the interchange is cut with."""
        return self.interchange.separators


class TransactionSet(msgspec.Struct, frozen=True, kw_only=True):
    """ST to SE: one business document."""

    envelope: Envelope
    set_id: str
    """ST01: 835."""
    control_number: str
    """ST02."""
    version: str
    """The guide: ST03, or GS08 where ST has only two elements (4010)."""
    implementation: str = ""
    """ST03 as sent, which AK203 repeats; "" where there is none (4010, 835)."""
    ordinal: int
    """1-based in the input."""

    @property
    def where(self) -> str:
        """The set in a fault's path: `ST02=0001`; its ordinal where that is no control number."""
        return _where("ST02", self.control_number, "ST", self.ordinal)


class BusinessUnit(msgspec.Struct, frozen=True):
    """What a 999 names a claim or payment by (CTX01): `CLM01` and the number its sender gave it.

    It goes back to that sender and nowhere else: the value does not show when it is printed.
    """

    name: str
    value: str

    def __repr__(self) -> str:
        return f"BusinessUnit({self.name})"


class SituationalTrigger(msgspec.Struct, frozen=True):
    """The element that makes a situational segment required (CTX02 to CTX05)."""

    segment_id: str
    position: int
    loop: str
    element: int
    component: int
    """0 for the whole element."""


class SegmentError(msgspec.Struct, frozen=True, kw_only=True):
    """What a 999 says about one segment (IK3) and, where it is about one, its element (IK4)."""

    segment_id: str
    position: int
    """IK302: place in the set, ST is 1."""
    code: str
    """IK304: 1 unrecognised, 2 unexpected, 3 mandatory missing, 8 has element errors ..."""
    loop: str = ""
    """IK303: 2100."""
    element: int = 0
    """IK401-1; 0 when the error is about the whole segment."""
    component: int = 0
    """IK401-2; 0 when it is about the whole element."""
    reference: str = ""
    """IK402: number of the data element."""
    element_code: str = ""
    """IK403: 1 missing, 5 too long, 6 invalid character ..."""
    business_unit: BusinessUnit | None = None
    """CTX: the claim or payment that it stands in."""
    trigger: SituationalTrigger | None = None
    """CTX: the element that makes a missing segment required."""


class InterchangeStart(msgspec.Struct, frozen=True):
    """An ISA was read, or the input starts inside an interchange."""

    interchange: Interchange
    segment: Segment | None
    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()


class InterchangeEnd(msgspec.Struct, frozen=True):
    """An IEA was read, or assumed (`segment` is then None). Any fault rejects all its sets."""

    interchange: Interchange
    segment: Segment | None
    groups_count: int
    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()


class TechnicalAcknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """A TA1: what the other side said about an interchange that we sent."""

    interchange: Interchange
    segment: Segment
    control_number: str
    """TA101: ISA13 of the interchange it answers."""
    code: str
    """TA104: A accepted, E accepted with errors, R rejected."""
    note: str
    """TA105: 000, or why."""


class GroupStart(msgspec.Struct, frozen=True):
    """A GS was read."""

    envelope: Envelope
    segment: Segment


class GroupEnd(msgspec.Struct, frozen=True):
    """A GE was read, or assumed (`segment` is then None). Any fault rejects all its sets."""

    envelope: Envelope
    segment: Segment | None
    sets_count: int
    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()


class SetStart(msgspec.Struct, frozen=True):
    """An ST was read; the `Segment` items up to `SetEnd` are the set's."""

    transaction_set: TransactionSet
    segment: Segment


class SetEnd(msgspec.Struct, frozen=True, kw_only=True):
    """An SE was read, or assumed (`segment` is then None). Any fault rejects this set alone."""

    transaction_set: TransactionSet
    segment: Segment | None
    segments_count: int
    """ST to SE as counted; SE01 says the same in a whole set."""
    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()
    findings_dropped: int = 0
    """Findings beyond `Limits.findings_max`, counted only."""
    errors: tuple[SegmentError, ...] = ()
    """The same findings as a 999 tells them, where they concern one segment."""


class Junk(msgspec.Struct, frozen=True):
    """Bytes that belong to no interchange: text before the first ISA, half a segment at the end."""

    offset: int
    length: int
    fault: Fault


class EnvelopeFault(msgspec.Struct, frozen=True):
    """A finding about the input as a whole, or a segment that stands where none may."""

    fault: Fault
    offset: int


Item = (
    Segment
    | InterchangeStart
    | GroupStart
    | SetStart
    | SetEnd
    | GroupEnd
    | InterchangeEnd
    | TechnicalAcknowledgement
    | Junk
    | EnvelopeFault
)


def _where(element: str, control_number: str, segment_id: str, ordinal: int) -> str:
    """Name an envelope by its control number if that is one: damaged bytes could hold anything."""
    if is_control_number(control_number):
        return f"{element}={control_number}"
    return f"{segment_id}[{ordinal}]"
