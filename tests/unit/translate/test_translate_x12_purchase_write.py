"""What a buyer sends: orders, changes and payment advices as X12 (translate/x12_*_write.py).

That what is written reads as it was is tests/properties/test_x12_supply_round_trip.py.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec
import pytest

from suture.model.fault import Fault
from suture.model.person import Address as PostalAddress
from suture.model.purchase import (
    PaymentAdvised,
    PaymentItem,
    PurchaseChanged,
    PurchaseLine,
    PurchaseOrdered,
)
from suture.translate import x12_820_write, x12_850_write, x12_860_write
from suture.translate.x12_write import Party, Sending
from suture.wire.x12 import Address

SENDING = Sending(
    address=Address(sender_id="RIVERBEND", receiver_id="SURGIPARTS"),
    control_number=417,
    made_at=datetime(2026, 11, 2, 9, 30),  # noqa: DTZ001 - an envelope names local time
)
LINE = PurchaseLine(
    number="1",
    item="100234",
    supplier_item="GL-7M",
    quantity="10",
    unit="BX",
    price="42.505",
    basis="PE",
    due_on=date(2026, 11, 9),
)
ORDER = PurchaseOrdered(
    order="PO5501",
    document="",
    buyer="RB01",
    supplier="SP77",
    facility="RB02",
    lines=(LINE,),
    total_minor=42_505,
    currency="USD",
    dated_on=date(2026, 11, 2),
    contract="GPO-77",
)
CHANGE = PurchaseChanged(
    order="PO5501",
    document="",
    buyer="RB01",
    supplier="SP77",
    lines=(msgspec.structs.replace(LINE, status="QD", quantity="2"),),
    dated_on=date(2026, 11, 4),
    ordered_on=date(2026, 11, 2),
    purpose="04",
    change="1",
)
PAYMENT = PaymentAdvised(
    payment="RB01:PAY88",
    payer="RB01",
    payee="SP77",
    trace="PAY88",
    paid_minor=42_505,
    paid_on=date(2026, 12, 10),
    items=(PaymentItem(reference="INV300", paid_minor=42_505),),
)


def segments(written: bytes | Fault) -> list[str]:
    """Return what stands between ST and SE."""
    assert isinstance(written, bytes), written
    return written.decode("latin-1").split("~")[3:-4]


def refusal(written: bytes | Fault) -> tuple[str, str]:
    """Return why nothing was written, and for the lack of what."""
    assert isinstance(written, Fault)
    return written.code, written.where


def test_an_order_is_written_as_its_guide_has_it() -> None:
    assert [
        "BEG*00*SA*PO5501**20261102",
        "CUR*BY*USD",
        "REF*CT*GPO-77",
        "N1*BY**92*RB01",
        "N1*SU**92*SP77",
        "N1*ST**92*RB02",
        "PO1*1*10*BX*42.505*PE*IN*100234*VC*GL-7M",
        "DTM*002*20261109",
        "CTT*1",
        "AMT*TT*425.05",
    ] == segments(x12_850_write.write(ORDER, SENDING))


def test_a_party_that_master_data_knows_is_written_with_name_and_address() -> None:
    dock = Party(
        id="RB02",
        id_kind="UL",
        name="RIVERBEND HOSPITAL*DOCK",
        address=PostalAddress(
            lines=("1 RIVER ROAD",), city="SPRINGDALE", state="IL", postcode="62701"
        ),
    )
    written = segments(x12_850_write.write(ORDER, SENDING, {"RB02": dock}))
    place = written.index("N1*ST*RIVERBEND HOSPITAL DOCK*UL*RB02")
    assert ["N3*1 RIVER ROAD", "N4*SPRINGDALE*IL*62701"] == written[place + 1 : place + 3]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"order": ""}, "BEG-03"),
        ({"lines": ()}, "PO1"),
        ({"lines": (msgspec.structs.replace(LINE, quantity=""),)}, "PO1[1]/PO1-02"),
        ({"lines": (msgspec.structs.replace(LINE, quantity="ten"),)}, "PO1[1]/PO1-02"),
        ({"lines": (msgspec.structs.replace(LINE, unit=""),)}, "PO1[1]/PO1-03"),
        ({"lines": (msgspec.structs.replace(LINE, number=""),)}, "PO1[1]-01"),
        ({"lines": (msgspec.structs.replace(LINE, item="", supplier_item=""),)}, "PO1[1]/item"),
    ],
)
def test_an_order_that_lacks_something_is_not_written(change: dict[str, str], where: str) -> None:
    lacking = msgspec.structs.replace(ORDER, **change)
    assert ("x12.write.incomplete", where) == refusal(x12_850_write.write(lacking, SENDING))


def test_an_item_number_that_x12_cannot_hold_is_not_written() -> None:
    line = msgspec.structs.replace(LINE, supplier_item="GL~7M")
    odd = msgspec.structs.replace(ORDER, lines=(line,))
    assert ("x12.write.unwritable", "PO1[1]/supplier_item") == refusal(
        x12_850_write.write(odd, SENDING)
    )


def test_a_change_says_of_each_line_what_becomes_of_it() -> None:
    assert [
        "BCH*04*SA*PO5501**1*20261102*****20261104",
        "N1*BY**92*RB01",
        "N1*SU**92*SP77",
        "POC*1*QD*2**BX*42.505*PE*IN*100234*VC*GL-7M",
        "DTM*002*20261109",
        "CTT*1",
    ] == segments(x12_860_write.write(CHANGE, SENDING))


def test_an_order_is_cancelled_without_naming_its_lines() -> None:
    cancelled = msgspec.structs.replace(CHANGE, purpose="01", lines=())
    assert "CTT*0" == segments(x12_860_write.write(cancelled, SENDING))[-1]


def test_a_change_of_an_order_of_no_known_day_is_not_written() -> None:
    lacking = msgspec.structs.replace(CHANGE, ordered_on=None)
    assert ("x12.write.incomplete", "BCH-06") == refusal(x12_860_write.write(lacking, SENDING))


def test_a_line_of_a_change_that_says_no_change_is_not_written() -> None:
    lacking = msgspec.structs.replace(CHANGE, lines=(LINE,))
    written = x12_860_write.write(lacking, SENDING)
    assert ("x12.write.incomplete", "POC[1]/POC-02") == refusal(written)


def test_a_payment_is_advised_and_moves_no_money() -> None:
    assert [
        "BPR*I*425.05*C*ZZZ************20261210",
        "TRN*1*PAY88",
        "N1*PR**92*RB01",
        "N1*PE**92*SP77",
        "ENT*1",
        "RMR*IV*INV300**425.05",
    ] == segments(x12_820_write.write(PAYMENT, SENDING))


def test_a_payment_that_its_items_do_not_come_to_is_not_written() -> None:
    wrong = msgspec.structs.replace(PAYMENT, paid_minor=42_500)
    written = x12_820_write.write(wrong, SENDING)
    assert ("x12.write.incomplete", "BPR-02") == refusal(written)


def test_b92_a_premium_of_a_person_is_not_written() -> None:
    item = PaymentItem(reference="", member="mem_x", paid_minor=42_505)
    written = x12_820_write.write(msgspec.structs.replace(PAYMENT, items=(item,)), SENDING)
    assert ("x12.write.incomplete", "RMR-02") == refusal(written)
