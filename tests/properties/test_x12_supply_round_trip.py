"""A fact written as X12 and read again tells the same: orders, changes, payments of invoices.

What is compared is all that a purchase is known and booked by. Places in the file differ, of
course, and so does the identity of a document, which says by whose address it went.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.translate.x12_documents import meaning

from suture.model.event import Fact
from suture.model.fault import Fault
from suture.model.purchase import (
    PaymentAdjustment,
    PaymentAdvised,
    PaymentItem,
    PurchaseChanged,
    PurchaseLine,
    PurchaseOrdered,
)
from suture.translate import x12_820_write, x12_850_write, x12_860_write
from suture.translate.x12_purchase import amount_of
from suture.translate.x12_write import Sending
from suture.wire.x12 import Address

SENDING = Sending(
    address=Address(sender_id="RIVERBEND", receiver_id="SURGIPARTS"),
    control_number=417,
    made_at=datetime(2026, 11, 2, 9, 30),  # noqa: DTZ001 - an envelope names local time
)

numbers = st.from_regex(r"[A-Z0-9](?:[A-Z0-9 ./-]{0,12}[A-Z0-9])?", fullmatch=True)
quantities = st.from_regex(r"(?:[1-9][0-9]{0,5}|0)(?:\.[0-9]{0,3}[1-9])?", fullmatch=True)
prices = st.from_regex(r"(?:[1-9][0-9]{0,6}|0)(?:\.[0-9]{0,4}[1-9])?", fullmatch=True)
units = st.sampled_from(("EA", "BX", "CA", "PK", "RL"))
dates = st.dates(date(2000, 1, 1), date(2099, 12, 31))
minor = st.integers(1, 10**9)
ids = st.from_regex(r"[A-Z0-9]{2,13}", fullmatch=True)


@st.composite
def lines(draw: st.DrawFn, statuses: tuple[str, ...] = ("",)) -> PurchaseLine:
    """Draw a line as a translation makes it."""
    quantity, price = draw(quantities), draw(st.just("") | prices)
    basis = draw(st.sampled_from(("", "PE", "HP"))) if price else ""
    supplier_item = draw(st.just("") | numbers)
    return PurchaseLine(
        number=draw(numbers),
        item=supplier_item if supplier_item and draw(st.booleans()) else draw(numbers),
        supplier_item=supplier_item,
        quantity=quantity,
        unit=draw(units),
        price=price,
        basis=basis,
        amount_minor=amount_of(quantity, price, basis),
        status=draw(st.sampled_from(statuses)),
        due_on=draw(st.none() | dates),
    )


@st.composite
def orders(draw: st.DrawFn) -> PurchaseOrdered:
    """Draw an order as a translation makes it."""
    return PurchaseOrdered(
        order=draw(numbers),
        document="",
        buyer=draw(ids),
        supplier=draw(ids),
        facility=draw(st.just("") | ids),
        lines=tuple(draw(st.lists(lines(), min_size=1, max_size=5))),
        total_minor=draw(st.none() | minor),
        currency=draw(st.sampled_from(("", "USD", "CAD"))),
        dated_on=draw(dates),
        purpose=draw(st.sampled_from(("00", "05", "06", "07"))),
        kind=draw(st.sampled_from(("SA", "NE", "RL", "RO", "DS"))),
        release=draw(st.just("") | numbers),
        contract=draw(st.just("") | numbers),
    )


@st.composite
def changes(draw: st.DrawFn) -> PurchaseChanged:
    """Draw a change as a translation makes it."""
    changed = lines(("AI", "CA", "DI", "PC", "QD", "QI"))
    return PurchaseChanged(
        order=draw(numbers),
        document="",
        buyer=draw(ids),
        supplier=draw(ids),
        facility=draw(st.just("") | ids),
        lines=tuple(draw(st.lists(changed, max_size=5))),
        total_minor=draw(st.none() | minor),
        currency=draw(st.sampled_from(("", "USD"))),
        dated_on=draw(dates),
        purpose=draw(st.sampled_from(("01", "04", "05"))),
        change=draw(st.just("") | st.from_regex(r"[1-9][0-9]{0,3}", fullmatch=True)),
        kind=draw(st.sampled_from(("SA", "NE", "RL"))),
        release=draw(st.just("") | numbers),
        ordered_on=draw(dates),
    )


adjustments = st.builds(
    PaymentAdjustment,
    reason=st.sampled_from(("01", "06", "52")),
    amount_minor=minor.map(lambda x: -x),
)


@st.composite
def payments(draw: st.DrawFn) -> PaymentAdvised:
    """Draw a payment as a translation makes it, one that adds up."""
    payer, trace = draw(ids), draw(numbers)
    key = draw(st.just(payer) | st.from_regex(r"[0-9]{10}", fullmatch=True))
    items = tuple(
        draw(
            st.lists(
                st.builds(
                    PaymentItem,
                    reference=numbers,
                    qualifier=st.sampled_from(("IV", "CM")),
                    paid_minor=st.integers(-(10**9), 10**9),
                    billed_minor=st.none() | minor,
                    discount_minor=st.just(0) | minor,
                    adjustments=st.lists(adjustments, max_size=2).map(tuple),
                    order=st.just("") | numbers,
                ),
                min_size=1,
                max_size=4,
            )
        )
    )
    beside = tuple(draw(st.lists(adjustments, max_size=2)))
    total = sum(each.paid_minor for each in items) + sum(each.amount_minor for each in beside)
    return PaymentAdvised(
        payment=f"{payer if len(payer) == 10 else key}:{trace}",
        payer=payer,
        payee=draw(ids),
        trace=trace,
        paid_minor=total,
        direction=draw(st.sampled_from(("C", "D"))),
        method=draw(st.sampled_from(("ACH", "CHK", "FWT"))),
        paid_on=draw(dates),
        currency=draw(st.sampled_from(("", "USD"))),
        items=items,
        adjustments=beside,
    )


def told(fact: Fact) -> Fact:
    """Return a fact without the places and the identity that its file gives it."""
    struct = msgspec.structs
    match fact:
        case PurchaseOrdered() | PurchaseChanged():
            kept = tuple(struct.replace(each, where="") for each in fact.lines)
            return struct.replace(fact, lines=kept, where="", document="")
        case PaymentAdvised():
            items = tuple(struct.replace(each, where="") for each in fact.items)
            return struct.replace(fact, items=items, where="")
        case _:
            raise AssertionError(fact)


def read_back(written: bytes | Fault) -> Fact:
    """Return what an interchange that was written says; nothing may be found wrong with it."""
    assert isinstance(written, bytes), written
    (routed,), verdict = meaning(written)
    assert ("accepted", (), ()) == (verdict.status, verdict.faults, verdict.notes)
    return told(routed.fact)


@given(orders())
def test_an_order_that_is_written_reads_as_it_was(fact: PurchaseOrdered) -> None:
    assert fact == read_back(x12_850_write.write(fact, SENDING))


@given(changes())
def test_a_change_that_is_written_reads_as_it_was(fact: PurchaseChanged) -> None:
    assert fact == read_back(x12_860_write.write(fact, SENDING))


@given(payments())
def test_a_payment_that_is_written_reads_as_it_was(fact: PaymentAdvised) -> None:
    assert fact == read_back(x12_820_write.write(fact, SENDING))


@pytest.mark.parametrize("number", ["PO~1", "PO*1", "PO\n1", "PO>1"])
def test_a_number_that_x12_cannot_hold_is_refused_or_comes_back(number: str) -> None:
    line = PurchaseLine(number="1", item="A", quantity="1", unit="EA")
    fact = PurchaseOrdered(
        order=number,
        document="",
        buyer="BUYS",
        supplier="SELLS",
        dated_on=date(2026, 11, 2),
        lines=(line,),
    )
    written = x12_850_write.write(fact, SENDING)
    if isinstance(written, Fault):
        assert ("x12.write.unwritable", "BEG-03") == (written.code, written.where)
    else:
        back = read_back(written)
        assert isinstance(back, PurchaseOrdered)
        assert number == back.order
