"""What a buyer's documents share when they are written (X12 850, 860, 820). Pure.

Here: parties, item numbers, dates and totals. Not here: what documents share when they are read
(`x12_purchase.py`), segments and interchanges (`x12_write.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from suture.model.purchase import PurchaseLine
from suture.translate.x12_write import Party, SetDraft, amount, day, shown
from suture.wire.x12.sums import read_number

BUYER, SUPPLIER, SHIP_TO = "BY", "SU", "ST"
"""N101."""
NOBODY_KNOWN: Mapping[str, Party] = MappingProxyType({})

_ASSIGNED_BY_BUYER = "92"
_ITEM, _SUPPLIER_ITEM = "IN", "VC"
_TOTAL = "TT"
_ADDRESS_LINES = 2


def add_party(draft: SetDraft, role: str, id_: str, parties: Mapping[str, Party]) -> None:
    """Add the N1 of a party, with its address where one is known; none where it has no id."""
    where = f"N1[{role}]"
    told = draft.identifier(id_, f"{where}/N1-04", is_required=False)
    if not told:
        return
    known = parties.get(id_)
    if known is None:
        draft.add("N1", role, "", _ASSIGNED_BY_BUYER, told)
        return
    draft.add("N1", role, shown(known.name), known.id_kind, told)
    address = known.address
    lines = [line for each in address.lines[:_ADDRESS_LINES] if (line := shown(each))]
    if lines:
        draft.add("N3", *lines)
    if address.city:
        place = (shown(address.city), shown(address.state), shown(address.postcode))
        draft.add("N4", *place, shown(address.country))


def add_currency(draft: SetDraft, currency: str) -> None:
    """Add CUR, which says that the buyer means this currency."""
    if currency:
        draft.add("CUR", BUYER, currency)


def number_of(draft: SetDraft, line: PurchaseLine, where: str) -> str:
    """Return the number of a line, by which answers, notices and invoices name it."""
    return draft.identifier(line.number, f"{where}-01")


def quantity_of(draft: SetDraft, line: PurchaseLine, where: str) -> str:
    """Return the quantity of a line as it was told; what is no number is as good as none."""
    is_number = read_number(line.quantity) is not None
    return draft.need(line.quantity if is_number else "", where)


def item_numbers(draft: SetDraft, line: PurchaseLine, where: str) -> tuple[str, ...]:
    """Return kinds and numbers of a line's item: ours, and the supplier's where it has one."""
    told: list[str] = []
    if line.item and line.item != line.supplier_item:
        told += (_ITEM, draft.identifier(line.item, f"{where}/item"))
    if line.supplier_item:
        told += (_SUPPLIER_ITEM, draft.identifier(line.supplier_item, f"{where}/supplier_item"))
    draft.need("told" if told else "", f"{where}/item")
    return tuple(told)


def line_dates(draft: SetDraft, line: PurchaseLine, kind: str) -> None:
    """Add when a line is wanted."""
    if line.due_on is not None:
        draft.add("DTM", kind, day(line.due_on))


def add_totals(draft: SetDraft, lines: Sequence[PurchaseLine], total_minor: int | None) -> None:
    """Add how many lines there are, and what they come to where that is told."""
    draft.add("CTT", str(len(lines)))
    if total_minor is not None:
        draft.add("AMT", _TOTAL, amount(total_minor))
