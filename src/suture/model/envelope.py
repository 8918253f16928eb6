"""What stands around a fact that is told to another system: who tells whom, under which number.

A renderer takes it as it is; the engine fills it (`engine/telling.py`). HL7 v2 MSH, X12 ISA and GS.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal

import msgspec

ContentType = Literal[
    "application/hl7-v2+er7",
    "application/fhir+json",
    "application/edi-x12",
    "application/json",
    "application/cloudevents+json",
    "application/xml",
]
"""What a message that goes out is, as its receiver is told where its protocol has a place."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says of itself, which no fact knows."""

    control_id: str
    """MSH-10: the key that every sending of one fact to one receiver bears."""
    control_number: int
    """ISA13 and GS06: 1 to 999,999,999."""
    sent_at_ms: int
    recorded_at_ms: int
    """When the fact was received, by which the receiver orders what it hears (EVN-2)."""
    zone: tzinfo
    """On whose clock moments are written."""
    sending_application: str = "SUTURE"
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    processing: Literal["P", "T"] = "P"
    """MSH-11 and ISA15."""
