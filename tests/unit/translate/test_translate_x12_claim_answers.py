"""Payers' answers about claims, and what is asked of them: 277CA, 276 and 277."""

from __future__ import annotations

from datetime import date

from tests.unit.translate.x12_files import changed, example, read_text, token

from suture.model.claim import (
    ClaimAcknowledged,
    ClaimStatusAsked,
    ClaimStatusReported,
    StatusInformation,
)
from suture.model.interchange import BatchAcknowledged
from suture.model.person import opened

ACKNOWLEDGED = example("08_277ca")
ASKED = example("06_276")
REPORTED = example("07_277")


def acknowledged(raw: str) -> list[ClaimAcknowledged]:
    """Return what a file says of claims."""
    return [each for each in read_text(raw).facts if isinstance(each, ClaimAcknowledged)]


def batches(raw: str) -> list[BatchAcknowledged]:
    """Return what a file says above its claims."""
    return [each for each in read_text(raw).facts if isinstance(each, BatchAcknowledged)]


def reported(raw: str) -> ClaimStatusReported:
    """Return the first status that a file reports."""
    return next(each for each in read_text(raw).facts if isinstance(each, ClaimStatusReported))


# 277CA ------------------------------------------------------------------------------------------


def test_each_claim_is_told_taken_or_returned() -> None:
    first, second = acknowledged(ACKNOWLEDGED)
    assert (True, 25_000, date(2026, 11, 3)) == (
        first.is_accepted,
        first.charge_minor,
        first.decided_on,
    )
    assert (StatusInformation(category="A2", status="20"),) == first.statuses
    assert token("payer_claim", "PHP01", "PHP2026000099") == first.payer_claim
    assert (False, 31_050) == (second.is_accepted, second.charge_minor)
    assert (StatusInformation(category="A7", status="562", entity="85"),) == second.statuses


def test_it_is_told_to_the_claim_that_billing_sent() -> None:
    streams = [each.stream for each in read_text(ACKNOWLEDGED).routed]
    assert [f"claim/{token('claim', '', each)}" for each in ("RB-0001", "RB-0002")] == streams[1:]


def test_a_returned_claim_is_returned_by_its_category_too() -> None:
    raw = changed(ACKNOWLEDGED, "STC*A2:20*20261103*WQ*250~", "STC*A6:21*20261103*WQ*250~")
    assert [False, False] == [each.is_accepted for each in acknowledged(raw)]


def test_one_refusal_among_several_statuses_refuses_the_claim() -> None:
    raw = changed(
        ACKNOWLEDGED,
        "STC*A2:20*20261103*WQ*250~",
        "STC*A2:20*20261103*WQ*250******A1:19:PR*A8:481~",
    )
    first = acknowledged(raw)[0]
    assert ["A2", "A1", "A8"] == [each.category for each in first.statuses]
    assert False is first.is_accepted


def test_the_batch_is_told_its_totals() -> None:
    (batch,) = batches(ACKNOWLEDGED)
    assert (True, 1, 1, 25_000, 31_050, "PHP01", "") == (
        batch.is_accepted,
        batch.accepted_count,
        batch.rejected_count,
        batch.accepted_minor,
        batch.rejected_minor,
        batch.payer,
        batch.provider,
    )


def test_a_batch_that_is_refused_whole_is_told_without_any_claim() -> None:
    head, _, rest = ACKNOWLEDGED.partition("HL*3*2*19*1~")
    raw = changed(head, "STC*A1:19:PR*20261103*WQ*560.5~", "STC*A3:24:41*20261103*U*560.5~")
    raw = changed(raw, "HL*2*1*21*1~", "HL*2*1*21*0~") + "SE*16*0001~GE*1*417~IEA*1*000000417~"
    assert rest
    told = read_text(raw)
    assert [("277", "accepted", [])] == told.statuses
    (batch,) = batches(raw)
    assert False is batch.is_accepted


def test_a_provider_that_is_refused_is_told_apart_from_its_batch() -> None:
    raw = changed(ACKNOWLEDGED, "TRN*1*0~", "TRN*1*0~STC*A8:496:85*20261103*U*560.5~QTY*QC*2~")
    told = batches(raw.replace("SE*30", "SE*32"))
    assert [("", True, 1), ("1999999984", False, 2)] == [
        (each.provider, each.is_accepted, each.rejected_count) for each in told
    ]


# 276 and 277 ------------------------------------------------------------------------------------


def test_an_inquiry_is_told_to_the_claim_it_is_about() -> None:
    told = read_text(changed(ASKED, "REF*BLT*111~", "REF*EJ*RB-0009~"))
    (fact,) = told.facts
    assert isinstance(fact, ClaimStatusAsked)
    assert (token("claim", "", "RB-0009"), token("inquiry", "", "RB-0001")) == (
        fact.claim,
        fact.inquiry,
    )
    assert ("PHP01", "1999999984", 25_000, date(2026, 10, 15), date(2026, 11, 2)) == (
        fact.payer,
        fact.provider,
        fact.charge_minor,
        fact.service_on,
        fact.asked_on,
    )
    assert ("EXAMPLE", date(1980, 3, 14)) == (
        opened(told.vault[fact.subscriber]).family,
        opened(told.vault[fact.subscriber]).born_on,
    )


def test_an_inquiry_without_a_claim_number_is_about_its_own_trace() -> None:
    (fact,) = read_text(ASKED).facts
    assert isinstance(fact, ClaimStatusAsked)
    assert token("claim", "", "RB-0001") == fact.claim


def test_an_answer_tells_where_the_claim_stands() -> None:
    fact = reported(REPORTED)
    assert (token("claim", "", "RB-0001"), token("inquiry", "", "RB-0001")) == (
        fact.claim,
        fact.inquiry,
    )
    assert (StatusInformation(category="P3", status="317"),) == fact.statuses
    assert (25_000, 0, None, "", date(2026, 11, 3)) == (
        fact.charge_minor,
        fact.paid_minor,
        fact.paid_on,
        fact.trace,
        fact.decided_on,
    )


def test_an_answer_about_a_paid_claim_tells_its_payment() -> None:
    raw = changed(
        REPORTED,
        "STC*P3:317*20261103**250~",
        "STC*F1:65*20261103**250*180.25*20261101*CHK*20261102*EFT0001~",
    )
    fact = reported(raw)
    assert (18_025, date(2026, 11, 2), "EFT0001") == (fact.paid_minor, fact.paid_on, fact.trace)


def test_one_kind_of_277_is_never_taken_for_the_other() -> None:
    assert [] == [each for each in read_text(REPORTED).facts if isinstance(each, ClaimAcknowledged)]
    assert [] == [
        each for each in read_text(ACKNOWLEDGED).facts if isinstance(each, ClaimStatusReported)
    ]


def test_the_same_answer_again_is_known() -> None:
    for raw in (ACKNOWLEDGED, ASKED, REPORTED):
        again = raw.replace("000000417", "000000418")
        first, second = (read_text(each).verdicts[0].translation for each in (raw, again))
        assert first.identities == second.identities != ()
