"""Charges, credits, payments and adjustments written as DFT P03, for a billing system.

Here: the inverse of `hl7v2_dft.py`. FT1-2 is our surrogate of the line's identity: the same when
the line is told again, so that the receiver corrects and does not book twice. HL7 v2 chapter 6,
6.4.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from suture.model.account import (
    AccountAdjusted,
    AccountRegistered,
    ChargeCredited,
    ChargePosted,
    PaymentReceived,
)
from suture.model.disclosure import Disclosure
from suture.model.money import format_amount
from suture.translate.hl7v2_write import Envelope, day, event, filled, message, patient, place
from suture.wire.hl7v2 import Field

AnyLine = ChargePosted | ChargeCredited | PaymentReceived | AccountAdjusted

_UNKNOWN_CLASS = "U"


def render_lines(
    lines: Sequence[AnyLine],
    envelope: Envelope,
    disclosure: Disclosure,
    *,
    registered: AccountRegistered | None = None,
    patient_token: str = "",
    person: str = "",
    visit: str = "",
) -> bytes:
    """Return lines of one account as a DFT^P03, with who is expected to pay, where that is known.

    `patient_token`, `person` and `visit` are surrogates of whose account it is and of which visit.
    Raises ValueError for no line, and for lines of several accounts or facilities: PID-18 and
    PV1-3.4 are told once in a message.
    """
    accounts = {each.account for each in lines} | ({registered.account} if registered else set())
    facilities = {each.facility for each in lines}
    if len(accounts) != 1 or len(facilities) != 1:
        reason = "a DFT is of one account in one facility"
        raise ValueError(reason)
    (account,), (facility,) = accounts, facilities
    if registered is not None:
        patient_token = patient_token or registered.patient
    segments = [
        event(envelope, "P03"),
        patient(disclosure, patient=patient_token, account=account, person=person),
        filled(
            "PV1",
            {
                1: "1",
                2: (registered.patient_class if registered else "") or _UNKNOWN_CLASS,
                3: place("", facility),
                19: disclosure.told(visit),
                20: registered.financial_class if registered else "",
            },
        ),
        *(_line(each, order) for order, each in enumerate(lines, start=1)),
    ]
    if registered is not None and registered.payer:
        segments.append(filled("IN1", {1: "1", 3: registered.payer}))
    return message(envelope, ("DFT", "P03", "DFT_P03"), segments)


def _line(fact: AnyLine, order: int) -> list[Field]:
    common: dict[int, Field] = {
        1: str(order),
        11: format_amount(fact.amount_minor),
        13: fact.department,
    }
    match fact:
        case ChargePosted() | ChargeCredited():
            own: dict[int, Field] = {
                2: fact.charge,
                4: day(fact.service_on),
                5: "" if fact.posted_on is None else day(fact.posted_on),
                6: "CG" if isinstance(fact, ChargePosted) else "CD",
                7: fact.transaction_code,
                10: fact.quantity,
                25: fact.procedure_code,
            }
        case PaymentReceived():
            own = {2: fact.payment, 4: day(fact.received_on), 6: fact.kind, 7: fact.medium}
        case AccountAdjusted():
            own = {2: fact.adjustment, 4: day(fact.adjusted_on), 6: "AJ", 7: fact.code}
        case _:
            assert_never(fact)
    return filled("FT1", common | own)
