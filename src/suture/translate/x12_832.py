"""Translates the 832: one `ItemRecorded` for each item of a supplier's catalogue, as it is read.

An item is known by the supplier and the supplier's number of it. Of several prices (CTP) the
contract's comes first, then what one unit costs, then the first told. Not here: what documents of a
purchase share (`x12_purchase.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from suture.model.identity import bounded_identity
from suture.model.master_data import ItemRecorded
from suture.model.translation import Channel, Routed
from suture.translate.x12_purchase import (
    SUPPLIERS,
    Document,
    element,
    item_of,
    manufacturer_item_of,
    pairs,
    party_id,
)
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_PRICES = ("CON", "UCP")
"""CTP02: contract price, unit cost price."""
_FROM, _UNTIL = ("007", "092", "150"), ("197", "093", "151")
"""DTM01: when a price begins and ceases to hold."""
_ACTIONS = {"02": "MAD", "03": "MDL", "01": "MDC"}
"""BCT10: what the catalogue does to its items; anything else records them as they are."""
_ITEM_FROM = 2
_PACKAGING = (3, 1)
"""PO402 and its unit are the size of a pack; PO403 the unit."""


class _Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What a catalogue says of all its items."""

    supplier: str
    action: str
    valid_from: date | None
    valid_until: date | None
    contract: str


class _Reading:
    """One 832 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._document = Document(transaction_set, channel, is_by_buyer=False)
        self._catalogue: _Catalogue | None = None

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Return the fact of one item."""
        loop = unit.loop
        catalogue = self._catalogue = self._catalogue or self._opened(unit.around[0])
        told = list(pairs(loop.first("LIN"), _ITEM_FROM))
        where = self._document.place(loop)
        first, supplier_item = item_of(told)
        code = supplier_item or first
        if not code:
            self._document.need("", f"{loop.where}/LIN-03")
            return
        price = _price(loop)
        fact = ItemRecorded(
            code=code,
            system=catalogue.supplier,
            action=catalogue.action,
            name=_name(loop),
            valid_from=_on(loop, _FROM) or catalogue.valid_from,
            valid_until=_on(loop, _UNTIL) or catalogue.valid_until,
            where=where,
            supplier=catalogue.supplier,
            supplier_item=supplier_item,
            manufacturer_item=manufacturer_item_of(told),
            unit=_unit(loop, price),
            price=element(price, 3),
            contract=loop.reference("CT").strip() or catalogue.contract,
        )
        yield Routed(f"item/{bounded_identity(f'{catalogue.supplier}:{code}')}", fact, where)

    def _opened(self, root: LoopNode) -> _Catalogue:
        return _Catalogue(
            supplier=party_id((root,), SUPPLIERS) or self._document.partners.supplier,
            action=_ACTIONS.get(element(root.first("BCT"), 10), "MUP"),
            valid_from=_on(root, _FROM),
            valid_until=_on(root, _UNTIL),
            contract=root.reference("CT").strip(),
        )

    def end(self, end: UnitsEnd) -> Ending:  # noqa: ARG002 - the shape of every reading
        """Return why the catalogue is held, if it is: it says nothing as a whole."""
        return Ending(faults=tuple(self._document.faults))


def _price(loop: LoopNode) -> Segment | None:
    """Return the price of an item among those of its classes (CTP02)."""
    prices = [price for each in loop.inner_all("CTP") for price in each.all("CTP")]
    told = [each for each in prices if element(each, 3)]
    chosen = (each for kind in _PRICES for each in told if each.get(2) == kind)
    return next(chosen, told[0] if told else None)


def _unit(loop: LoopNode, price: Segment | None) -> str:
    """Return what the price is for: CTP05, else the unit of the item's packing, PO403."""
    told = price.get(5, 1).strip() if price else ""
    packing = loop.first("PO4")
    return told or (packing.get(*_PACKAGING).strip() if packing else "")


def _name(loop: LoopNode) -> str:
    """Return the item's description: PID05."""
    told = (
        described.text(5).strip() for each in loop.inner_all("PID") for described in each.all("PID")
    )
    return next((each for each in told if each), "")


def _on(loop: LoopNode, kinds: Iterable[str]) -> date | None:
    return next((on for kind in kinds if (on := loop.date(kind))), None)


translate = by_units(_Reading)
"""Translate one 832, item by item."""
