"""What an 820 says: a payment, of invoices or of premiums (translate/x12_820.py).

Its sum is tests/unit/wire/test_x12_sums.py; whole examples are tests/golden/x12_supply.
"""

from __future__ import annotations

from datetime import date

import pytest
from tests.specs.riverbend_books import TOKENIZER
from tests.unit.translate.x12_documents import an_interchange, codes_of, facts_of, meaning

from suture.model.purchase import PaymentAdjustment, PaymentAdvised
from suture.model.translation import Secret
from suture.translate import x12_820

BPR = "BPR*C*{}*C*ACH*CTX*01*021000021*DA*1234*1371234567**01*071000013*DA*5678*20261210"
TRN = "TRN*1*PAY88*1371234567"
PARTIES = ("N1*PR*RIVERBEND*91*RB01", "N1*PE*SURGIPARTS*91*SP77")
PREMIUM = "005010X218"
PREMIUM_PARTIES = ("REF*38*POLICY1", "N1*PE*PLAN*FI*36111", "N1*PR*RIVERBEND*FI*37123")
INDIVIDUAL = (
    "ENT*1*2J*EI*E1001",
    "NM1*EY*1*ZZPHI*IDA****EI*E1001",
    "RMR*AZ*ZZPHI1001**150*160",
    "DTM*582****RD8*20261101-20261130",
    "ADX*-10*52",
)


def paid(amount: str, *segments: str) -> PaymentAdvised:
    (fact,) = facts_of("820", BPR.format(amount), TRN, *PARTIES, *segments)
    assert isinstance(fact, PaymentAdvised)
    return fact


def test_a_payment_says_which_invoice_it_pays_and_why_not_all_of_it() -> None:
    fact = paid("100", "ENT*1", "RMR*IV*INV1**100*120*5", "REF*PO*PO-1", "ADX*-15*01")
    (item,) = fact.items
    assert ("INV1", "IV", 10_000, 12_000, 500, "PO-1") == (
        item.reference,
        item.qualifier,
        item.paid_minor,
        item.billed_minor,
        item.discount_minor,
        item.order,
    )
    assert (PaymentAdjustment(reason="01", amount_minor=-1_500),) == item.adjustments


def test_a_payment_is_known_by_payer_and_trace_as_its_deposit_is() -> None:
    raw = an_interchange("820", BPR.format("5"), TRN, *PARTIES, "ENT*1", "RMR*IV*INV1**5")
    (routed,), verdict = meaning(raw)
    assert "payment/1371234567:PAY88" == routed.stream
    assert ("payment:1371234567:PAY88",) == verdict.identities


@pytest.mark.parametrize(
    ("trace", "parties", "payer"),
    [
        ("TRN*1*PAY88", PARTIES, "RB01"),
        ("TRN*1*PAY88", ("N1*PR*ZZPHI IDA",), "RIVERBEND"),
        ("TRN*1*PAY88", ("N1*PR*ZZPHI IDA*34*ZZPHI1",), "RIVERBEND"),
        ("TRN*1*PAY88", ("N1*RM*EXCHANGE*58*CMS",), "CMS"),
        ("TRN*1*PAY88", (), "RIVERBEND"),
    ],
)
def test_a_payer_who_gives_no_number_with_the_trace_is_told_by_who_pays(
    trace: str, parties: tuple[str, ...], payer: str
) -> None:
    raw = an_interchange("820", BPR.format("5"), trace, *parties, "ENT*1", "RMR*IV*INV1**5")
    assert [f"payment/{payer}:PAY88"] == [each.stream for each in meaning(raw)[0]]


def test_what_is_adjusted_beside_any_item_is_counted_once_wherever_it_stands() -> None:
    fact = paid(
        "170",
        "ENT*1",
        "ADX*-10*01",
        "RMR*IV*INV1**100",
        "RMR*IV*INV2**100",
        "ENT*2",
        "ADX*-20*06",
    )
    assert [-1_000, -2_000] == [each.amount_minor for each in fact.adjustments]
    sums = (
        sum(each.paid_minor for each in fact.items),
        sum(each.amount_minor for each in fact.adjustments),
    )
    assert fact.paid_minor == sum(sums)


def test_a_payment_that_does_not_add_up_is_held() -> None:
    held = codes_of("820", BPR.format("99"), TRN, *PARTIES, "ENT*1", "RMR*IV*INV1**100")
    assert [("x12.820.transaction.unbalanced", "BPR-02")] == held


def test_an_old_payment_that_says_no_amount_where_it_belongs_is_held() -> None:
    raw = an_interchange("820", "BPS*PBC*80*I", TRN, version="003010")
    assert "held" == meaning(raw)[1].status


def test_a_premium_of_a_group_is_told_by_its_number() -> None:
    (fact,) = facts_of(
        "820",
        BPR.format("140"),
        TRN,
        *PREMIUM_PARTIES,
        "ENT*1*2L*FI*37123",
        "RMR*IK*97050**140",
        "IT1*1",
        "SLN*1**O*5*IE",
        version=PREMIUM,
    )
    assert isinstance(fact, PaymentAdvised)
    assert ("97050", "", 14_000) == (
        fact.items[0].reference,
        fact.items[0].member,
        fact.items[0].paid_minor,
    )


def test_b92_a_premium_of_a_person_names_nobody() -> None:
    raw = an_interchange(
        "820", BPR.format("150"), TRN, *PREMIUM_PARTIES, *INDIVIDUAL, version=PREMIUM
    )
    (routed,), verdict = meaning(raw)
    member = TOKENIZER.token("member", "36111", "ZZPHI1001")
    assert isinstance(routed.fact, PaymentAdvised)
    (item,) = routed.fact.items
    assert (member, "", date(2026, 11, 1), date(2026, 11, 30)) == (
        item.member,
        item.reference,
        item.starts_on,
        item.ends_on,
    )
    assert (Secret(member, "member", "ZZPHI1001"),) == routed.secrets
    assert "ZZPHI" not in repr((routed.fact, routed.stream, routed.where, verdict))


def test_b92_a_person_named_in_an_entity_is_enough() -> None:
    (fact,) = facts_of(
        "820",
        BPR.format("5"),
        TRN,
        *PARTIES,
        "ENT*1",
        "NM1*IL*1*ZZPHI*IDA****C1*77",
        "RMR*AZ*ZZPHI1**5",
        version="005010X306",
    )
    assert "ZZPHI" not in repr(fact)


def test_a_payment_of_too_many_items_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x12_820, "ITEMS_MAX", 1)
    remitted = ("ENT*1", *["RMR*IV*INV1**5"] * 3)
    held = codes_of("820", BPR.format("15"), TRN, *PARTIES, *remitted)
    assert [("x12.document.too_long", "ENT[1]/RMR[2]")] == held
