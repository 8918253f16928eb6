"""Decisions: what a process concludes should stand in the books, or why it cannot yet.

A process never posts an increment. It names, for each booking key its event touches, what should
stand now: a `Booking`, a `Hold` (parked, with a reason and an amount) or `Withdrawn` (nothing).
`pipeline.py` compares that with what stands and posts, reverses or parks the difference; therefore
any order and any duplication of the same facts ends in the same books.
"""

from __future__ import annotations

from datetime import date
from hashlib import blake2b

import msgspec

from suture.model.event import Fact
from suture.model.fault import Fault


class Amount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named sum inside a booking; journal rules choose its sides by name, group and reason."""

    name: str
    """gross, payment, adjustment, cash, provider_adjustment ..."""
    minor: int
    """Minor units; negative swaps the two sides of the rule."""
    where: str
    group: str = ""
    """CAS01 of an adjustment."""
    reason: str = ""
    """CARC of an adjustment, PLB03-1 of a provider adjustment, FT1-7 of an account adjustment."""


class Booking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What should stand in the books under one key of one stream.

    Codes are as sent: crosswalks resolve them.
    """

    key: str
    kind: str
    """charge, credit, patient_payment, account_adjustment, claim_payment, secondary_claim_payment,
    remittance: the journal rules' second column."""
    amounts: tuple[Amount, ...]
    effective_on: date
    """The date it happened (service or payment date)."""
    accounting_on: date | None = None
    """The date it should be booked on when that differs and its period is open."""
    facility: str = ""
    department: str = ""
    payer: str = ""
    financial_class: str = ""
    """PV1-20 of the account, or CLP06 of a claim; the payer class crosswalk reads payer first, then
    this."""
    patient_class: str = ""
    service_code: str = ""
    """Charge description master or procedure code: selects service line and revenue account."""
    needs_payer_class: bool = True
    where: str = ""
    """Path of what told it as a whole: the claim's CLP."""
    source: str = ""
    """The source that told it, whose crosswalk rows apply; a later event of another source may
    decide it again."""
    event_id: str = ""
    """The event that told it: where its amounts and paths come from, whichever event made it
    stand."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing may stand under this key yet, and here is why.

    Resolves by itself when a later decision differs.
    """

    key: str
    fault: Fault
    amount_minor: int = 0
    event_id: str = ""
    """The event that told what waits; the one being handled where this is empty."""


class Withdrawn(msgspec.Struct, frozen=True):
    """Nothing should stand under this key (any more)."""

    key: str


class Forward(msgspec.Struct, frozen=True):
    """A fact for another stream, appended in the same commit as this decision."""

    stream: str
    fact: Fact


Decision = Booking | Hold | Withdrawn | Forward

_encoder = msgspec.msgpack.Encoder()


def fingerprint(booking: Booking) -> bytes:
    """Return eight bytes that differ whenever what the booking books differs.

    Who told it and in which segment does not count: the same charge sent again in another message
    is the same booking.
    """
    content = (
        booking.kind,
        [(each.name, each.minor, each.group, each.reason) for each in booking.amounts],
        booking.effective_on,
        booking.accounting_on,
        booking.facility,
        booking.department,
        booking.payer,
        booking.financial_class,
        booking.patient_class,
        booking.service_code,
        booking.source,
    )
    return blake2b(_encoder.encode(content), digest_size=8).digest()
