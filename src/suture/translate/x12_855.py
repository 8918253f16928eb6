"""Translates the 855: one `PurchaseAcknowledged`, with all the supplier says of each line.

A PO1 with several ACK becomes as many lines under its number: some accepted, some back-ordered,
some at another date. A substitute (IS) stands in its line by its own item number (ACK07 onwards).
Not here: what documents of a purchase share (`x12_purchase.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from suture.model.purchase import PurchaseAcknowledged, PurchaseLine
from suture.model.translation import Channel, Routed
from suture.translate.x12_purchase import (
    Document,
    LinePlace,
    amount_of,
    element,
    item_of,
    pairs,
    read_priced,
)
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.units import Unit, UnitsEnd

_LINE = LinePlace("PO1", quantity=2, unit=3, price=4)
_ITEM_FROM = 7


class _Reading:
    """One 855 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._document = Document(transaction_set, channel, is_by_buyer=False)

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Keep what is said of one line: an acknowledgement is one fact."""
        line = read_priced(unit, self._document, _LINE)
        answers = unit.loop.inner_all("ACK")
        if not answers:
            self._document.add(line)
        for loop in answers:
            where = self._document.place(loop)
            self._document.add(_answered(line, loop.first("ACK"), where))
        return ()

    def end(self, end: UnitsEnd) -> Ending:
        """Return the acknowledgement; a supplier may send many of one order, so it claims none."""
        document, head = self._document, end.root.first("BAK")
        order = document.need(element(head, 3), "BAK-03")
        dates = [read_date(element(head, number)) for number in (9, 4)]
        reference = element(head, 8) or end.root.reference("CO").strip()
        fact = PurchaseAcknowledged(
            order=order,
            document=document.partners.document("855", order, reference, element(head, 9)),
            lines=tuple(document.lines),
            dated_on=next((each for each in dates if each), document.made_on),
            purpose=element(head, 1),
            reference=reference,
            answer=element(head, 2),
            where=document.where,
            **document.parties(end.root),
        )
        routed = (document.routed(order, fact),) if order else ()
        return Ending(routed=routed, faults=tuple(document.faults))


def _answered(line: PurchaseLine, answer: Segment | None, where: str) -> PurchaseLine:
    """Return what one ACK says of a line; what it leaves open is as the line has it."""
    quantity = element(answer, 2) or line.quantity
    told = list(pairs(answer, _ITEM_FROM))
    item, supplier_item = item_of(told) if told else (line.item, line.supplier_item)
    return msgspec.structs.replace(
        line,
        item=item,
        supplier_item=supplier_item,
        quantity=quantity,
        unit=element(answer, 3) or line.unit,
        amount_minor=amount_of(quantity, line.price, line.basis),
        status=element(answer, 1),
        due_on=read_date(element(answer, 5)) or line.due_on,
        where=where,
    )


translate = by_units(_Reading)
"""Translate one 855."""
