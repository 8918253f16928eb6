"""X12: remittances (835), envelopes and acknowledgements, bytes and syntax trees. Streaming, pure.

`Reader` (or `read`) makes bytes into items: `InterchangeStart`, `GroupStart`, `SetStart`,
`Segment`, `SetEnd` and so on; `remittance.read_remittances` replaces the segments of each 835 by
its claims and the verdict on its balance; `acknowledge_interchange` and `acknowledge_group` answer
(TA1, 999); `render` and `build_interchange` write. What a set means for the books is the
translations' (`translate/x12_835.py`).
"""

from suture.wire.x12.acknowledge import (
    DUPLICATE_INTERCHANGE,
    SetReply,
    acknowledge_group,
    acknowledge_interchange,
    reply,
)
from suture.wire.x12.build import Address, GroupContent, SetContent, build_interchange, render
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
    Junk,
    SegmentError,
    SetEnd,
    SetStart,
    TechnicalAcknowledgement,
    TransactionSet,
)
from suture.wire.x12.reader import Limits, Reader, read
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.separators import Separators

__all__ = [
    "DUPLICATE_INTERCHANGE",
    "Address",
    "Envelope",
    "EnvelopeFault",
    "Group",
    "GroupContent",
    "GroupEnd",
    "GroupStart",
    "Interchange",
    "InterchangeEnd",
    "InterchangeStart",
    "Item",
    "Junk",
    "Limits",
    "Reader",
    "Segment",
    "SegmentError",
    "Separators",
    "SetContent",
    "SetEnd",
    "SetReply",
    "SetStart",
    "TechnicalAcknowledgement",
    "TransactionSet",
    "acknowledge_group",
    "acknowledge_interchange",
    "build_interchange",
    "read",
    "read_date",
    "render",
    "reply",
]
