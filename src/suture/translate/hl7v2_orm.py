"""Supply orders: ORM O01, OMP O09, OMS O05 and OMN O07 become what care asks for.

Here: requisitions (RQD, RQ1) and drugs (RXO), asked for or no longer (ORC-1). Not here: orders that
use nothing up by themselves (OBR of laboratory and imaging, ODS and ODT of diets): they are read,
noted and become no fact, for a hospital sends thousands of them a day and none says what is taken
from stock. What is handed out and given is `hl7v2_rds.py`, and what is charged `hl7v2_dft.py`.
Next: `processes/known.py`. HL7 v2 chapter 4, 4.4, 4.11 and 4A.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suture.model.fault import fault
from suture.model.supply import SupplyCancelled, SupplyRequested
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

_EVENTS = {"ORM": "O01", "OMP": "O09", "OMS": "O05", "OMN": "O07"}
_REQUESTING = frozenset({"NW", "XO", "XX", "XR", "RO"})
"""ORC-1 (HL7 table 0119): new, changed (asked for, unasked, as asked), and the replacement."""

_RQD_ITEM_FIELDS = (2, 4, 3)
"""Item code: our own (internal), the hospital's, somebody else's (external)."""
_RQ1_ITEM_FIELDS = (5, 3)
"""The vendor's catalogue, the manufacturer's: what is not in stock has no code of ours."""


def translate(message: Message, channel: Channel) -> Translation:
    """Return what an order means: one fact for each item, told to its order's stream.

    Held when an item's order has no number (`hl7.order.missing`) or its quantity is no number
    (`hl7.quantity.invalid`). An item without a code is noted (`hl7.item.missing`) and left out: a
    request moves nothing yet.
    """
    if message.trigger != _EVENTS.get(message.type):
        return unsupported(message, channel)
    draft = Draft(message, channel)
    routed: list[Routed] = []
    whom = about(draft)
    is_supply = False
    for order in orders(message):
        items = order.all("RQD", "RXO")
        is_supply = is_supply or bool(items)
        if told(order.control, 1) in _REQUESTING | CANCELLING:  # else it answers, or tells a status
            routed += _items(draft, order, items, whom)
    if not is_supply:
        draft.notes.append(fault("hl7.order.not_supply", "ORC"))
    return draft.verdict(routed)


def _items(
    draft: Draft, order: Order, items: list[Segment], whom: dict[str, Any]
) -> Iterator[Routed]:
    """Return what an order asks for: several lines of one are several supplies, each by itself."""
    details, timing = order.first("RQ1"), order.first("TQ1")
    control = told(order.control, 1)
    priority = told(timing, 9) or told(order.control, 7, 6)
    for line, item in enumerate(items, start=1):
        number = order_number(draft, order, item)
        if number and len(items) > 1:
            number = f"{number}/{told(item, 1) or line}"
        code, coding = _code(item, details)
        if not code:
            draft.notes.append(fault("hl7.item.missing", item.where()))
            continue
        amount_field, unit_field = _amount_fields(item)
        supply = draft.token("supply", number)
        told_alike = {
            "supply": supply,
            "item": code,
            "coding": coding,
            "quantity": quantity(draft, item, amount_field, is_needed=False),
            "unit": told(item, unit_field),
            "department": _department(draft, item),
            "where": item.where(),
            **when(draft.time(order.control, 9)),
            **whom,
        }
        fact: SupplyCancelled | SupplyRequested
        if control in CANCELLING:
            fact = SupplyCancelled(**told_alike)
        else:
            fact = SupplyRequested(status=control, priority=priority, **told_alike)
        yield Routed(f"supply/{supply}", fact, item.where())


def _code(item: Segment, details: Segment | None) -> tuple[str, str]:
    """Return the code of an item, and its coding system."""
    if item.name == "RXO":
        return told(item, 1), told(item, 1, 3)
    for field in _RQD_ITEM_FIELDS:
        if told(item, field):
            return told(item, field), told(item, field, 3)
    return next((told(details, each) for each in _RQ1_ITEM_FIELDS if told(details, each)), ""), ""


def _amount_fields(item: Segment) -> tuple[int, int]:
    """Return where quantity and unit stand; of a drug what is to be dispensed, else one dose."""
    if item.name == "RQD":
        return 5, 6
    return (11, 12) if told(item, 11) else (2, 4)


def _department(draft: Draft, item: Segment) -> str:
    """Return who asks: the cost centre or the place of delivery of an RQD, else the ward."""
    requisitioner = (told(item, 7) or told(item, 9)) if item.name == "RQD" else ""
    return requisitioner or told(draft.visit_segment, 3)
