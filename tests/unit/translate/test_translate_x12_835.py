"""What an 835 says: one fact for its payment, one for each claim (translate/x12_835.py).

Reading loops and balancing is tests/unit/wire/test_x12_remittance.py; what the facts book is
tests/specs/test_spec_remittance.py; whole examples are tests/golden/x12.
"""

from __future__ import annotations

from datetime import date

import pytest
from tests.specs.riverbend_books import TOKENIZER, channel

from suture.model.claim import ClaimAdjudicated, ClaimAdjustment
from suture.model.fault import Fault
from suture.model.remittance import ProviderAdjustment, RemittanceReceived
from suture.model.translation import Begun, ControlTotal, Reading, Routed, Secret, Translation
from suture.pipeline import read_file

HEADER = (
    "BPR*I*150*C*ACH************20260320",
    "TRN*1*EFT1*1990000011",
    "DTM*405*20260318",
    "N1*PR*RIVER STATE",
    "N1*PE*RIVERBEND*XX*9990000101",
    "LX*1",
)
CLAIM = (
    "CLP*C-1*1*200*150*20*MA*ICN1*11*1",
    "CAS*CO*45*25**253*5",
    "NM1*QC*1*DOE*JANE",
    "DTM*232*20260302",
    "SVC*HC:99213*200*180",
    "CAS*PR*2*20",
)


def read(*segments: str) -> tuple[list[Routed], Translation]:
    """Return the facts and the verdict of an 835 with these segments between ST and SE."""
    body = "~".join(segments)
    raw = (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'P':15}*ZZ*{'R':15}*260321*0700*^*00501*000000007*0*P*:~"
        f"GS*HP*P*R*20260321*0700*7*X*005010X221A1~ST*835*0001~{body}~"
        f"SE*{len(segments) + 2}*0001~GE*1*7~IEA*1*000000007~"
    ).encode("latin-1")
    pieces = list(read_file((raw,), channel("remits")))
    assert isinstance(pieces[0], Begun)
    (reading,) = (piece for piece in pieces if isinstance(piece, Reading))
    return [piece for piece in pieces if isinstance(piece, Routed)], reading.translation


def without(segments: tuple[str, ...], *starts: str) -> tuple[str, ...]:
    return tuple(each for each in segments if not each.startswith(starts))


def claim_of(routed: Routed) -> ClaimAdjudicated:
    assert isinstance(routed.fact, ClaimAdjudicated)
    return routed.fact


def payment_of(routed: Routed) -> RemittanceReceived:
    assert isinstance(routed.fact, RemittanceReceived)
    return routed.fact


# The claim --------------------------------------------------------------------------------------


def test_a_claim_is_told_to_the_stream_of_its_surrogate() -> None:
    (claim, _), _ = read(*HEADER, *CLAIM)
    surrogate = TOKENIZER.token("claim", "", "C-1")
    assert f"claim/{surrogate}" == claim.stream
    assert surrogate == claim_of(claim).claim
    assert ("ST02=0001/CLP[1]", "ST02=0001/CLP[1]") == (claim.where, claim_of(claim).where)


def test_a_claim_says_what_the_payer_decided() -> None:
    (routed, _), _ = read(*HEADER, *CLAIM)
    claim = claim_of(routed)
    assert (20_000, 15_000, 2_000, "1", "MA") == (
        claim.charge_minor,
        claim.paid_minor,
        claim.patient_responsibility_minor,
        claim.status,
        claim.filing_indicator,
    )
    assert (date(2026, 3, 2), date(2026, 3, 20)) == (claim.service_on, claim.paid_on)
    assert ("1990000011:EFT1", "1990000011", "9990000101") == (
        claim.remittance,
        claim.payer,
        claim.facility,
    )


def test_every_adjustment_comes_along_with_its_path_the_lines_after_the_claim_s_own() -> None:
    (routed, _), _ = read(*HEADER, *CLAIM)
    prefix = "ST02=0001/CLP[1]"
    assert (
        ClaimAdjustment(group="CO", reason="45", amount_minor=2_500, where=f"{prefix}/CAS[1]-03"),
        ClaimAdjustment(group="CO", reason="253", amount_minor=500, where=f"{prefix}/CAS[1]-06"),
        ClaimAdjustment(
            group="PR", reason="2", amount_minor=2_000, where=f"{prefix}/SVC[1]/CAS[1]-03"
        ),
    ) == claim_of(routed).adjustments


def test_the_two_claim_numbers_go_to_the_vault_and_nothing_else_does() -> None:
    (routed, payment), _ = read(*HEADER, *CLAIM)
    claim = claim_of(routed)
    assert (
        Secret(claim.claim, "claim", "C-1"),
        Secret(claim.payer_claim, "payer_claim", "ICN1"),
    ) == routed.secrets
    assert () == payment.secrets


def test_a_claim_without_numbers_hides_none() -> None:
    """CLP01 is mandatory; where it is missing all the same, the money is booked."""
    (routed, _), verdict = read(*HEADER, "CLP**1*150*150")
    assert ("accepted", (), "") == (verdict.status, routed.secrets, claim_of(routed).payer_claim)


def test_a_payer_s_claim_number_is_that_payer_s_own() -> None:
    other = tuple(each.replace("1990000011", "1990000012") for each in HEADER)
    (mine, _), _ = read(*HEADER, *CLAIM)
    (theirs, _), _ = read(*other, *CLAIM)
    assert claim_of(mine).claim == claim_of(theirs).claim
    assert claim_of(mine).payer_claim != claim_of(theirs).payer_claim


@pytest.mark.parametrize(
    "changed",
    [
        "CLP*C-2*1*200*150*20*MA*ICN1*11*1",
        "CLP*C-1*2*200*150*20*MA*ICN1*11*1",
        "CLP*C-1*1*200*150*20*MA*ICN2*11*1",
    ],
)
def test_another_number_or_status_is_another_adjudication(changed: str) -> None:
    (first, _), _ = read(*HEADER, *CLAIM)
    (second, _), _ = read(*HEADER, changed, *CLAIM[1:])
    assert claim_of(first).adjudication != claim_of(second).adjudication


def test_the_same_claim_told_twice_in_one_remittance_is_two_adjudications() -> None:
    payment = ("BPR*I*300*C*ACH************20260320", *HEADER[1:])
    (first, second, _), verdict = read(*payment, *CLAIM, *CLAIM)
    assert "accepted" == verdict.status
    assert claim_of(first).adjudication != claim_of(second).adjudication


def test_what_is_not_told_is_adjudicated_alike_whatever_else_the_file_says() -> None:
    """The business identity: payer, trace, both claim numbers, status and place."""
    (first, _), _ = read(*HEADER, *CLAIM)
    (again, _), _ = read(*HEADER[:3], "N3*PO BOX 1", *HEADER[3:], *CLAIM, "MOA***MA01")
    assert claim_of(first).adjudication == claim_of(again).adjudication


# The payment ------------------------------------------------------------------------------------


def test_the_payment_is_told_last_to_the_stream_of_payer_and_trace() -> None:
    facts, _ = read(*HEADER, *CLAIM)
    payment = payment_of(facts[-1])
    assert ("remittance/1990000011:EFT1", "ST02=0001/BPR") == (facts[-1].stream, facts[-1].where)
    assert (15_000, "ACH", date(2026, 3, 20), "9990000101", 1, 15_000) == (
        payment.paid_minor,
        payment.method,
        payment.paid_on,
        payment.facility,
        payment.claims_count,
        payment.claims_paid_minor,
    )


def test_provider_adjustments_keep_their_reason_and_place_but_not_the_claim_they_name() -> None:
    header = ("BPR*I*100*C*ACH************20260320", *HEADER[1:])
    facts, _ = read(*header, *CLAIM, "PLB*9990000101*20261231*WO:C-0815*60*L6*-10")
    assert (
        ProviderAdjustment(reason="WO", amount_minor=6_000, where="ST02=0001/PLB[1]-04"),
        ProviderAdjustment(reason="L6", amount_minor=-1_000, where="ST02=0001/PLB[1]-06"),
    ) == payment_of(facts[-1]).provider_adjustments


@pytest.mark.parametrize(
    ("dropped", "added", "payer"),
    [
        ((), (), "1990000011"),
        (("TRN",), ("TRN*1*EFT1",), "RIVER STATE"),
        (("TRN", "N1*PR"), ("TRN*1*EFT1", "N1*PR*RIVER STATE*XV*PLAN7"), "PLAN7"),
        (("TRN", "N1*PR"), ("TRN*1*EFT1",), "unknown"),
        (("TRN",), ("TRN*1*EFT1* 1990000011 ",), "1990000011"),
    ],
)
def test_the_payer_is_trn03_else_its_id_else_its_name(
    dropped: tuple[str, ...], added: tuple[str, ...], payer: str
) -> None:
    header = (*without(HEADER, *dropped), *added) if dropped else HEADER
    facts, verdict = read(*without(header, "LX"), "LX*1", *CLAIM)
    assert (payer, f"{payer}:EFT1") == (payment_of(facts[-1]).payer, claim_of(facts[0]).remittance)
    assert (f"remittance:{payer}:EFT1",) == verdict.identities


def test_a_payment_without_a_trace_is_held_under_its_control_numbers() -> None:
    facts, verdict = read(*without(HEADER, "TRN"), *CLAIM)
    assert ("held", ["x12.835.header.incomplete"]) == (
        verdict.status,
        [fault.code for fault in verdict.faults],
    )
    assert "000000007/7/0001" == payment_of(facts[-1]).trace


@pytest.mark.parametrize(
    ("header", "paid_on"),
    [
        (HEADER, date(2026, 3, 20)),
        (("BPR*I*150*C*ACH", *HEADER[1:]), date(2026, 3, 18)),
        (without(("BPR*I*150*C*ACH", *HEADER[1:]), "DTM"), date(2026, 3, 21)),
    ],
)
def test_the_payment_s_day_is_bpr16_else_the_production_date_else_the_envelope_s(
    header: tuple[str, ...], paid_on: date
) -> None:
    facts, verdict = read(*header, *CLAIM)
    assert [paid_on, paid_on] == [claim_of(facts[0]).paid_on, payment_of(facts[1]).paid_on]
    assert "accepted" == verdict.status


def test_a_remittance_of_nothing_is_a_payment_of_nothing() -> None:
    facts, verdict = read(*HEADER[:1], "TRN*1*EFT1*1990000011")
    assert ("held", 1) == (verdict.status, len(facts))
    facts, verdict = read("BPR*H*0*C*NON************20260320", "TRN*1*EFT1*1990000011")
    assert ("accepted", 0) == (verdict.status, payment_of(facts[0]).paid_minor)


def test_a_set_without_any_segment_is_held_and_nothing_raises() -> None:
    _, verdict = read("REF*EV*1")
    assert "held" == verdict.status
    assert {"x12.835.header.incomplete"} == {fault.code for fault in verdict.faults}


# The verdict ------------------------------------------------------------------------------------


def test_the_verdict_says_what_the_message_is_worth_before_any_fact() -> None:
    _, verdict = read(*HEADER, *CLAIM)
    assert (
        ControlTotal("remittance_cash", 1, 15_000),
        ControlTotal("claims_paid", 1, 15_000),
    ) == verdict.totals
    assert ("835", "000000007/7/0001", "accepted") == (
        verdict.type,
        verdict.control_id,
        verdict.status,
    )


def places(findings: tuple[Fault, ...]) -> list[tuple[str, str]]:
    return [(each.code, each.where) for each in findings]


def test_b28_every_fault_says_where_from_the_set_on() -> None:
    _, verdict = read(*HEADER, "CLP*C-1*1*200*150", "CAS*CO*45*x")
    assert "held" == verdict.status
    assert [("x12.835.amount.unreadable", "ST02=0001/CLP[1]/CAS[1]-03")] == places(verdict.faults)


def test_b32_too_many_adjustments_are_noted_and_all_come_along() -> None:
    seven = "*".join(f"{carc}*10*" for carc in (45, 253, 42, 59, 131, 144, 172))
    facts, verdict = read(
        "BPR*I*130*C*ACH************20260320", *HEADER[1:], "CLP*C-1*1*200*130", f"CAS*CO*{seven}"
    )
    assert "accepted" == verdict.status
    assert 7 == len(claim_of(facts[0]).adjustments)
    assert [("x12.835.adjustment.too_many", "ST02=0001/CLP[1]/CAS[1]-20")] == places(verdict.notes)
