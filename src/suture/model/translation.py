"""Translations: what one message means, before anything is stored or decided.

Made by the modules in `translate/`, read by intake and by `suture trace`. The verdict is the
message's status: accepted (its facts go into the log), held (we keep the bytes and open an
exception) or rejected (framing or identity unusable).
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal

import msgspec

from suture.model.account import LineNumbers
from suture.model.event import Fact
from suture.model.fault import Fault, fault
from suture.model.identity import Tokenizer
from suture.model.overlay import Overlay
from suture.model.schema import Schema

Status = Literal["accepted", "held", "rejected"]
Format = Literal["hl7v2", "x12", "fhir", "tabular", "bank", "unknown"]

UNREADABLE_TYPE = "unreadable"
"""The type of a message that names none: what stands where a type belongs may be anything."""

AckPolicy = Literal["stored", "understood"]
"""What a positive acknowledgement says: that we hold the bytes, whatever is in them; or that there
was nothing in them to hold the message for, either."""

PRODUCTION = "P"
_PROCESSING_KINDS = {"P": "production", "T": "a test", "D": "debugging"}
"""HL7 table 0103; X12 ISA15 has P and T."""


class X12Replies(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender of X12 is told back: the table `[x12]` of a source."""

    acknowledge: Literal["always", "rejected"] = "always"
    """Each group gets its 999 or 997, or those of an interchange in which a set was rejected."""
    tells_claims: bool = False
    """A 999 names the claim that an error is in by its sender's number (CTX)."""
    acknowledges_claims: bool = False
    """An 837 is answered claim by claim (277CA), with the names and numbers that it told."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What translation must know about the source a message came through."""

    source: str
    zone: tzinfo
    """Time zone of timestamps that carry no offset."""
    tokenizer: Tokenizer
    authority: str = ""
    """Scope of patient, account and visit numbers: systems that share numbers share an
    authority."""
    charset: str = "utf-8"
    facility: str = ""
    """Facility code to assume where a message names none."""
    overlay: Overlay | None = None
    """How this source fills its messages otherwise, put right before they are translated."""
    schema: Schema | None = None
    """What its tables look like. A source that has one sends tables and nothing else."""
    translations: frozenset[str] = frozenset()
    """What the source may send, by the names of translations (`hl7v2_adt`, `x12_835`) or of whole
    formats (`hl7v2`); anything where nothing is named."""
    processing: Literal["", "P", "T"] = ""
    """Whether its messages are of production or tests; both where it is empty."""
    ack: AckPolicy = "stored"
    line_numbers: LineNumbers = "sender"
    """Whether its FT1-2 are unique across its accounts, or in each of them."""
    x12: X12Replies = X12Replies()
    is_rehearsal: bool = False
    """What the door would hold is noted, and read all the same (`suture trace`)."""

    def may_send(self, translation: str) -> bool:
        """Whether its source may send what this translation reads."""
        named = self.translations
        return not named or translation in named or translation.partition("_")[0] in named

    def is_meant(self, processing: str) -> bool:
        """Whether a message of this processing id (MSH-11, ISA15) counts here; silence does.

        Whatever does not say P (production) is no business of production: T training, D debugging.
        """
        return not (self.processing and processing) or (
            (processing == PRODUCTION) == (self.processing == PRODUCTION)
        )


def misdirected(
    channel: Channel, translation: str, processing: str, *, type_at: str, processing_at: str
) -> Fault | None:
    """Return why a message should not have come through this door, None where it may.

    What a message says of itself is not repeated but by its kind: a shifted header could hold
    anything in its place.
    """
    door = f"source `{channel.source}`"
    if not channel.may_send(translation):
        explanation = f"{door} is not to send what {translation} translates"
        return fault("intake.type.unexpected", type_at, explanation)
    if not channel.is_meant(processing):
        kind = _PROCESSING_KINDS.get(processing, "of no known kind")
        meant = _PROCESSING_KINDS[channel.processing]
        explanation = f"it says it is {kind}, and {door} is for what is {meant}"
        return fault("intake.processing.unexpected", processing_at, explanation)
    return None


class Secret(msgspec.Struct, frozen=True):
    """A direct identifier that a surrogate replaced: goes to the vault, sealed, nowhere else."""

    token: str
    kind: str
    value: str


class Routed(msgspec.Struct, frozen=True):
    """A fact on its way to one stream."""

    stream: str
    fact: Fact
    where: str
    secrets: tuple[Secret, ...] = ()
    """Only when facts are streamed ahead of their message's verdict; else they are in the
    `Translation`."""


class ControlTotal(msgspec.Struct, frozen=True):
    """What the message itself says it is worth, counted before any fact is made of it."""

    name: str
    """charges, credits, patient_payments, remittance_cash, deposits ..."""
    count: int
    amount_minor: int


class Translation(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one message. When it is not accepted, none of its facts may enter the log."""

    format: Format
    type: str
    """`ADT^A01`, `835` ...; `UNREADABLE_TYPE` for what is no such code."""
    control_id: str
    """MSH-10, ISA13/GS06/ST02, or a resource's id; never free text (docs/adr/0008)."""
    status: Status
    identities: tuple[str, ...] = ()
    """What this message claims to be the only one to say: its control id in its sender's scope, a
    remittance's payer and trace. The store refuses a second holder (duplicate, control id reuse,
    duplicate trace)."""
    recorded_at_ms: int = 0
    """When the sender recorded it (MSH-7 or EVN-2; ISA date for X12)."""
    sequence: int = 0
    """Its place among what the sender recorded in that instant, as the sender numbers it (MSH-13,
    MSH-10); 0 where it does not, and for X12, whose sets are ordered by their file."""
    faults: tuple[Fault, ...] = ()
    """Why it is held or rejected, in order of precedence."""
    notes: tuple[Fault, ...] = ()
    """Lenient findings that did not stop it."""
    routed: tuple[Routed, ...] = ()
    """Its facts; empty when they were streamed ahead of the verdict (835)."""
    secrets: tuple[Secret, ...] = ()
    totals: tuple[ControlTotal, ...] = ()


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a file begins; its facts may follow before its verdict does."""

    recorded_at_ms: int
    sequence: int = 0
    """As of its `Translation`."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a file has ended: its verdict, and which bytes of the file it is."""

    translation: Translation
    offset: int
    bytes_count: int
    content_sha256: bytes = b""
    """Of what it says, without its envelope and the ends of its segments: the same again is a
    repeat, another under its identity a reuse. Empty where it has no identity of its own."""


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """An interchange or batch has ended.

    With faults, none of the messages since the last `Closed` counts (B24, B27).
    """

    faults: tuple[Fault, ...] = ()
    status: Status = "accepted"
    """What its messages become when there are faults."""
    reply: bytes = b""
    """What its sender is owed: TA1 and 999, or a batch of ACKs."""
    reply_name: str = ""


Piece = Begun | Routed | Reading | Closed
"""A file as a stream: each message is `Begun`, its `Routed` facts, its `Reading`; each interchange
or batch ends `Closed`."""
