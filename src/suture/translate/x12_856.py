"""Translates the 856: for each order of a shipment one `PurchaseShipped`, with what is on its way.

A notice is a tree of levels (HL): shipment, order, tare and pack, item. A line is a level that has
an item or a quantity (LIN, SN1); its order, carrier and packs are those of the levels above it.
Lots and serials come from REF and LIN, the packs' marks from MAN. Lines of no order are told to the
shipment's own stream. Not here: what documents of a purchase share (`x12_purchase.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from suture.model.purchase import PurchaseLine, PurchaseShipped
from suture.model.translation import Channel, Routed
from suture.translate.x12_purchase import (
    ORIGINALS,
    Document,
    Parties,
    element,
    item_of,
    pairs,
)
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import read_date
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_LOTS = ("LT", "LOT", "SE")
"""REF01: lot, lot, serial."""
_LOTS_OF_ITEM = frozenset({"LT", "SN"})
"""LIN02 and its like: lot, serial."""
_TRACKING = ("CN", "BM", "2I")
"""REF01: carrier's number, bill of lading, tracking number."""
_SHIPMENT = "S"
_ITEM_FROM = 2
_MARKS = ((1, 2), (4, 5))
"""Kind and number, twice, of a MAN."""


class _Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """What the levels above an order's first line say of its way."""

    parties: Parties
    carrier: str
    tracking: str
    arrives_on: date | None
    lines: list[PurchaseLine]


class _Level(msgspec.Struct, frozen=True):
    """What a level says of the lines below it."""

    order: str
    marks: tuple[str, ...]
    """Of a tare, a pack or an item; a shipment's are of all it holds."""


class _Reading:
    """One 856 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._document = Document(transaction_set, channel, is_by_buyer=False)
        self._shipments: dict[str, _Shipment] = {}
        """By order, "" for none; in the order told."""
        self._levels: dict[str, _Level] = {}
        """Of the line before, by their places: those above the next are mostly the same."""

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Keep a level's line for its order: a shipment of an order is one fact."""
        levels = [unit.loop, *reversed(unit.around[1:])]
        known = self._levels
        self._levels = {each.where: known.get(each.where) or _level(each) for each in levels}
        above = tuple(self._levels.values())
        order = next((each.order for each in above if each.order), "")
        is_line = unit.loop.first("LIN") is not None or unit.loop.first("SN1") is not None
        if is_line or above[0].order:
            # An order without a line is told all the same: it is what was announced.
            if order not in self._shipments:
                self._shipments[order] = self._opened(unit.around[0], levels)
            where = self._document.place(unit.loop)
            if is_line and self._document.has_room(where):
                line = _line(unit, above, order, where)
                self._shipments[order].lines.append(line)
        return ()

    def _opened(self, root: LoopNode, levels: Sequence[LoopNode]) -> _Shipment:
        arrivals = [each.date("017") for each in (*levels, root)]
        routes = [each.first("TD5") for each in levels]
        return _Shipment(
            parties=self._document.parties(root, levels),
            carrier=next((told for each in routes if (told := element(each, 3))), ""),
            tracking=_reference(levels, _TRACKING),
            arrives_on=next((each for each in arrivals if each), None),
            lines=[],
        )

    def end(self, end: UnitsEnd) -> Ending:
        """Return one fact for each order; the notice's number (BSN02) is claimed by an original."""
        document, head = self._document, end.root.first("BSN")
        purpose, number = element(head, 1), document.need(element(head, 2), "BSN-02")
        told = document.partners.document("856", number)
        routed = [
            document.routed(
                order or number,
                PurchaseShipped(
                    order=order,
                    document=told,
                    lines=tuple(shipment.lines),
                    dated_on=read_date(element(head, 3)) or document.made_on,
                    shipment=number,
                    purpose=purpose,
                    carrier=shipment.carrier,
                    tracking=shipment.tracking,
                    arrives_on=shipment.arrives_on,
                    where=document.where,
                    **shipment.parties,
                ),
            )
            for order, shipment in self._shipments.items()
        ]
        return Ending(
            identities=(f"document:{told}",) if purpose in ORIGINALS and number else (),
            routed=tuple(routed) if number else (),
            faults=tuple(document.faults),
        )


def _level(level: LoopNode) -> _Level:
    """Return the order a level names, PRF01 or else REF PO, and its marks."""
    return _Level(
        element(level.first("PRF"), 1) or level.reference("PO").strip(),
        () if element(level.first("HL"), 3) == _SHIPMENT else tuple(_marks(level)),
    )


def _line(unit: Unit, levels: Sequence[_Level], order: str, where: str) -> PurchaseLine:
    """Return the line of a level."""
    loop = unit.loop
    told, shipped = loop.first("LIN"), loop.first("SN1")
    numbers = list(pairs(told, _ITEM_FROM))
    lots = [
        *(each.get(2).strip() for kind in _LOTS for each in loop.all("REF", kind)),
        *(value for kind, value in numbers if kind in _LOTS_OF_ITEM),
    ]
    item, supplier_item = item_of(numbers)
    return PurchaseLine(
        number=element(told, 1) or element(shipped, 1) or str(unit.ordinal),
        item=item,
        supplier_item=supplier_item,
        quantity=element(shipped, 2),
        unit=element(shipped, 3),
        status=element(shipped, 8),
        lots=tuple(dict.fromkeys(each for each in lots if each)),
        packs=tuple(dict.fromkeys(mark for each in levels for mark in each.marks)),
        order=order,
        where=where,
    )


def _marks(level: LoopNode) -> list[str]:
    """Return the marks of a level, and of the loads in it."""
    return [
        told
        for loop in (level, *level.inner_all("CLD"))
        for each in loop.all("MAN")
        for kind, number in _MARKS
        if each.get(kind) and (told := element(each, number))
    ]


def _reference(levels: Sequence[LoopNode], kinds: Sequence[str]) -> str:
    found = (each.reference(kind).strip() for kind in kinds for each in levels)
    return next((each for each in found if each), "")


translate = by_units(_Reading)
"""Translate one 856."""
