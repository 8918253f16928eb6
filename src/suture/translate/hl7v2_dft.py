"""Charges, credits, payments and adjustments: DFT P03 and P11 become one fact for each FT1.

Here: what FT1-6 makes of a line, its amount (FT1-10 to FT1-12) in exact integer arithmetic, its business
identity and dates; the message's own control totals; who pays for the account (PV1-20, IN1). Not here: which
accounts a line debits and credits (`ledger/`), or what a second telling of one charge does to the first. Next:
`processes/patient_account.py`. HL7 v2 chapter 6, 6.4.3 and 6.5.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from suture.model.account import AccountAdjusted, ChargeCredited, ChargePosted, PaymentReceived
from suture.model.money import AMOUNT_MINOR_MAX, parse_amount
from suture.model.translation import Channel, ControlTotal, Routed, Translation
from suture.translate.hl7v2_common import (
    Reading,
    first_insurance,
    register_account,
    told,
    unsupported,
)
from suture.wire.hl7v2 import Message, Segment

CURRENCY = "USD"

_POST, _POST_EXPANDED = "P03", "P11"
_TOTALS = {
    "CG": "charges",
    "CD": "credits",
    "PY": "patient_payments",
    "CO": "patient_payments",
    "AJ": "adjustments",
}
"""FT1-6 (HL7 table 0017) and the control total each type counts into."""

_QUANTITY = re.compile(r"(-?[0-9]{1,9})(?:\.([0-9]{1,6}))?", re.ASCII)
_CURRENCY_CODE = re.compile(r"[A-Za-z]{3}", re.ASCII)

_MoneyFact = ChargePosted | ChargeCredited | PaymentReceived | AccountAdjusted


def translate(message: Message, channel: Channel) -> Translation:
    """Return what a DFT message means: the account's registration, then one fact for each FT1, to one account.

    Held as a whole when any FT1 cannot be booked as it stands, so that the message's control totals and its
    facts always agree. The totals of a held message count the amounts that could be read.
    """
    if message.trigger not in {_POST, _POST_EXPANDED}:
        return unsupported(message, channel)
    reading = Reading(message, channel)
    segments = message.all("FT1")
    lines = [(segment, *_type_and_amount(reading, segment)) for segment in segments]
    account = reading.account()
    if not account:
        reading.blame("hl7.account.missing", "PID-18")
    if not lines:
        reading.blame("hl7.ft1.missing", "FT1")
    stream = f"patient_account/{account}"
    registered = register_account(
        reading, account, reading.patient(), _account_insurance(reading, segments)
    )
    routed = []
    if registered.financial_class or registered.payer:
        routed.append(Routed(stream, registered, "PV1" if registered.financial_class else "IN1"))
    identities: set[str] = set()
    for segment, line_type, amount_minor in lines:
        identity = _identity(reading, segment, account, line_type)
        if identity in identities:
            reading.blame("hl7.ft1.repeated", segment.where(2))
        identities.add(identity)
        fact = _fact(reading, segment, account, identity, line_type, amount_minor)
        if fact is not None:
            routed.append(Routed(stream, fact, segment.where()))
    return reading.verdict(routed, _control_totals(lines))
