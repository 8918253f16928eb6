"""What documents of a purchase share (X12 850, 855, 856, 810, 860, 832): partners, key, lines.

The documents of one order must meet in one stream although each names its partners otherwise: by
D-U-N-S number or by an assigned code, in N1 or nowhere. What they all have is the envelope: who
sends an order receives its answer. So partners are keyed by ISA06 and ISA08, and by them alone
(docs/adr/0014); a source with an authority says instead whose order numbers they are. Here: that
key, the parties of N1, item numbers in their pairs, amounts of lines, dates. Not here: what a
document says (`x12_850.py` and its siblings).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import TypedDict

import msgspec

from suture.model.fault import Fault, fault
from suture.model.identity import bounded_identity
from suture.model.money import MINOR_PER_MAJOR, parse_amount_x12
from suture.model.purchase import (
    PurchaseAcknowledged,
    PurchaseChanged,
    PurchaseInvoiced,
    PurchaseLine,
    PurchaseOrdered,
    PurchaseShipped,
)
from suture.model.translation import Channel, Routed
from suture.translate.x12_common import recorded_on
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.sums import PRICED_EACH, read_number
from suture.wire.x12.units import LoopNode, Unit

LINES_MAX = 100_000
"""Of one document: as many as PO1 may occur; a fact is one value in memory and in the log."""

BUYERS = ("BY", "BT", "OB")
"""N101: buying party, bill-to, ordered by; in order of precedence."""
SUPPLIERS = ("SE", "SU", "VN", "RE", "RI")
"""N101: selling party, supplier, vendor, remit-to."""
SHIP_TO = ("ST",)
ORIGINALS = frozenset({"00", ""})
"""BEG01, BSN01: what is told for the first time, so that nothing else may be told under it."""

_PERSONAL_IDS = frozenset({"34", "C1", "C2", "EI", "HN", "MI", "N"})
"""N103: social security, insured's, Medicare, employee's and member's numbers. What is shipped to a
patient's home may be addressed by one; it names no party of a purchase."""

_ITEM = ("IN", "BP", "SK", "CB")
_SUPPLIER_ITEM = ("VN", "VC", "VP", "VA")
_MANUFACTURER_ITEM = ("MG", "MN", "MF")
NO_ITEM = frozenset({"LT", "PL", "PO", "SN"})
"""PO106 and its like that say something else than which item: lot, line, order, serial."""
_DUE = ("002", "010", "106")
"""DTM01: delivery requested, requested ship, required by."""
_NOISE = re.compile(r"[^0-9A-Z]+")
_KIND_LAST = 24
"""PO124 and its like hold the last kind of number."""


class Partners(msgspec.Struct, frozen=True, kw_only=True):
    """Buyer and supplier, as the envelope of a document addresses them."""

    buyer: str
    """ISA06 of what the buyer sends, ISA08 of what it receives."""
    supplier: str
    key: str
    """`<buyer>:<supplier>`, as every document of theirs has it; or the authority of the source."""

    def stream(self, number: str) -> str:
        """Return the stream of an order, or of a document that names none."""
        return f"purchase/{bounded_identity(f'{self.key}:{plain_number(number)}')}"

    def document(self, kind: str, *numbers: str) -> str:
        """Return the business identity of a document: its kind, partners and own numbers."""
        own = ":".join(plain_number(each) for each in numbers if each.strip())
        return bounded_identity(f"{kind}:{self.key}:{own}")


def partners_of(
    transaction_set: TransactionSet, channel: Channel, *, is_by_buyer: bool
) -> Partners:
    """Return whose document a set is: the sender is the buyer's or the supplier's side."""
    interchange = transaction_set.envelope.interchange
    sides = [interchange.sender_id.strip(), interchange.receiver_id.strip()]
    buyer, supplier = sides if is_by_buyer else reversed(sides)
    key = channel.authority or f"{_plain(buyer)}:{_plain(supplier)}"
    return Partners(buyer=buyer, supplier=supplier, key=key)


def plain_number(number: str) -> str:
    """Return a number of a document as its key has it.

    Case, spaces and zeros before a number that is all digits do not count: systems that echo an
    order's number pad it, cut it, or write it in capitals.
    """
    text = " ".join(number.upper().split())
    return text.lstrip("0") or text if text.isascii() and text.isdigit() else text


def _plain(address: str) -> str:
    """Return an ISA id as its key has it: letters and digits, in capitals."""
    return _NOISE.sub("", address.upper()) or address


Told = PurchaseOrdered | PurchaseChanged | PurchaseAcknowledged | PurchaseShipped | PurchaseInvoiced


class LinePlace(msgspec.Struct, frozen=True):
    """Where a line says what: its segment, and the numbers of elements.

    What the price is for follows it, and the item's numbers follow that.
    """

    segment: str
    quantity: int
    unit: int
    price: int


class Parties(TypedDict):
    """What every fact says of its document."""

    buyer: str
    supplier: str
    facility: str
    currency: str
    total_minor: int | None


class Document:
    """One document being read: its partners, its lines so far, and what holds it."""

    def __init__(
        self, transaction_set: TransactionSet, channel: Channel, *, is_by_buyer: bool
    ) -> None:
        self.partners = partners_of(transaction_set, channel, is_by_buyer=is_by_buyer)
        self.where = transaction_set.where
        self.lines: list[PurchaseLine] = []
        self.faults: list[Fault] = []
        self.made_on = recorded_on(transaction_set)
        self._facility = channel.facility
        self._lines_count = 0
        self._due_on: date | None = None

    def place(self, loop: LoopNode) -> str:
        """Return the path of a loop in its file."""
        return f"{self.where}/{loop.where}"

    def add(self, line: PurchaseLine) -> None:
        """Keep a line; beyond the cap none is, and the document is held."""
        if self.has_room(line.where):
            self.lines.append(line)

    def has_room(self, where: str) -> bool:
        """Count a line, and tell whether it may be kept."""
        self._lines_count += 1
        if self._lines_count == LINES_MAX + 1:
            self.faults.append(fault("x12.document.too_long", where))
        return self._lines_count <= LINES_MAX

    def due_on(self, root: LoopNode) -> date | None:
        """Return when a document's header wants all of it; it is read once, before its lines."""
        if not self._lines_count:
            self._due_on = due_on(root)
        return self._due_on

    def need(self, value: str, where: str) -> str:
        """Return what a document is known by; where it is empty the document is held."""
        if not value:
            self.faults.append(fault("x12.element.missing", f"{self.where}/{where}"))
        return value

    def parties(self, root: LoopNode, levels: Sequence[LoopNode] = ()) -> Parties:
        """Return who and what a document's header names; levels come before it, nearest first."""
        loops = (*levels, root)
        return Parties(
            buyer=party_id(loops, BUYERS) or self.partners.buyer,
            supplier=party_id(loops, SUPPLIERS) or self.partners.supplier,
            facility=party_id(loops, SHIP_TO) or self._facility,
            currency=element(root.first("CUR"), 2),
            total_minor=told_total(root),
        )

    def routed(self, number: str, fact: Told) -> Routed:
        """Return a fact on its way to the stream of an order or document number."""
        return Routed(self.partners.stream(number), fact, fact.where)


def element(segment: Segment | None, number: int) -> str:
    """Return an element without spaces around it; "" where there is no such segment."""
    return segment.get(number).strip() if segment else ""


def party_id(loops: Sequence[LoopNode], roles: Sequence[str]) -> str:
    """Return N104 of the first party that has one, by role in order of precedence."""
    return next(
        (
            told
            for role in roles
            for outer in loops
            for party in outer.inner_all("N1", role)
            if (told := _id_of(party.first("N1")))
        ),
        "",
    )


def _id_of(party: Segment | None) -> str:
    """Return N104, unless it is a person's."""
    return "" if element(party, 3) in _PERSONAL_IDS else element(party, 4)


def told_total(root: LoopNode) -> int | None:
    """Return AMT02 of AMT TT, in minor units; None where it is not told or is no amount."""
    loops = (root, *root.inner_all("AMT"), *root.inner_all("CTT"))
    told = next((each for loop in loops for each in loop.all("AMT", "TT")), None)
    return None if told is None else parse_amount_x12(told.get(2))


def pairs(segment: Segment | None, first: int) -> Iterator[tuple[str, str]]:
    """Yield the kinds and numbers of an item: PO106 and PO107, PO108 and PO109 ..."""
    for number in range(first, _KIND_LAST + 1, 2) if segment else ():
        assert segment is not None, "nothing is yielded of none"
        value = segment.text(number + 1).strip()
        if value:
            yield segment.get(number), value


def item_of(told: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return our number of an item, else the first told; and the supplier's."""
    first = next((value for kind, value in told if kind not in NO_ITEM), "")
    return _chosen(told, _ITEM) or first, _chosen(told, _SUPPLIER_ITEM)


def manufacturer_item_of(told: Sequence[tuple[str, str]]) -> str:
    """Return the manufacturer's number of an item."""
    return _chosen(told, _MANUFACTURER_ITEM)


def number_of_kind(told: Sequence[tuple[str, str]], kind: str) -> str:
    """Return the number of one kind among an item's numbers: PO, the order a line is of."""
    return _chosen(told, (kind,))


def _chosen(told: Sequence[tuple[str, str]], kinds: Sequence[str]) -> str:
    return next((value for kind in kinds for each, value in told if each == kind), "")


def read_priced(unit: Unit, document: Document, place: LinePlace) -> PurchaseLine:
    """Return the line of a PO1, IT1 or POC.

    The price of CTP03 stands in for one that is empty.
    """
    loop = unit.loop
    segment = loop.first(place.segment)
    quantity, basis = element(segment, place.quantity), element(segment, place.price + 1)
    price = element(segment, place.price)
    for each in () if price else loop.inner_all("CTP"):
        price = price or element(each.first("CTP"), 3)
    numbers = list(pairs(segment, place.price + 2))
    item, supplier_item = item_of(numbers)
    return PurchaseLine(
        number=element(segment, 1) or str(unit.ordinal),
        item=item,
        supplier_item=supplier_item,
        quantity=quantity,
        unit=segment.get(place.unit, 1).strip() if segment else "",
        price=price,
        basis=basis,
        amount_minor=amount_of(quantity, price, basis),
        due_on=due_on(loop) or document.due_on(unit.around[0]),
        order=number_of_kind(numbers, "PO"),
        where=document.place(loop),
    )


def amount_of(quantity: str, price: str, basis: str) -> int | None:
    """Return quantity times price in minor units, where that is one unit's price and whole."""
    count, each = read_number(quantity), read_number(price)
    if count is None or each is None or basis not in PRICED_EACH:
        return None
    amount: Fraction = count * each * MINOR_PER_MAJOR
    return amount.numerator if amount.denominator == 1 else None


def due_on(loop: LoopNode) -> date | None:
    """Return when something is wanted: DTM 002, 010 or 106, else SCH06 where there is one SCH."""
    told = next((on for kind in _DUE if (on := loop.date(kind))), None)
    schedules = loop.inner_all("SCH")
    if told is None and len(schedules) == 1:
        return read_date(element(schedules[0].first("SCH"), 6))
    return told
