"""X12: transaction sets, envelopes and acknowledgements, bytes and syntax trees. Streaming, pure.

`Reader` (or `read`) makes bytes into items: `InterchangeStart`, `GroupStart`, `SetStart`,
`Segment`, `SetEnd` and so on. `choose` finds the guide of a set (837, 271, 850 ...), by which
`read_units` makes its segments into units of business (claims, order lines) and a verdict;
`remittance.read_remittances` does so for the 835, with its balance. `acknowledge_interchange` and
`acknowledge_group` answer (TA1; 999 or 997); `render` and `build_interchange` write. What a set
means for the books is the translations' (`translate/x12_835.py`).
"""

from suture.wire.x12.acknowledge import (
    DUPLICATE_INTERCHANGE,
    SetReply,
    acknowledge_group,
    acknowledge_interchange,
    reply,
)
from suture.wire.x12.build import Address, GroupContent, SetContent, build_interchange, render
from suture.wire.x12.conformance import GuideLimits, SetVerdict
from suture.wire.x12.envelope import (
    BusinessUnit,
    Envelope,
    EnvelopeFault,
    Group,
    GroupEnd,
    GroupStart,
    Interchange,
    InterchangeEnd,
    InterchangeStart,
    Item,
    Junk,
    SegmentError,
    SetEnd,
    SetStart,
    SituationalTrigger,
    TechnicalAcknowledgement,
    TransactionSet,
)
from suture.wire.x12.guide import Choice, choose
from suture.wire.x12.matcher import Located
from suture.wire.x12.reader import Limits, Reader, read
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.separators import Separators
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd, locate_segments, read_units

__all__ = [
    "DUPLICATE_INTERCHANGE",
    "Address",
    "BusinessUnit",
    "Choice",
    "Envelope",
    "EnvelopeFault",
    "Group",
    "GroupContent",
    "GroupEnd",
    "GroupStart",
    "GuideLimits",
    "Interchange",
    "InterchangeEnd",
    "InterchangeStart",
    "Item",
    "Junk",
    "Limits",
    "Located",
    "LoopNode",
    "Reader",
    "Segment",
    "SegmentError",
    "Separators",
    "SetContent",
    "SetEnd",
    "SetReply",
    "SetStart",
    "SetVerdict",
    "SituationalTrigger",
    "TechnicalAcknowledgement",
    "TransactionSet",
    "Unit",
    "UnitsEnd",
    "acknowledge_group",
    "acknowledge_interchange",
    "build_interchange",
    "choose",
    "locate_segments",
    "read",
    "read_date",
    "read_units",
    "render",
    "reply",
]
