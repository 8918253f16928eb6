"""What must add up does, or is told by how much it does not (SNIP level 3)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tests.unit.wire.x12_sets import (
    CLAIM,
    HEADER,
    LINE,
    PROFESSIONAL,
    PROVIDER,
    SUBSCRIBER,
    P,
    locate,
    read_set,
)

from suture.wire.x12.sums import read_number

CLAIM_PLACE = "2000A[1]/2000B[1]/2300[1]/CLM-02"


def faults(text: str, set_id: str, version: str) -> list[tuple[str, str, str]]:
    """Return code, place and explanation of each fault."""
    _, verdict = locate(text, set_id, version)
    return [(each.code, each.where, each.explanation) for each in verdict.faults]


def test_a_claim_is_worth_what_its_lines_are() -> None:
    lines = LINE.replace("*150*", "*100.25*") + LINE.replace("LX*1", "LX*2").replace("150", "49.75")
    assert [] == faults(HEADER + PROVIDER + SUBSCRIBER + CLAIM + lines, *P)


def test_a_claim_that_differs_from_its_lines_is_told_by_how_much() -> None:
    assert [
        (
            "x12.837.claim.unbalanced",
            CLAIM_PLACE,
            "the claim's charge CLM02 is 0.01 less than the charges of its 1 service lines",
        )
    ] == faults(PROFESSIONAL.replace("*150***11", "*149.99***11"), *P)


def test_one_unbalanced_claim_is_told_in_its_own_faults_and_not_in_its_neighbours() -> None:
    units, end = read_set(PROFESSIONAL + CLAIM.replace("*150*", "*151*") + LINE + CLAIM + LINE, *P)
    assert [0, 1, 0] == [len(unit.faults) for unit in units]
    assert ["x12.837.claim.unbalanced"] == [each.code for each in end.verdict.faults]


@pytest.mark.parametrize("amount", ["", "ABC"])
def test_a_claim_with_an_amount_that_cannot_be_read_is_not_added_up(amount: str) -> None:
    codes = [code for code, _, _ in faults(PROFESSIONAL.replace("*150*UN", f"*{amount}*UN"), *P)]
    assert codes
    assert "x12.837.claim.unbalanced" not in codes


INSTITUTIONAL = (
    "CLM*H1*300***11:A:1**A*Y*Y~DTP*434*RD8*20261001-20261002~CL1*1**01~HI*ABK:I10~"
    "LX*1~SV2*0120**200*DA*1~LX*2~SV2*0250**{0}*UN*1~"
)
DENTAL = "CLM*D1*180***11:B:1*Y*A*Y*Y~LX*1~SV3*AD:D2150*120****1~LX*2~SV3*AD:D1110*{0}~"


@pytest.mark.parametrize(
    ("version", "claim", "amount"),
    [("005010X223A2", INSTITUTIONAL, "100"), ("005010X224A2", DENTAL, "60")],
)
def test_institutional_and_dental_claims_add_up_alike(
    version: str, claim: str, amount: str
) -> None:
    text = HEADER + PROVIDER + SUBSCRIBER + claim
    assert [] == faults(text.format(amount), "837", version)
    assert [CLAIM_PLACE] == [where for _, where, _ in faults(text.format("99.99"), "837", version)]


PREMIUM = (
    "BPR*C*{0}*C*ACH*CCP*01*021000021*DA*1*1371234567**01*071000013*DA*5*20261101~TRN*1*P9~"
    "N1*PE*PLAN*FI*361112222~N1*PR*PAYER*FI*371234567~ENT*1*2J*EI*E1~ADX*-5*52~"
    "RMR*AZ*A**100*110~ADX*-10*52~RMR*AZ*B**50~"
)


def test_a_premium_payment_is_the_sum_of_its_remittances() -> None:
    """ADX under a remittance explains why billed and paid differ; under an entity it is money."""
    assert [] == faults(PREMIUM.format("145"), "820", "005010X218")
    assert [
        (
            "x12.820.transaction.unbalanced",
            "BPR-02",
            "the payment BPR02 is 1,000.00 more than what its RMR and ADX add up to",
        )
    ] == faults(PREMIUM.format("1145"), "820", "005010X218")


@pytest.mark.parametrize(
    "text",
    [
        "BPR*C*10*C*ACH~TRN*1*A",
        "BPR*C*10*C*ACH~TRN*1*A~ENT*1~RMR*IV*1**9~TXP*1",
        "BPR*C*10*C*ACH~TRN*1*A~ENT*1~RMR*IV*1",
        "BPR*C*TEN*C*ACH~TRN*1*A~ENT*1~RMR*IV*1**9",
    ],
)
def test_a_payment_that_does_not_tell_all_of_it_is_not_added_up(text: str) -> None:
    assert "x12.820.transaction.unbalanced" not in {
        code for code, _, _ in faults(text, "820", "004010")
    }


INVOICE = (
    "BIG*20261110*INV1~IT1*1*10*BX*42.5*PE*VC*A~SAC*A*C310***5000~"
    "IT1*2*3*EA*0.333*PE*VC*B~TDS*{0}~TXI*ST*1.25~SAC*C*D240***2000~CTT*2*13"
)


@pytest.mark.parametrize("total", ["39600", "39725"])
def test_an_invoice_is_its_lines_less_allowances_plus_charges_and_taxes(total: str) -> None:
    """425.00 - 50.00 + 1.00 (0.999, rounded) + 20.00, with or without 1.25 of tax."""
    assert [] == faults(INVOICE.format(total), "810", "004010")


def test_an_invoice_whose_total_differs_is_told_by_how_much() -> None:
    assert [
        (
            "x12.810.invoice.unbalanced",
            "TDS-01",
            "the total TDS01 is 100.00 more than its lines, allowances, charges and taxes",
        )
    ] == faults(INVOICE.format("49725"), "810", "004010")


@pytest.mark.parametrize(
    "line", ["IT1*1*10*BX*42.5*HP*VC*A", "IT1*1*10*BX**PE*VC*A", "IT1*1*X*BX*42.5*PE*VC*A"]
)
def test_an_invoice_priced_otherwise_is_not_added_up(line: str) -> None:
    text = INVOICE.format("1").replace("IT1*1*10*BX*42.5*PE*VC*A", line)
    assert "x12.810.invoice.unbalanced" not in {
        code for code, _, _ in faults(text, "810", "004010")
    }


ORDER = "BEG*00*SA*1**20261102~PO1*1*10*EA*1**VC*A~PO1*2*2.5*EA*1**VC*B~CTT*{0}*{1}"


@pytest.mark.parametrize(
    ("lines", "hashed", "codes"),
    [
        ("2", "12.5", []),
        ("2", "35", []),
        ("2", "5", []),
        ("2", "13", ["x12.set.hash_total"]),
        ("3", "12.5", ["x12.set.line_count"]),
        ("X", "12.5", ["x12.element.character"]),
    ],
)
def test_an_order_counts_its_lines_and_adds_its_quantities(
    lines: str, hashed: str, codes: list[str]
) -> None:
    """A hash total adds digits without their points (X12.3) and may be cut on the left."""
    _, verdict = locate(ORDER.format(lines, hashed), "850", "004010")
    assert codes == [each.code for each in (*verdict.faults, *verdict.notes)]


@pytest.mark.parametrize(
    ("text", "set_id"),
    [
        ("BAK*00*AC*1*20261103~PO1*1*1*EA*1**VC*A~CTT*2", "855"),
        ("BCH*04*SA*1**1*20261102~POC*1*QD*1*1*EA*1**VC*A~CTT*2", "860"),
        ("BCT*PS*1~LIN*1*VC*A~CTT*2", "832"),
        ("BSN*00*1*20261108*1200~HL*1**S~HL*2*1*I~LIN*1*VC*A~SN1*1*1*EA~CTT*3", "856"),
    ],
)
def test_each_supply_set_counts_its_own_lines(text: str, set_id: str) -> None:
    assert ["x12.set.line_count"] == [code for code, _, _ in faults(text, set_id, "004010")]


@pytest.mark.parametrize("count", ["2", "1"])
def test_a_ship_notice_counts_its_levels_or_its_items(count: str) -> None:
    text = f"BSN*00*1*20261108*1200~HL*1**S~HL*2*1*I~LIN*1*VC*A~SN1*1*4*EA~CTT*{count}*4"
    assert [] == faults(text, "856", "004010")


def test_numbers_are_read_exactly_or_not_at_all() -> None:
    assert Fraction(1, 3) - read_number("0.333") == Fraction(1, 3000)  # type: ignore[operator]
    assert [None] * 4 == [read_number(text) for text in ("", "1E9", "1_0", "9" * 19)]
