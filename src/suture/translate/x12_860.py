"""Translates the 860: one `PurchaseChanged`, what of an order the buyer wants otherwise.

A change with a number of its own (BCH05) claims it. Not here: what documents of a purchase share
(`x12_purchase.py`), how a change is written (`x12_860_write.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from suture.model.purchase import PurchaseChanged
from suture.model.translation import Channel, Routed
from suture.translate.x12_purchase import Document, LinePlace, element, read_priced
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import read_date
from suture.wire.x12.units import Unit, UnitsEnd

_LINE = LinePlace("POC", quantity=3, unit=5, price=6)


class _Reading:
    """One 860 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._document = Document(transaction_set, channel, is_by_buyer=True)

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Keep a line, with what is to become of it (POC02): a change is one fact."""
        line = read_priced(unit, self._document, _LINE)
        change = element(unit.loop.first("POC"), 2)
        self._document.add(msgspec.structs.replace(line, status=change))
        return ()

    def end(self, end: UnitsEnd) -> Ending:
        """Return the change, told to the stream of the order it changes."""
        document, head = self._document, end.root.first("BCH")
        order = document.need(element(head, 3), "BCH-03")
        change, release = element(head, 5), element(head, 4)
        told = document.partners.document("860", order, release, change)
        fact = PurchaseChanged(
            order=order,
            document=told,
            lines=tuple(document.lines),
            dated_on=read_date(element(head, 11)) or document.made_on,
            purpose=element(head, 1),
            change=change,
            kind=element(head, 2),
            release=release,
            ordered_on=read_date(element(head, 6)),
            where=document.where,
            **document.parties(end.root),
        )
        return Ending(
            identities=(f"document:{told}",) if change and order else (),
            routed=(document.routed(order, fact),) if order else (),
            faults=tuple(document.faults),
        )


translate = by_units(_Reading)
"""Translate one 860."""
