"""The three equations of the 835: when they hold, when not, and what people are told about it.

How loops are read is in test_x12_remittance.py.
"""

from __future__ import annotations

import pytest

from suture.wire.x12 import read
from suture.wire.x12.remittance import RemittanceEnd, read_remittances

ENVELOPE = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       "
    "*250115*1200*^*00501*000000905*1*P*:~GS*HP*PAYER*PROVIDER*20250115*1200*7*X*005010X221A1~"
    "ST*835*0001~{0}~SE*{1}*0001~GE*1*7~IEA*1*000000905~"
)
DEMO = (
    "BPR*I*{0}*C*ACH************20250116~TRN*1*T*1P~LX*1~"
    "CLP*A*1*500*400*60~CAS*PR*1*60~"
    "SVC*HC:1*300*270~CAS*CO*45*30~SVC*HC:2*200*190~CAS*CO*45*10~AMT*B6*9999~"
    "CLP*B*2*1000*900.11*77~CAS*OA*23*99.89~AMT*AU*5~"
    "PLB*P*20251231*WO:X*{1}*L6*{2}"
)


def verdict(body: str) -> RemittanceEnd:
    data = ENVELOPE.format(body, body.count("~") + 3).encode()
    items = read_remittances(read([data]))
    return next(item for item in items if isinstance(item, RemittanceEnd))


def found(end: RemittanceEnd) -> list[tuple[str, str]]:
    return [(each.code.removeprefix("x12.835."), each.where) for each in end.faults]


@pytest.mark.parametrize(
    ("payment", "first", "second"),
    [
        ("1300.11", "0", "0"),
        ("1200.1", "100.01", "0"),
        ("1301.38", "0", "-1.27"),
        ("0", "1300", ".11"),
    ],
)
def test_a_remittance_balances_when_claims_less_provider_adjustments_are_the_payment(
    payment: str, first: str, second: str
) -> None:
    end = verdict(DEMO.format(payment, first, second))
    assert ((), True, 0) == (end.faults, end.balance.is_balanced, end.balance.difference_minor)


def test_the_balance_tells_the_sums() -> None:
    balance = verdict(DEMO.format("1200.11", "100", "0")).balance
    assert (120011, 150000, 130011, 19989, 10000, 2, 2) == (
        balance.paid_minor,
        balance.claims_charge_minor,
        balance.claims_paid_minor,
        balance.claims_adjusted_minor,
        balance.provider_adjusted_minor,
        balance.claims_count,
        balance.lines_count,
    )


def test_b28_a_remittance_that_misses_its_payment_is_held_with_the_difference_in_dollars() -> None:
    end = verdict(DEMO.format("2504.22", "0", "0"))
    assert [("transaction.unbalanced", "BPR-02")] == found(end)
    assert (
        "the service lines, claims and provider adjustments add up to 1,204.11 less than "
        "the payment BPR02" == end.faults[0].explanation
    )
    assert 120411 == end.balance.difference_minor


def test_b28_too_much_is_told_as_well_as_too_little() -> None:
    end = verdict(DEMO.format("1300.10", "0", "0"))
    assert "add up to 0.01 more than the payment BPR02" in end.faults[0].explanation


def test_a_line_that_does_not_add_up_is_named() -> None:
    end = verdict(DEMO.format("1300.11", "0", "0").replace("HC:2*200*190", "HC:2*200*189"))
    assert [("service.unbalanced", "CLP[1]/SVC[2]")] == found(end)
    assert (
        "the line's charge SVC02 less its adjustments is 1.00 more than its payment SVC03"
        == end.faults[0].explanation
    )
    assert (1, 0, False) == (
        end.balance.lines_unbalanced,
        end.balance.claims_unbalanced,
        end.balance.is_balanced,
    )


def test_a_claim_that_does_not_add_up_is_named() -> None:
    end = verdict(DEMO.format("1300.11", "0", "0").replace("CLP*B*2*1000", "CLP*B*2*998.5"))
    assert [("claim.unbalanced", "CLP[2]")] == found(end)
    assert (
        "the claim's charge CLP03 less all its adjustments is 1.50 less than its payment CLP04"
        == end.faults[0].explanation
    )


def test_an_adjustment_of_the_claim_does_not_excuse_its_line() -> None:
    body = DEMO.format("1300.11", "0", "0").replace("CAS*PR*1*60", "CAS*PR*1*50")
    end = verdict(body.replace("HC:1*300*270~CAS*CO*45*30", "HC:1*300*270~CAS*CO*45*40"))
    assert [("service.unbalanced", "CLP[1]/SVC[1]")] == found(end)


def test_all_failures_are_told_not_only_the_first() -> None:
    body = DEMO.format("1", "0", "0").replace("CAS*CO*45*10", "CAS*CO*45*11")
    assert [
        ("service.unbalanced", "CLP[1]/SVC[2]"),
        ("claim.unbalanced", "CLP[1]"),
        ("transaction.unbalanced", "BPR-02"),
    ] == found(verdict(body))


def test_patient_responsibility_and_amt_never_take_part() -> None:
    body = DEMO.format("1300.11", "0", "0")
    assert (
        () == verdict(body.replace("*400*60", "*400*9999").replace("AMT*AU*5", "AMT*AU*x")).faults
    )


def test_a_claim_without_lines_balances_by_itself() -> None:
    assert () == verdict("BPR*I*10~TRN*1*T*1P~CLP*A*1*25*10~CAS*CO*45*15").faults


def test_zero_and_negative_adjustments_are_legal() -> None:
    assert () == verdict("BPR*I*30~TRN*1*T*1P~CLP*A*1*25*30~CAS*CO*42*0*0~CAS*OA*94*-5").faults


def test_a_predetermination_pays_nothing() -> None:
    body = (
        "BPR*I*10*C*ACH************20250116~TRN*1*T*1P~CLP*A*1*10*10~CLP*B*25*80*{0}~CAS*OA*101*{1}"
    )
    assert ((), ()) == (verdict(body.format(0, 80)).faults, verdict(body.format(0, 80)).notes)
    named = verdict(body.format(60, 20))
    assert ((), 1000) == (named.faults, named.balance.claims_paid_minor)
    assert [("x12.835.claim.predetermination_paid", "CLP[2]-04")] == [
        (each.code, each.where) for each in named.notes
    ]


def test_an_unreadable_amount_leaves_the_payment_equation_unchecked() -> None:
    end = verdict(DEMO.format("1", "0", "0").replace("CLP*B*2*1000*900.11", "CLP*B*2*1000*9OO.11"))
    assert [("amount.unreadable", "CLP[2]-04")] == found(end)
    assert not end.balance.is_complete


@pytest.mark.parametrize(
    "code",
    ["x12.835.service.unbalanced", "x12.835.claim.unbalanced", "x12.835.transaction.unbalanced"],
)
def test_an_imbalance_is_for_revenue_cycle_and_will_not_heal_by_itself(code: str) -> None:
    body = DEMO.format("1", "0", "0").replace("CAS*CO*45*10", "CAS*CO*45*11")
    fault = next(each for each in verdict(body).faults if each.code == code)
    assert fault.permanent
    assert "posted" in fault.remedy
