"""Drugs handed out and given: RDS O13 and RAS O17 become what was taken from stock, and when.

Here: each RXD as dispensed, each RXA as administered, with code, quantity, unit, lot, and what an
FT1 beside one RXD says that it cost us (FT1-22). Not here: the charge of that FT1, which would be
booked twice where the pharmacy also sends a DFT (`hl7v2_dft.py`); what was asked for
(`hl7v2_orm.py`). Next: `processes/known.py`. HL7 v2 chapter 4A, 4A.3.9 and 4A.3.12.
"""

from __future__ import annotations

from typing import Any

from suture.model.fault import fault
from suture.model.money import parse_amount
from suture.model.supply import SupplyAdministered, SupplyCancelled, SupplyDispensed
from suture.model.translation import Channel, Routed, Translation
from suture.translate.hl7v2_common import Draft, told, unsupported
from suture.translate.hl7v2_orders_common import (
    CANCELLING,
    Order,
    about,
    order_number,
    orders,
    quantity,
    when,
)
from suture.wire.hl7v2 import Message, Segment

_EVENTS = {"RDS": frozenset({"O13", "O01"}), "RAS": frozenset({"O17", "O01"})}
"""O01 is what senders before 2.4 write."""
_SEGMENTS = {"RDS": "RXD", "RAS": "RXA"}
_NOT_GIVEN = frozenset({"NA", "RE"})
"""RXA-20: not administered, refused."""
_DOLLARS = frozenset({"", "USD"})


def translate(message: Message, channel: Channel) -> Translation:
    """Return what an RDS or RAS means: one fact for each RXD or RXA, told to its order's stream.

    Held when nothing is told (`hl7.item.missing`), an order has no number (`hl7.order.missing`), or
    what was taken has no code (`hl7.item.missing`) or no quantity (`hl7.quantity.invalid`).
    """
    if message.trigger not in _EVENTS.get(message.type, ()):
        return unsupported(message, channel)
    draft = Draft(message, channel)
    name = _SEGMENTS[message.type]
    routed: list[Routed] = []
    whom = about(draft)
    for order in orders(message):
        segments = order.all(name)
        is_cancelled = told(order.control, 1) in CANCELLING
        cost_minor = _cost_minor(draft, order) if len(segments) == 1 else None
        for segment in segments:
            supply = draft.token("supply", order_number(draft, order, segment))
            fact: SupplyCancelled | SupplyDispensed | SupplyAdministered
            if is_cancelled:
                fact = SupplyCancelled(supply=supply, where=segment.where(), **whom)
            elif name == "RXD":
                fact = _dispensed(draft, supply, segment, cost_minor, whom)
            else:
                fact = _administered(draft, supply, segment, whom)
            routed.append(Routed(f"supply/{supply}", fact, segment.where()))
    if not routed:
        draft.blame("hl7.item.missing", name)
    return draft.verdict(routed)


def _dispensed(
    draft: Draft, supply: str, segment: Segment, cost_minor: int | None, whom: dict[str, Any]
) -> SupplyDispensed:
    number, prescription = told(segment, 1), told(segment, 7)
    return SupplyDispensed(
        supply=supply,
        dispense=_identity(draft, "dispense", segment, supply, prescription, number),
        item=_code(draft, segment, 2),
        coding=told(segment, 2, 3),
        quantity=quantity(draft, segment, 4, is_needed=True),
        unit=told(segment, 5),
        department=told(draft.visit_segment, 3),
        lot=told(segment, 18),
        cost_minor=cost_minor,
        where=segment.where(),
        **when(draft.time(segment, 3)),
        **whom,
    )


def _administered(
    draft: Draft, supply: str, segment: Segment, whom: dict[str, Any]
) -> SupplyAdministered:
    completion = told(segment, 20)
    counters = (told(segment, 1), told(segment, 2), told(segment, 3))
    return SupplyAdministered(
        supply=supply,
        administration=_identity(draft, "administration", segment, supply, *counters),
        item=_code(draft, segment, 5),
        coding=told(segment, 5, 3),
        quantity=quantity(draft, segment, 6, is_needed=completion not in _NOT_GIVEN),
        unit=told(segment, 7),
        department=told(segment, 11) or told(draft.visit_segment, 3),
        action=told(segment, 21),
        completion=completion,
        lot=told(segment, 15),
        where=segment.where(),
        **when(draft.time(segment, 3)),
        **whom,
    )


def _code(draft: Draft, segment: Segment, field: int) -> str:
    code = told(segment, field)
    if not code:
        draft.blame("hl7.item.missing", segment.where(field))
    return code


def _identity(draft: Draft, kind: str, segment: Segment, supply: str, *numbers: str) -> str:
    """Return the business identity of one RXD or RXA, the same when another message tells it again.

    The order and the sender's own counters; where it has none, MSH-10 and the segment's place stand
    in: a resent message is still recognised.
    """
    if not any(numbers):
        numbers = ("MSH-10", draft.message.control_id, str(segment.ordinal))
    value = "|".join((kind, draft.sending_application, supply, *numbers))
    return draft.channel.tokenizer.token("supply", draft.channel.authority, value)


def _cost_minor(draft: Draft, order: Order) -> int | None:
    """Return what an order's one RXD cost us: FT1-22 for each of FT1-10, in whole cents.

    None where several FT1 do not say which cost it is, or none does.
    """
    costs = [each for each in order.all("FT1") if told(each, 22)]
    if len(costs) != 1:
        return None
    line = costs[0]
    unit_cost = parse_amount(told(line, 22)) if line.value(22, 1, 2) in _DOLLARS else None
    count = told(line, 10) or "1"
    if unit_cost is None or not count.isdecimal():
        draft.notes.append(fault("hl7.cost.unread", line.where(22)))
        return None
    return unit_cost * int(count)
