"""Writes the 850: a `PurchaseOrdered` as the interchange that a supplier is sent. Pure.

Every field a purchase is known by is written, so that reading it back tells the same: quantities
and prices as they were told, item numbers by whose they are. Not here: how an order is read
(`x12_850.py`), what sets share (`x12_write.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from suture.model.fault import Fault
from suture.model.purchase import PurchaseOrdered
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

_ORIGINAL, _STAND_ALONE = "00", "SA"
_DELIVERY = "002"


def write(
    fact: PurchaseOrdered, sending: Sending, parties: Mapping[str, Party] = NOBODY_KNOWN
) -> bytes | Fault:
    """Return the order as an interchange, or what it lacks.

    `parties` is what master data knows of buyer, supplier and facility by their ids: names,
    addresses and the kind of each id; an id that is not among them is the buyer's own (N103 = 92).
    """
    draft = SetDraft("850", VERSION, "PO")
    order = draft.identifier(fact.order, "BEG-03")
    release = draft.identifier(fact.release, "BEG-04", is_required=False)
    purpose, kind = fact.purpose or _ORIGINAL, fact.kind or _STAND_ALONE
    draft.add("BEG", purpose, kind, order, release, day(fact.dated_on))
    add_currency(draft, fact.currency)
    contract = draft.identifier(fact.contract, "REF-02", is_required=False)
    if contract:
        draft.add("REF", "CT", contract)
    for role, party in (
        (BUYER, fact.buyer),
        (SUPPLIER, fact.supplier),
        (SHIP_TO, fact.facility),
    ):
        add_party(draft, role, party, parties)
    draft.need("told" if fact.lines else "", "PO1")
    for ordinal, line in enumerate(fact.lines, 1):
        where = f"PO1[{ordinal}]"
        draft.add(
            "PO1",
            number_of(draft, line, where),
            quantity_of(draft, line, f"{where}/PO1-02"),
            draft.need(line.unit, f"{where}/PO1-03"),
            line.price,
            line.basis if line.price else "",
            *item_numbers(draft, line, where),
        )
        line_dates(draft, line, _DELIVERY)
    add_totals(draft, fact.lines, fact.total_minor)
    return written(sending, [draft])
