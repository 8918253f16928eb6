"""Charges, credits, payments and adjustments: DFT P03 and P11 become one fact for each FT1.

Here: what FT1-6 makes of a line, its amount (FT1-10 to FT1-12) in exact integer arithmetic, its
business identity and dates; the message's own control totals; who pays for the account (PV1-20,
IN1-3). Not here: which accounts a line debits and credits (`ledger/`), or what a second telling of
one charge does to the first. Next: `processes/patient_account.py`. HL7 v2 chapter 6, 6.4.3 and
6.5.1.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

import msgspec

from suture.model.account import AccountAdjusted, ChargeCredited, ChargePosted, PaymentReceived
from suture.model.money import AMOUNT_MINOR_MAX, parse_amount
from suture.model.translation import Channel, ControlTotal, Routed, Translation
from suture.translate.hl7v2_common import (
    Draft,
    first_insurance,
    register_account,
    route_registration,
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
"""FT1-6 (HL7 table 0017) and the control total that each type counts into."""

_PAYMENTS = frozenset({"PY", "CO"})
_QUANTITY = re.compile(r"(-?[0-9]{1,9})(?:\.([0-9]{1,6}))?", re.ASCII)
_CURRENCY_CODE = re.compile(r"[A-Za-z]{3}", re.ASCII)


class _Line(msgspec.Struct, frozen=True):
    """One FT1 as read: its type, and its amount where there is one to book."""

    segment: Segment
    type: str
    amount_minor: int | None


def translate(message: Message, channel: Channel) -> Translation:
    """Return what a DFT means: who pays for the account, then one fact for each FT1, to its stream.

    Held as a whole when any FT1 cannot be booked as it stands, so that control totals and facts
    always agree. The totals of a held message count the amounts that could be read.
    """
    if message.trigger not in {_POST, _POST_EXPANDED}:
        return unsupported(message, channel)
    draft = Draft(message, channel)
    lines = [_read_line(draft, segment) for segment in message.all("FT1")]
    if not lines:
        draft.blame("hl7.ft1.missing", "FT1")
    account = draft.account()
    if not account:
        draft.blame("hl7.account.missing", "PID-18")
    registered = register_account(draft, account, draft.patient(), _account_insurance(draft, lines))
    routed = []
    if registered.financial_class or registered.payer:
        routed.append(route_registration(registered))
    stream = f"patient_account/{account}"
    identities: set[str] = set()
    for line in lines:
        identity = _identity(draft, line, account)
        if identity in identities:
            draft.blame("hl7.ft1.repeated", line.segment.where(2))
        identities.add(identity)
        fact = _fact(draft, line, account, identity)
        if fact is not None:
            routed.append(Routed(stream, fact, line.segment.where()))
    return draft.verdict(routed, _control_totals(lines))


def _control_totals(lines: Iterable[_Line]) -> Iterator[ControlTotal]:
    """Count what the FT1 say they are worth, by FT1-6, before any fact is made of them."""
    counted: dict[str, list[int]] = {}
    for line in lines:
        name = _TOTALS.get(line.type)
        if name is not None and line.amount_minor is not None:
            counted.setdefault(name, []).append(line.amount_minor)
    for name, amounts in counted.items():
        yield ControlTotal(name, len(amounts), sum(amounts))


def _read_line(draft: Draft, segment: Segment) -> _Line:
    """Read an FT1's type, which alone carries its direction, and its amount."""
    line_type = told(segment, 6)
    if not line_type:
        draft.blame("hl7.ft1.type_missing", segment.where(6))
    elif line_type not in _TOTALS:
        draft.blame("hl7.ft1.type_unknown", segment.where(6))
    return _Line(segment, line_type, _amount_minor(draft, segment, line_type))


def _fact(
    draft: Draft, line: _Line, account: str, identity: str
) -> ChargePosted | ChargeCredited | PaymentReceived | AccountAdjusted | None:
    """Return what one FT1 says; None where a fault keeps it from saying anything."""
    segment = line.segment
    happened_at = draft.time(segment, 4)
    posted_at = draft.time(segment, 5)
    if happened_at is None and not told(segment, 4):
        draft.blame("hl7.timestamp.invalid", segment.where(4), "no transaction date is told")
    if happened_at is None or line.amount_minor is None:
        return None
    department = told(segment, 13) or told(segment, 16)
    shared = _shared_identity(draft, line)
    match line.type:
        case "CG" | "CD":
            return (ChargePosted if line.type == "CG" else ChargeCredited)(
                account=account,
                charge=identity,
                line=shared,
                line_numbers=draft.channel.line_numbers,
                amount_minor=line.amount_minor,
                quantity=told(segment, 10),
                service_on=happened_at.on,
                posted_on=None if posted_at is None else posted_at.on,
                facility=draft.facility,
                department=department,
                transaction_code=told(segment, 7),
                procedure_code=told(segment, 25),
            )
        case "PY" | "CO":
            return PaymentReceived(
                account=account,
                payment=identity,
                line=shared,
                line_numbers=draft.channel.line_numbers,
                amount_minor=line.amount_minor,
                received_on=happened_at.on,
                kind=line.type,
                medium=told(segment, 7),
                facility=draft.facility,
                department=department,
            )
        case "AJ":
            return AccountAdjusted(
                account=account,
                adjustment=identity,
                line=shared,
                line_numbers=draft.channel.line_numbers,
                amount_minor=line.amount_minor,
                adjusted_on=happened_at.on,
                code=told(segment, 7),
                facility=draft.facility,
                department=department,
            )
        case _:
            return None


def _identity(draft: Draft, line: _Line, account: str) -> str:
    """Return the business identity of an FT1, the same when another message tells it again.

    Sending application, account, FT1-2 and FT1-6. Without an FT1-2, the message's own MSH-10 and
    the set id (FT1-1) stand in: a resent message is still recognised, a charge told anew is not.
    """
    message, segment = draft.message, line.segment
    number = told(segment, 2)
    if not number:
        number = f"MSH-10|{message.control_id}|{told(segment, 1) or segment.ordinal}"
    return _token(draft, line, f"{draft.sending_application}|{account}|{number}|{line.type}")


def _shared_identity(draft: Draft, line: _Line) -> str:
    """Return what of an FT1's identity does not depend on its account's number; "" without FT1-2.

    By it an FT1 told again under the number its account was merged into (A40) is recognised, unless
    its source numbers its lines in each account. The token is told even then, with whose numbers
    they are beside it and not in it: so a line has one name, and the last word on whose it is
    counts, should the estate have said it wrongly at first.
    """
    number = told(line.segment, 2)
    if not number:
        return ""
    return _token(draft, line, f"{draft.sending_application}||{number}|{line.type}")


def _token(draft: Draft, line: _Line, value: str) -> str:
    kind = "payment" if line.type in _PAYMENTS else "charge"
    return draft.channel.tokenizer.token(kind, draft.channel.authority, value)


def _amount_minor(draft: Draft, segment: Segment, line_type: str) -> int | None:
    """Return the extended amount in minor units, and blame what keeps it from being booked.

    FT1-11 as printed, which must be FT1-10 x FT1-12 where all three are told; that product where
    FT1-11 is empty; else nothing is guessed. The sign is kept: some sites take a charge back by a
    negative CG. Under CD the sign of the quantity only repeats the type and is dropped, and a
    negative amount could be read both ways. What a held line says it is worth still counts.
    """
    faults_count = len(draft.faults)
    amount = _money(draft, segment, 11)
    unit_price = _money(draft, segment, 12)
    quantity = _quantity(draft, segment)
    if len(draft.faults) > faults_count:
        return amount
    code = ""
    if unit_price is not None and quantity is not None:
        count, scale = quantity
        exact = unit_price * (abs(count) if line_type == "CD" else count)
        if amount is None and exact % scale == 0:
            amount = exact // scale
        elif amount is not None and abs(amount * scale - exact) >= scale:
            # Less than one minor unit apart is rounding, and how to round is the sender's choice.
            code = "hl7.ft1.amount_mismatch"
    if amount is None:
        code = "hl7.ft1.amount_missing"
    elif abs(amount) >= AMOUNT_MINOR_MAX:
        amount, code = None, "hl7.amount.invalid"
    elif amount < 0 and line_type == "CD":
        code = "hl7.ft1.sign_ambiguous"
    if code:
        draft.blame(code, segment.where(11, 1))
    return amount


def _money(draft: Draft, segment: Segment, field: int) -> int | None:
    """Read a CP field (FT1-11, FT1-12) as minor units; None where empty or, a fault, not in USD."""
    text = segment.value(field)
    if not text:
        return None
    if text != segment.text(field) and _currency(segment, field) != CURRENCY:
        draft.blame("hl7.currency.unsupported", segment.where(field, 1))
        return None
    amount = parse_amount(text)
    if amount is None:
        draft.blame("hl7.amount.invalid", segment.where(field, 1))
    return amount


def _currency(segment: Segment, field: int) -> str:
    """Return the currency of a CP field: of its MO (`20.00&USD^UP`), or USD where none is told.

    One that stands where the price type belongs (`20.00^EUR`) is a currency all the same.
    """
    price_type = segment.value(field, 2)
    misplaced = price_type if _CURRENCY_CODE.fullmatch(price_type) else ""
    return (segment.value(field, 1, 2) or misplaced or CURRENCY).strip().upper()


def _quantity(draft: Draft, segment: Segment) -> tuple[int, int] | None:
    """Read FT1-10 as a fraction of integers, `1.5` as 15/10; None where empty or unreadable."""
    text = told(segment, 10)
    if not text:
        return None
    match = _QUANTITY.fullmatch(text)
    if match is None:
        draft.blame("hl7.quantity.invalid", segment.where(10))
        return None
    fraction = match[2] or ""
    return int(match[1] + fraction), 10 ** len(fraction)


def _account_insurance(draft: Draft, lines: list[_Line]) -> Segment | None:
    """Return the insurance that pays first for the account.

    In a P11, an IN1 after an FT1 belongs to that FT1 alone and supersedes the account's. A charge
    has no payer of its own in these books, so one that differs from its account's holds the
    message.
    """
    insurances = draft.message.all("IN1")
    if draft.message.trigger == _POST or not insurances or not lines:
        return first_insurance(insurances)
    starts = [line.segment.position for line in lines]
    groups: list[list[Segment]] = [[] for _ in (0, *starts)]
    for insurance in insurances:
        groups[bisect_left(starts, insurance.position)].append(insurance)
    firsts = [first for group in groups if (first := first_insurance(group)) is not None]
    for first in firsts[1:]:
        if told(first, 3) != told(firsts[0], 3):
            draft.blame("hl7.ft1.insurance_differs", first.where(3))
    return firsts[0]
