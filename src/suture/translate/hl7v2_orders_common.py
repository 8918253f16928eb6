"""What orders, dispenses and administrations share: the order they are of, the patient, the item.

Here: the segments of each ORC, the order's number (ORC-2, ORC-3) as the name of its stream, what of
PID and PV1 goes into every supply fact, and quantities. Not here: what an ORM, RDS or RAS means
(`hl7v2_orm.py`, `hl7v2_rds.py`, next). HL7 v2 chapter 4, 4.5.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from suture.translate.hl7v2_common import Draft, clock_milliseconds, told
from suture.wire.hl7v2 import Message, Segment, Timestamp

_QUANTITY = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,8})?", re.ASCII)

CANCELLING = frozenset({"CA", "OC", "CR", "DC", "OD", "DR", "RP", "RQ", "RU"})
"""ORC-1 (HL7 table 0119): cancelled or discontinued, asked for (CA, DC), unasked (OC, OD) or as
asked (CR, DR), and replaced by another order (RP, RU, RQ)."""


class Order(msgspec.Struct, frozen=True):
    """One ORC with the segments up to the next."""

    control: Segment | None
    """None for what stands before any ORC."""
    segments: list[Segment]

    def first(self, name: str) -> Segment | None:
        """Return the order's first segment of a name, or None."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def all(self, *names: str) -> list[Segment]:
        """Return the order's segments of these names, in order."""
        return [segment for segment in self.segments if segment.name in names]


def orders(message: Message) -> Iterator[Order]:
    """Return the orders of a message, in order."""
    order = Order(None, [])
    for segment in message.segments:
        if segment.name == "ORC":
            yield order
            order = Order(segment, [])
        else:
            order.segments.append(segment)
    yield order


def order_number(draft: Draft, order: Order, segment: Segment) -> str:
    """Return the number of the order that `segment` belongs to, and blame one that has none."""
    number = told(order.control, 2) or told(order.control, 3)
    if not number:
        where = segment.where() if order.control is None else order.control.where(2)
        draft.blame("hl7.order.missing", where)
    return number


def about(draft: Draft) -> dict[str, Any]:
    """Return what every supply fact of a message says: of whom, and where."""
    return {
        "patient": draft.patient(),
        "account": draft.account(),
        "visit": draft.visit(),
        "facility": draft.facility,
    }


def when(timestamp: Timestamp | None) -> dict[str, Any]:
    """Return a moment by the names that a supply fact has for it."""
    return {
        "occurred_at_ms": clock_milliseconds(timestamp),
        "occurred_on": None if timestamp is None else timestamp.on,
    }


def quantity(draft: Draft, segment: Segment, field: int, *, is_needed: bool) -> str:
    """Return a quantity as sent; one that is no plain decimal, or needed and silent, is blamed."""
    text = told(segment, field)
    if not text and is_needed:
        draft.blame("hl7.quantity.invalid", segment.where(field), "no quantity is told")
    elif text and not _QUANTITY.fullmatch(text):
        draft.blame("hl7.quantity.invalid", segment.where(field))
    return text
