"""Translates the 810: one `PurchaseInvoiced` with its lines, allowances, charges and taxes.

An invoice whose total (TDS01) is not what its lines come to is held with the difference, by its
guide (`wire/x12/sums.py`). Its number is claimed, once as an invoice and once as a credit memo: the
same number with other content is held, for it could be paid twice. Not here: what documents of a
purchase share (`x12_purchase.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction

import msgspec

from suture.model.money import MINOR_PER_MAJOR
from suture.model.purchase import PurchaseInvoiced
from suture.model.translation import Channel, Routed
from suture.translate.x12_purchase import Document, LinePlace, element, read_priced
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.sums import read_number
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_LINE = LinePlace("IT1", quantity=2, unit=3, price=4)
_SIGNS = {"A": -1, "C": 1}
"""SAC01: an allowance takes away, a charge adds; other codes say something else."""
_FROM_INVOICE_DATE = "3"
_DAYS_MAX = 3650
_CREDIT_MEMOS = frozenset({"CR", "CN", "CM"})
_PARTS = "SLN"
"""Allowances of a line's parts are in the line's price."""


class _Reading:
    """One 810 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._document = Document(transaction_set, channel, is_by_buyer=False)
        self._allowances = Fraction(0)
        self._taxes = Fraction(0)

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Keep a line, and what is charged or taxed with it: an invoice is one fact."""
        line = read_priced(unit, self._document, _LINE)
        order = line.order or unit.loop.reference("PO").strip()
        self._document.add(msgspec.structs.replace(line, order=order))
        self._add(unit.loop)
        return ()

    def end(self, end: UnitsEnd) -> Ending:
        """Return the invoice, told to the stream of its order where it is of one alone."""
        document, root = self._document, end.root
        head, total = root.first("BIG"), root.first("TDS")
        self._add(root)
        invoice = document.need(element(head, 2), "BIG-02")
        orders = {each.order for each in document.lines if each.order}
        order = element(head, 4) or (orders.pop() if len(orders) == 1 else "")
        dated_on = read_date(element(head, 1)) or document.made_on
        kind = element(head, 7)
        number = document.partners.document(
            "credit" if kind in _CREDIT_MEMOS else "invoice", invoice
        )
        told = document.parties(root)
        told["total_minor"] = _whole(read_number(element(total, 1)))
        fact = PurchaseInvoiced(
            order=order,
            document=number,
            lines=tuple(document.lines),
            dated_on=dated_on,
            invoice=invoice,
            kind=kind,
            allowances_minor=_whole(self._allowances) or 0,
            taxes_minor=_whole(self._taxes) or 0,
            due_on=_due_on(root, dated_on),
            where=document.where,
            **told,
        )
        return Ending(
            identities=(f"document:{number}",) if invoice else (),
            routed=(document.routed(order or invoice, fact),) if invoice else (),
            faults=tuple(document.faults),
        )

    def _add(self, outer: LoopNode) -> None:
        for loop in _with_inner(outer):
            for each in loop.segments:
                if each.id == "SAC":
                    sign = _SIGNS.get(each.get(1), 0)
                    self._allowances += sign * (read_number(each.get(5)) or 0)
                elif each.id == "TXI":
                    self._taxes += MINOR_PER_MAJOR * (read_number(each.get(2)) or 0)


def _with_inner(loop: LoopNode) -> Iterator[LoopNode]:
    """Yield a loop and those in it, but for parts of a line."""
    if loop.id != _PARTS:
        yield loop
        for inner in loop.loops:
            yield from _with_inner(inner)


def _whole(amount: Fraction | None) -> int | None:
    """Return minor units; a tax with parts of a cent is rounded half to even, as the total is."""
    return None if amount is None else round(amount)


def _due_on(root: LoopNode, dated_on: date) -> date | None:
    """Return when the whole amount is due: ITD06, DTM 814, or so many days after the invoice."""
    terms: Segment | None = root.first("ITD")
    told = read_date(element(terms, 6)) or root.date("814")
    days = element(terms, 7)
    if told is None and element(terms, 2) == _FROM_INVOICE_DATE and days.isdecimal():
        return dated_on + timedelta(days=min(int(days), _DAYS_MAX))
    return told


translate = by_units(_Reading)
"""Translate one 810."""
