"""Writes the 820: a `PaymentAdvised` as the advice a supplier is sent beside its money. Pure.

It moves no money (BPR01 = I): what the bank is told is another message. Premiums (X218) are read
and never written here. Not here: how a payment is read (`x12_820.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from suture.model.fault import Fault, fault
from suture.model.purchase import PaymentAdvised, PaymentItem
from suture.translate.x12_purchase_write import NOBODY_KNOWN, add_currency, add_party
from suture.translate.x12_write import Party, Sending, SetDraft, amount, day, written

VERSION = "004010"

_ADVICE = "I"
_CREDIT, _OTHER = "C", "ZZZ"
_PAYER, _PAYEE = "PR", "PE"
_INVOICE, _ORDER = "IV", "PO"
_TRACE = "1"
_PAYER_ID_LENGTH = 10
"""TRN03 has ten characters, never more or fewer."""


def write(
    fact: PaymentAdvised, sending: Sending, parties: Mapping[str, Party] = NOBODY_KNOWN
) -> bytes | Fault:
    """Return the advice as an interchange, or what it lacks; `parties` as of an order."""
    if any(each.member for each in fact.items):
        explanation = "a premium of one person is told by 005010X218, which is not written"
        return fault("x12.write.incomplete", "RMR-02", explanation)
    draft = SetDraft("820", VERSION, "RA")
    direction, method = fact.direction or _CREDIT, fact.method or _OTHER
    paid_on = day(fact.paid_on)
    draft.add("BPR", _ADVICE, amount(fact.paid_minor), direction, method, *[""] * 11, paid_on)
    trace = draft.identifier(fact.trace, "TRN-02")
    draft.add("TRN", _TRACE, trace, draft.identifier(_payer_id(fact), "TRN-03", is_required=False))
    add_currency(draft, fact.currency)
    for role, party in ((_PAYER, fact.payer), (_PAYEE, fact.payee)):
        draft.need(party, f"N1[{role}]/N1-04")
        add_party(draft, role, party, parties)
    draft.add("ENT", "1")
    for each in fact.adjustments:
        draft.add("ADX", amount(each.amount_minor), draft.need(each.reason, "ADX-02"))
    for ordinal, item in enumerate(fact.items, 1):
        _add_item(draft, item, f"RMR[{ordinal}]")
    return written(sending, [draft])


def _add_item(draft: SetDraft, item: PaymentItem, where: str) -> None:
    """Add one RMR: what is paid, what was billed, and why they differ."""
    draft.add(
        "RMR",
        item.qualifier or _INVOICE,
        draft.identifier(item.reference, f"{where}-02"),
        "",
        amount(item.paid_minor),
        "" if item.billed_minor is None else amount(item.billed_minor),
        amount(item.discount_minor) if item.discount_minor else "",
    )
    if item.order and (item.qualifier, item.reference) != (_ORDER, item.order):
        draft.add("REF", _ORDER, draft.identifier(item.order, f"{where}/REF-02"))
    for each in item.adjustments:
        draft.add("ADX", amount(each.amount_minor), draft.need(each.reason, f"{where}/ADX-02"))


def _payer_id(fact: PaymentAdvised) -> str:
    """Return who gave the trace (TRN03): the payer of the payment's key, where it is such an id."""
    payer = fact.payment.removesuffix(f":{fact.trace}")
    return payer if len(payer) == _PAYER_ID_LENGTH else ""
