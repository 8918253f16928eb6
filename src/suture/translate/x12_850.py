"""Translates the 850: one `PurchaseOrdered` with all its lines, told to the order's stream.

An original order claims its number: another under it is held, for nobody may order twice by
mistake. A confirmation (06), a duplicate (07) or a replacement (05) is told as what it says it is.
Not here: what documents of a purchase share (`x12_purchase.py`), how an order is written
(`x12_850_write.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from suture.model.purchase import PurchaseOrdered
from suture.model.translation import Channel, Routed
from suture.translate.x12_purchase import ORIGINALS, Document, LinePlace, element, read_priced
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import read_date
from suture.wire.x12.units import Unit, UnitsEnd

_LINE = LinePlace("PO1", quantity=2, unit=3, price=4)


class _Reading:
    """One 850 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._document = Document(transaction_set, channel, is_by_buyer=True)

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Keep a line: an order is one fact."""
        self._document.add(read_priced(unit, self._document, _LINE))
        return ()

    def end(self, end: UnitsEnd) -> Ending:
        """Return the order, which its number alone may tell as an original."""
        document, head = self._document, end.root.first("BEG")
        purpose, order = element(head, 1), document.need(element(head, 3), "BEG-03")
        release = element(head, 4)
        told = document.partners.document("850", order, release)
        fact = PurchaseOrdered(
            order=order,
            document=told,
            lines=tuple(document.lines),
            dated_on=read_date(element(head, 5)) or document.made_on,
            purpose=purpose,
            kind=element(head, 2),
            release=release,
            contract=end.root.reference("CT").strip() or element(head, 6),
            where=document.where,
            **document.parties(end.root),
        )
        return Ending(
            identities=(f"document:{told}",) if purpose in ORIGINALS and order else (),
            routed=(document.routed(order, fact),) if order else (),
            faults=tuple(document.faults),
        )


translate = by_units(_Reading)
"""Translate one 850."""
