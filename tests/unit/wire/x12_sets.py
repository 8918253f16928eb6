"""Sets for the tests of the guides: segments written as text, read by their guide.

The envelope is left out where a test is not about it: `read_set` takes what stands between ST
and SE.
"""

from __future__ import annotations

from collections.abc import Iterable

from suture.wire.x12 import (
    Choice,
    GuideLimits,
    Located,
    Segment,
    Separators,
    SetVerdict,
    Unit,
    UnitsEnd,
    choose,
    locate_segments,
    read_units,
)
from suture.wire.x12.envelope import Envelope, Group, Interchange, TransactionSet

SEPARATORS = Separators("*", ":", "^", "~")


def a_set(set_id: str, version: str, functional_group: str = "") -> TransactionSet:
    """Return a transaction set of that kind."""
    group = Group(functional_id=functional_group, version=version)
    envelope = Envelope(Interchange(ordinal=1, separators=SEPARATORS), group)
    return TransactionSet(
        envelope=envelope, set_id=set_id, control_number="0001", version=version, ordinal=1
    )


def segments_of(text: str) -> list[Segment]:
    """Return the segments of `NM1*41*2*A~PER*IC`; line ends do not matter. ST is segment 1."""
    pieces = (piece.strip() for piece in text.split("~"))
    return [
        Segment(piece.split("*")[0], piece.split("*"), ordinal, 0, len(piece), SEPARATORS)
        for ordinal, piece in enumerate(filter(None, pieces), start=2)
    ]


def guide_of(set_id: str, version: str) -> Choice:
    """Return the guide of such sets, which must be there."""
    choice = choose(set_id, version)
    assert choice is not None
    return choice


def locate(text: str, set_id: str, version: str) -> tuple[list[Located], SetVerdict]:
    """Return each segment with its place, and the verdict."""
    items = list(
        locate_segments(segments_of(text), a_set(set_id, version), guide_of(set_id, version))
    )
    verdict = items.pop()
    assert isinstance(verdict, SetVerdict)
    return [item for item in items if isinstance(item, Located)], verdict


def read_set(
    text: str | Iterable[Segment], set_id: str, version: str, limits: GuideLimits | None = None
) -> tuple[list[Unit], UnitsEnd]:
    """Return the units of a set, and what ends it."""
    segments = segments_of(text) if isinstance(text, str) else text
    items = list(read_units(segments, a_set(set_id, version), guide_of(set_id, version), limits))
    end = items.pop()
    assert isinstance(end, UnitsEnd)
    return [item for item in items if isinstance(item, Unit)], end


def found(verdict: SetVerdict) -> list[tuple[str, str]]:
    """Return code and place of each finding, faults first."""
    return [(each.code, each.where) for each in (*verdict.faults, *verdict.notes)]


HEADER = (
    "BHT*0019*00*B1*20261102*0930*CH~NM1*41*2*CLINIC*****46*RB1~PER*IC*DESK*TE*5550100100~"
    "NM1*40*2*PLAN*****46*PHP01~"
)
PROVIDER = (
    "HL*1**20*1~NM1*85*2*CLINIC*****XX*1999999984~N3*1 RIVER ROAD~N4*SPRINGDALE*IL*62701~"
    "REF*EI*371234567~"
)
SUBSCRIBER = (
    "HL*2*1*22*0~SBR*P*18*******CI~NM1*IL*1*EXAMPLE*AVA****MI*M100~NM1*PR*2*PLAN*****PI*PHP01~"
)
CLAIM = "CLM*RB-1*150***11:B:1*Y*A*Y*Y~HI*ABK:J0190~"
LINE = "LX*1~SV1*HC:99213*150*UN*1***1~DTP*472*D8*20261015~"
PROFESSIONAL = HEADER + PROVIDER + SUBSCRIBER + CLAIM + LINE
"""A whole professional claim (837P): BHT is segment 2, CLM 15, SV1 18."""

P = ("837", "005010X222A1")
"""Set and version of professional claims."""
