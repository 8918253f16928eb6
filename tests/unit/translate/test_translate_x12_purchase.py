"""What documents of a purchase say: 850, 855, 856, 860, 810, 832 (translate/x12_purchase.py).

One order's whole story is tests/golden/x12_supply; what a guide finds wrong is tests/unit/wire.
"""

from __future__ import annotations

from datetime import date

import pytest
from tests.unit.translate.x12_documents import an_interchange, codes_of, facts_of, meaning

from suture.model.master_data import ItemRecorded
from suture.model.purchase import (
    PurchaseAcknowledged,
    PurchaseChanged,
    PurchaseInvoiced,
    PurchaseLine,
    PurchaseOrdered,
    PurchaseShipped,
)
from suture.translate import x12_purchase

BEG = "BEG*00*SA*PO-1**20261102"
PO1 = "PO1*1*10*BX*42.505*PE*VC*GL-7M*IN*100234"
BIG = "BIG*20261110*INV1**PO-1"
BSN = "BSN*00*SHIP1*20261108*1200"


def ordered(*segments: str) -> PurchaseOrdered:
    (fact,) = facts_of("850", *segments)
    assert isinstance(fact, PurchaseOrdered)
    return fact


def acknowledged(*segments: str) -> tuple[PurchaseLine, ...]:
    (fact,) = facts_of("855", "BAK*00*AC*PO-1*20261103", *segments)
    assert isinstance(fact, PurchaseAcknowledged)
    return fact.lines


def invoiced(*segments: str) -> PurchaseInvoiced:
    (fact,) = facts_of("810", *segments)
    assert isinstance(fact, PurchaseInvoiced)
    return fact


def shipped(*segments: str) -> list[PurchaseShipped]:
    facts = facts_of("856", *segments)
    return [fact for fact in facts if isinstance(fact, PurchaseShipped)]


def streams(kind: str, *segments: str, authority: str = "", sides: str = "") -> list[str]:
    pair = ("RIVERBEND", sides or "SURGIPARTS")
    routed, _ = meaning(an_interchange(kind, *segments, sides=pair), authority)
    return [each.stream for each in routed]


# Which order ------------------------------------------------------------------------------------


def test_what_each_partner_sends_of_an_order_meets_whoever_sends_it() -> None:
    expected = ["purchase/RIVERBEND:SURGIPARTS:PO-1"]
    assert expected == streams("850", BEG, PO1)
    assert expected == streams("855", "BAK*00*AC*PO-1*20261103", PO1)
    assert expected == streams("810", BIG, "TDS*100")


def test_who_is_named_in_the_document_does_not_part_it_from_its_order() -> None:
    named = streams("850", BEG, "N1*BY**9*1234567890000", "N1*SE**91*SP77", PO1)
    assert streams("850", BEG, PO1) == named


@pytest.mark.parametrize("number", ["PO-1", "po-1", " PO-1 "])
def test_the_case_of_an_order_and_spaces_around_it_do_not_part_it(number: str) -> None:
    told = streams("850", f"BEG*00*SA*{number}**20261102", PO1)
    assert ["purchase/RIVERBEND:SURGIPARTS:PO-1"] == told


def test_zeros_before_a_number_do_not_part_it_and_zeros_alone_are_one() -> None:
    assert ("5501", "5501", "000", "0A1") == tuple(
        map(x12_purchase.plain_number, ("5501", "0005501", "000", "0A1"))
    )


def test_a_telephone_number_is_one_partner_however_it_is_written() -> None:
    assert streams("850", BEG, PO1, sides="800-555-0147") == streams(
        "850", BEG, PO1, sides="8005550147"
    )


def test_a_source_with_an_authority_says_whose_order_numbers_they_are() -> None:
    """A supplier that invoices through somebody else's address would never meet its order."""
    told = streams("810", BIG, "TDS*100", authority="riverbend", sides="INVOICES4U")
    assert ["purchase/riverbend:PO-1"] == told == streams("850", BEG, PO1, authority="riverbend")


def test_b76_an_order_number_of_any_length_is_a_stream() -> None:
    (told,) = streams("850", f"BEG*00*SA*{'9' * 3000}**20261102", PO1)
    assert len(told) < 250


def test_an_order_of_an_older_version_without_a_number_is_held() -> None:
    _, verdict = meaning(an_interchange("850", "BEG*00*SA", PO1, version="003010"))
    assert "held" == verdict.status
    assert "ST02=0001/BEG-03" in {
        each.where for each in verdict.faults if each.code == "x12.element.missing"
    }


def test_a_document_of_too_many_lines_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x12_purchase, "LINES_MAX", 2)
    assert [("x12.document.too_long", "PO1[3]")] == codes_of("850", BEG, PO1, PO1, PO1, PO1)


# The order --------------------------------------------------------------------------------------


def test_an_order_tells_quantities_and_prices_as_they_were_sent() -> None:
    (line,) = ordered(BEG, "PO1*1*2.50*BX*9.3333*PE*VC*GL-7M*IN*100234").lines
    assert ("1", "100234", "GL-7M", "2.50", "BX", "9.3333", "PE") == (
        line.number,
        line.item,
        line.supplier_item,
        line.quantity,
        line.unit,
        line.price,
        line.basis,
    )


@pytest.mark.parametrize(
    ("line", "amount_minor"),
    [
        ("PO1*1*10*BX*42.505*PE*VC*A", 42_505),
        ("PO1*1*3*BX*.333*PE*VC*A", None),  # 99.9 cents: nobody said how to round.
        ("PO1*1*500*EA*12.5*HP*VC*A", None),  # A price for a hundred.
        ("PO1*1*500*EA***VC*A", None),
    ],
)
def test_a_line_has_an_amount_where_it_comes_to_whole_cents(
    line: str, amount_minor: int | None
) -> None:
    assert amount_minor == ordered(BEG, line).lines[0].amount_minor


def test_the_price_of_a_ctp_stands_in_for_one_that_is_not_in_its_line() -> None:
    (line,) = ordered(BEG, "PO1*1*2*EA***VC*A", "CTP**CON*7.125").lines
    assert "7.125" == line.price


def test_the_date_of_the_order_is_that_of_lines_without_one() -> None:
    dock, own = ordered(BEG, "DTM*002*20261109", PO1, PO1, "DTM*106*20261130").lines
    assert (date(2026, 11, 9), date(2026, 11, 30)) == (dock.due_on, own.due_on)


def test_one_schedule_is_a_date_and_several_are_none() -> None:
    one, several = ordered(
        BEG,
        "PO1*1*2*EA*5*PE*VC*A",
        "SCH*2*EA***002*20261120",
        "PO1*2*2*EA*5*PE*VC*A",
        "SCH*1*EA***002*20261120",
        "SCH*1*EA***002*20261220",
    ).lines
    assert (date(2026, 11, 20), None) == (one.due_on, several.due_on)


def test_parties_are_told_by_their_ids_in_order_of_precedence() -> None:
    parties = ("N1*BT**91*BILL", "N1*BY**91*BUYS", "N1*VN**91*SELLS", "N1*ST**91*DOCK")
    fact = ordered(BEG, *parties, PO1)
    assert ("BUYS", "SELLS", "DOCK") == (fact.buyer, fact.supplier, fact.facility)


def test_a_party_named_nowhere_is_told_by_its_address() -> None:
    fact = ordered(BEG, PO1)
    assert ("RIVERBEND", "SURGIPARTS", "") == (fact.buyer, fact.supplier, fact.facility)


def test_b92_goods_sent_to_a_patients_home_name_nobody() -> None:
    home = ("N1*ST*ZZPHI IDA*MI*ZZPHI77", "N3*4 ZZPHI STREET", "N4*SPRINGDALE*IL*62703")
    routed, verdict = meaning(an_interchange("850", "BEG*00*DS*PO-1**20261102", *home, PO1))
    assert "ZZPHI" not in repr((routed, verdict))


def test_an_original_order_claims_its_number_and_a_release_its_own() -> None:
    plain = meaning(an_interchange("850", BEG, PO1))[1].identities
    release = meaning(an_interchange("850", "BEG*00*RL*PO-1*7*20261102", PO1))[1].identities
    assert ("document:850:RIVERBEND:SURGIPARTS:PO-1",) == plain
    assert ("document:850:RIVERBEND:SURGIPARTS:PO-1:7",) == release


@pytest.mark.parametrize("purpose", ["05", "06", "07"])
def test_what_repeats_or_replaces_an_order_claims_nothing(purpose: str) -> None:
    raw = an_interchange("850", f"BEG*{purpose}*SA*PO-1**20261102", PO1)
    assert () == meaning(raw)[1].identities


def test_b22_an_order_date_that_is_none_is_told_and_the_envelopes_stands_in() -> None:
    raw = an_interchange("850", "BEG*00*SA*PO-1**20260230", PO1)
    (routed,), verdict = meaning(raw)
    assert isinstance(routed.fact, PurchaseOrdered)
    assert date(2026, 11, 2) == routed.fact.dated_on
    assert ["x12.element.date"] == [each.code for each in (*verdict.faults, *verdict.notes)]


@pytest.mark.parametrize("amount", ["1,234.56", "1e9", "NaN", "1_000"])
def test_b23_a_price_that_is_no_number_holds_the_order(amount: str) -> None:
    held = codes_of("850", BEG, f"PO1*1*1*EA*{amount}*PE*VC*A")
    assert [("x12.element.character", "PO1[1]/PO1-04")] == held


# The answer -------------------------------------------------------------------------------------


def test_a_line_that_is_answered_in_parts_is_as_many_lines() -> None:
    lines = acknowledged(PO1, "ACK*IA*6*BX*068*20261108", "ACK*IB*4*BX*068*20261130")
    assert [("1", "IA", "6", date(2026, 11, 8)), ("1", "IB", "4", date(2026, 11, 30))] == [
        (each.number, each.status, each.quantity, each.due_on) for each in lines
    ]


def test_a_substitute_stands_in_the_line_by_its_own_number() -> None:
    (line,) = acknowledged(PO1, "ACK*IS*10*BX*068*20261108**VC*GL-8M")
    assert ("1", "IS", "GL-8M", "10") == (
        line.number,
        line.status,
        line.supplier_item,
        line.quantity,
    )


def test_what_an_answer_leaves_open_is_as_the_line_has_it() -> None:
    (line,) = acknowledged(PO1, "ACK*IA")
    assert ("10", "BX", "100234") == (line.quantity, line.unit, line.item)


def test_a_line_without_an_answer_is_told_without_one() -> None:
    (line,) = acknowledged(PO1)
    assert "" == line.status


# The shipment -----------------------------------------------------------------------------------

TREE = (
    "HL*1**S",
    "TD5**2*FDEG",
    "REF*BM*BOL1",
    "DTM*017*20261110",
    "N1*ST**91*DOCK",
    "HL*2*1*O",
    "PRF*PO-1",
    "HL*3*2*P",
    "MAN*GM*0010",
    "HL*4*3*I",
    "LIN*1*VC*A*LT*L1",
    "SN1*1*10*BX",
    "REF*SE*S1",
)


def test_a_line_is_of_the_order_the_way_and_the_packs_above_it() -> None:
    (fact,) = shipped(BSN, *TREE)
    (line,) = fact.lines
    assert ("PO-1", "FDEG", "BOL1", date(2026, 11, 10), "DOCK") == (
        fact.order,
        fact.carrier,
        fact.tracking,
        fact.arrives_on,
        fact.facility,
    )
    assert ("A", "10", "BX", ("S1", "L1"), ("0010",), "PO-1") == (
        line.supplier_item,
        line.quantity,
        line.unit,
        line.lots,
        line.packs,
        line.order,
    )


def test_each_order_of_a_shipment_is_told_its_own_lines() -> None:
    second = ("HL*5*1*O", "PRF*PO-2", "HL*6*5*I", "LIN*2*VC*B", "SN1*2*1*EA")
    told = [
        (fact.order, [each.item for each in fact.lines]) for fact in shipped(BSN, *TREE, *second)
    ]
    assert [("PO-1", ["A"]), ("PO-2", ["B"])] == told


def test_a_shipment_of_no_order_is_told_to_its_own_stream() -> None:
    without = (BSN, "HL*1**S", "HL*2*1*I", "LIN*1*VC*A", "SN1*1*1*EA")
    assert ["purchase/RIVERBEND:SURGIPARTS:SHIP1"] == streams("856", *without)


def test_a_cancelled_notice_says_so_and_claims_nothing() -> None:
    raw = an_interchange("856", "BSN*01*SHIP1*20261108*1200", *TREE)
    (routed,), verdict = meaning(raw)
    assert isinstance(routed.fact, PurchaseShipped)
    assert ("01", ()) == (routed.fact.purpose, verdict.identities)


# The invoice ------------------------------------------------------------------------------------

LINE = "IT1*1*10*BX*42.505*PE*VC*A"


def test_an_invoice_tells_its_total_allowances_and_taxes() -> None:
    fact = invoiced(BIG, LINE, "SAC*A*C310***500", "TDS*42505", "TXI*ST*2.5", "SAC*C*D240***250")
    assert (42_505, -250, 250) == (fact.total_minor, fact.allowances_minor, fact.taxes_minor)


def test_an_invoice_that_does_not_add_up_is_held_with_the_difference() -> None:
    _, verdict = meaning(an_interchange("810", BIG, LINE, "TDS*52505"))
    (found,) = verdict.faults
    assert ("x12.810.invoice.unbalanced", "100.00 more than" in found.explanation) == (
        found.code,
        True,
    )


@pytest.mark.parametrize(
    ("terms", "due_on"),
    [
        ("ITD*01*3*2**10*20261215*45", date(2026, 12, 15)),
        ("ITD*01*3*2**10**30", date(2026, 12, 10)),
        ("ITD*01*2*2**10**30", None),  # From the day of delivery, which nobody told.
        ("DTM*814*20261220", date(2026, 12, 20)),
    ],
)
def test_an_invoice_is_due_when_its_terms_say(terms: str, due_on: date | None) -> None:
    assert due_on == invoiced(BIG, terms, LINE, "TDS*42505").due_on


def test_an_invoice_of_one_order_told_by_its_lines_meets_it() -> None:
    line = (LINE, "REF*PO*PO-1")
    told = streams("810", "BIG*20261110*INV1", *line, "TDS*42505")
    assert ["purchase/RIVERBEND:SURGIPARTS:PO-1"] == told


def test_an_invoice_of_no_order_or_of_several_is_told_to_its_own_stream() -> None:
    own = ["purchase/RIVERBEND:SURGIPARTS:INV1"]
    several = (LINE, "REF*PO*PO-1", LINE, "REF*PO*PO-2", "TDS*85010")
    assert own == streams("810", "BIG*20261110*INV1", LINE, "TDS*42505")
    assert own == streams("810", "BIG*20261110*INV1", *several)


def test_an_invoice_and_the_credit_memo_of_its_number_claim_each_their_own() -> None:
    claims = [
        meaning(an_interchange("810", f"BIG*20261110*INV1**PO-1***{kind}", LINE, "TDS*42505"))[1]
        for kind in ("DI", "CR")
    ]
    assert [
        ("document:invoice:RIVERBEND:SURGIPARTS:INV1",),
        ("document:credit:RIVERBEND:SURGIPARTS:INV1",),
    ] == [each.identities for each in claims]


# The change -------------------------------------------------------------------------------------


def test_a_change_says_what_becomes_of_each_line() -> None:
    (fact,) = facts_of(
        "860",
        "BCH*04*SA*PO-1**3*20261102*****20261104",
        "POC*2*QD*2*2*EA*1250*PE*VC*KN-44",
        "POC*4*DI*0**EA",
    )
    assert isinstance(fact, PurchaseChanged)
    assert ("3", date(2026, 11, 2), date(2026, 11, 4)) == (
        fact.change,
        fact.ordered_on,
        fact.dated_on,
    )
    assert [("2", "QD", "2"), ("4", "DI", "0")] == [
        (each.number, each.status, each.quantity) for each in fact.lines
    ]


# The catalogue ----------------------------------------------------------------------------------


def items(*segments: str) -> list[ItemRecorded]:
    facts = facts_of("832", "BCT*PS*CAT1", "N1*SU**91*SP77", *segments)
    return [fact for fact in facts if isinstance(fact, ItemRecorded)]


def test_an_item_costs_what_the_contract_says_before_what_the_list_says() -> None:
    (item,) = items("LIN*1*VC*A*MG*M-A", "CTP**CAT*9.99*1*EA", "CTP**CON*8.125*1*BX")
    assert ("A", "SP77", "M-A", "8.125", "BX") == (
        item.code,
        item.system,
        item.manufacturer_item,
        item.price,
        item.unit,
    )


def test_an_item_is_known_by_its_supplier() -> None:
    raw = an_interchange("832", "BCT*PS*CAT1", "N1*SU**91*SP77", "LIN*1*VC*A", "CTP**CON*1*1*EA")
    assert ["item/SP77:A"] == [each.stream for each in meaning(raw)[0]]


def test_a_price_holds_from_the_day_of_its_item_or_else_of_the_catalogue() -> None:
    raw = ("BCT*PS*CAT1", "DTM*007*20270101", "LIN*1*VC*A", "LIN*2*VC*B", "DTM*007*20270201")
    facts = [each for each in facts_of("832", *raw) if isinstance(each, ItemRecorded)]
    assert [date(2027, 1, 1), date(2027, 2, 1)] == [each.valid_from for each in facts]
