"""Writes the 860: a `PurchaseChanged` as the interchange that a supplier is sent. Pure.

Not here: how a change is read (`x12_860.py`), how an order is written (`x12_850_write.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from suture.model.fault import Fault
from suture.model.purchase import PurchaseChanged
from suture.translate.x12_purchase_write import (
    BUYER,
    NOBODY_KNOWN,
    SHIP_TO,
    SUPPLIER,
    add_currency,
    add_party,
    add_totals,
    item_numbers,
    line_dates,
    number_of,
    quantity_of,
)
from suture.translate.x12_write import Party, Sending, SetDraft, day, written

VERSION = "004010"

_STAND_ALONE = "SA"
_DELIVERY = "002"
_WITHOUT_QUANTITY = frozenset({"DI", "NC", "PC"})
"""POC02 that may leave the quantity as it is: delete, no change, price."""


def write(
    fact: PurchaseChanged, sending: Sending, parties: Mapping[str, Party] = NOBODY_KNOWN
) -> bytes | Fault:
    """Return the change as an interchange, or what it lacks; `parties` as of an order.

    A cancellation (01) needs no lines: it is of all of them.
    """
    draft = SetDraft("860", VERSION, "PC")
    order = draft.identifier(fact.order, "BCH-03")
    release = draft.identifier(fact.release, "BCH-04", is_required=False)
    change = draft.identifier(fact.change, "BCH-05", is_required=False)
    ordered = draft.need(day(fact.ordered_on), "BCH-06")
    head = (draft.need(fact.purpose, "BCH-01"), fact.kind or _STAND_ALONE, order, release, change)
    draft.add("BCH", *head, ordered, "", "", "", "", day(fact.dated_on))
    add_currency(draft, fact.currency)
    for role, party in (
        (BUYER, fact.buyer),
        (SUPPLIER, fact.supplier),
        (SHIP_TO, fact.facility),
    ):
        add_party(draft, role, party, parties)
    for ordinal, line in enumerate(fact.lines, 1):
        where = f"POC[{ordinal}]"
        change_of_line = draft.need(line.status, f"{where}/POC-02")
        quantity = line.quantity
        if change_of_line not in _WITHOUT_QUANTITY:
            quantity = quantity_of(draft, line, f"{where}/POC-03")
        draft.add(
            "POC",
            number_of(draft, line, where),
            change_of_line,
            quantity,
            "",
            line.unit,
            line.price,
            line.basis if line.price else "",
            *item_numbers(draft, line, where),
        )
        line_dates(draft, line, _DELIVERY)
    add_totals(draft, fact.lines, fact.total_minor)
    return written(sending, [draft])
