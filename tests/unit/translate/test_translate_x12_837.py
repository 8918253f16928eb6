"""Claims as billing sent them: an 837 of each kind, claim by claim.

The files are the golden examples of the guides, changed by one thing where a test is about it. What
the guide finds wrong is tests/unit/wire; that claims come out as they went in is
tests/properties/test_x12_claims_round_trip.py.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import date

import msgspec
import pytest
from tests.specs.riverbend_messages import Claim, interchange, remittance
from tests.unit.translate.x12_files import CHANNEL, changed, example, read_text, token

from suture.catalogue import SET_TRANSLATORS
from suture.model.claim import ClaimLine, ClaimSubmitted, Diagnosis, PriorPayment
from suture.model.person import Address, Person, opened
from suture.model.translation import ControlTotal, Routed, X12Replies
from suture.translate.x12_common import read_interchanges

PROFESSIONAL = example("01_837p")
INSTITUTIONAL = example("02_837i")
DENTAL = example("03_837d")


def claims(raw: str) -> list[ClaimSubmitted]:
    """Return the claims of a file."""
    return [each for each in read_text(raw).facts if isinstance(each, ClaimSubmitted)]


def claim(raw: str) -> ClaimSubmitted:
    """Return the first claim of a file."""
    return claims(raw)[0]


def test_a_claim_is_told_to_the_stream_that_its_payment_will_be_told_to() -> None:
    told = read_text(PROFESSIONAL)
    assert [f"claim/{token('claim', '', each)}" for each in ("RB-0001", "RB-0002")] == [
        each.stream for each in told.routed
    ]


def test_its_payment_is_told_to_the_same_stream() -> None:
    paid = interchange(remittance("T1", Claim("RB-0001", 15_000)))
    decided = next(each for each in read_text(paid).routed if each.stream.startswith("claim/"))
    assert decided.stream == read_text(PROFESSIONAL).routed[0].stream


def test_a_professional_claim_says_who_is_to_pay_how_much_for_what() -> None:
    first = claim(PROFESSIONAL)
    assert ("professional", "1", "PHP01", "P", "CI", "GROUP7", "18") == (
        first.kind,
        first.frequency,
        first.payer,
        first.sequence,
        first.filing_indicator,
        first.group_number,
        first.relationship,
    )
    assert (25_000, date(2026, 10, 15), None, "11", ("Y", "A", "Y", "Y")) == (
        first.charge_minor,
        first.service_on,
        first.service_ended_on,
        first.place_of_service,
        first.consents,
    )
    assert (Diagnosis(kind="ABK", code="J0190"), Diagnosis(kind="ABF", code="R05")) == (
        first.diagnoses
    )
    assert (
        ClaimLine(
            number="1",
            procedure="99213",
            charge_minor=15_000,
            units="1",
            unit="UN",
            service_on=date(2026, 10, 15),
            diagnoses=("1", "2"),
            control=token("charge", "riverbend", "RB-0001-1"),
        )
        == first.lines[0]
    )


def test_providers_are_known_by_their_national_numbers() -> None:
    first, second = claims(PROFESSIONAL)
    assert ("1999999984", "1888888885", "1999999984") == (
        first.billing_provider,
        first.rendering_provider,
        first.facility,
    )
    assert "1777777772" == second.facility, "the place of service has a number of its own"


def test_a_billing_provider_without_one_is_known_by_its_employer_number() -> None:
    raw = changed(PROFESSIONAL, "NM1*85*2*RIVERBEND CLINIC*****XX*1999999984~", "NM1*85*2*R~")
    assert "371234567" == claim(raw).billing_provider


def test_a_social_security_number_never_stands_for_a_provider() -> None:
    raw = changed(PROFESSIONAL, "NM1*82*1*DOCTOR*DEE****XX*", "NM1*82*1*DOCTOR*DEE****34*")
    assert "" == claim(raw).rendering_provider


def test_persons_are_secrets_and_the_fact_holds_their_surrogates() -> None:
    told = read_text(PROFESSIONAL)
    first, second = claims(PROFESSIONAL)
    home = Address(lines=("5 ELM STREET",), city="SPRINGDALE", state="IL", postcode="62703")
    ava = Person(family="EXAMPLE", given="AVA", born_on=date(1980, 3, 14), sex="F", address=home)
    cal = Person(family="EXAMPLE", given="CAL", born_on=date(2015, 6, 20), sex="M", address=home)
    assert ava == opened(told.vault[first.subscriber])
    assert cal == opened(told.vault[second.dependent])
    assert ("", "19") == (first.dependent, second.relationship)
    assert "M100200300" == told.vault[first.member]
    shown = repr(told.facts)
    assert [] == [each for each in ("AVA", "CAL", "ELM", "M100", "RB-0", "X900") if each in shown]


def test_a_replacement_names_the_claim_of_the_payer_that_it_replaces() -> None:
    second = claims(PROFESSIONAL)[1]
    assert ("7", token("payer_claim", "PHP01", "PHP2026000077")) == (
        second.frequency,
        second.payer_claim,
    )


def test_what_another_payer_decided_is_told_with_the_claim() -> None:
    (prior,) = claims(PROFESSIONAL)[1].prior_payments
    assert isinstance(prior, PriorPayment)
    assert ("OTH01", "P", "BL", "18", 20_000, date(2026, 10, 1)) == (
        prior.payer,
        prior.sequence,
        prior.filing_indicator,
        prior.relationship,
        prior.paid_minor,
        prior.decided_on,
    )
    assert [("CO", "45", 4_050), ("CO", "45", 4_050), ("PR", "2", 7_000)] == [
        (each.group, each.reason, each.amount_minor) for each in prior.adjustments
    ]
    assert token("member", "OTH01", "X900") == prior.member


def test_an_institutional_claim_tells_its_stay() -> None:
    first = claim(INSTITUTIONAL)
    assert ("institutional", 812_075, "287", "1", "1", "01") == (
        first.kind,
        first.charge_minor,
        first.diagnosis_group,
        first.admission_type,
        first.admission_source,
        first.discharge_status,
    )
    days = (first.admitted_on, first.service_on, first.service_ended_on, first.discharged_on)
    assert (date(2026, 10, 1), date(2026, 10, 1), date(2026, 10, 4), date(2026, 10, 4)) == days
    assert token("patient", "riverbend", "MR5512") == first.patient
    assert [("0120", "", 450_000, "3", "DA"), ("0481", "93458", 362_075, "1", "UN")] == [
        (each.revenue_code, each.procedure, each.charge_minor, each.units, each.unit)
        for each in first.lines
    ]
    assert ["ABK", "ABJ", "ABF", "ABF"] == [each.kind for each in first.diagnoses]
    assert "Y" == first.diagnoses[0].present_on_admission
    assert "1888888893" == first.rendering_provider


def test_a_patient_who_is_still_there_was_not_discharged() -> None:
    raw = changed(INSTITUTIONAL, "CL1*1*1*01~", "CL1*1*1*30~")
    assert None is claim(raw).discharged_on


def test_a_dental_claim_tells_its_procedures() -> None:
    first = claim(DENTAL)
    assert ("dental", 18_000, date(2026, 10, 20)) == (
        first.kind,
        first.charge_minor,
        first.service_on,
    )
    assert [("D2150", "1"), ("D1110", "")] == [(each.procedure, each.units) for each in first.lines]


def test_what_the_patient_paid_is_told() -> None:
    raw = changed(PROFESSIONAL, "REF*D9*CH000001~", "AMT*F5*20~").replace("SE*66", "SE*66")
    assert 2_000 == claim(raw).patient_paid_minor


def test_the_set_is_worth_its_claims() -> None:
    (verdict,) = read_text(PROFESSIONAL).verdicts
    assert (ControlTotal("claims_submitted", 2, 56_050),) == verdict.translation.totals


def test_the_same_set_again_is_known_whatever_its_envelope() -> None:
    again = PROFESSIONAL.replace("000000417", "000000418").replace("*417*X", "*418*X")
    again = again.replace("GE*1*417", "GE*1*418")
    identities = [
        read_text(each).verdicts[0].translation.identities for each in (PROFESSIONAL, again)
    ]
    assert identities[0] == identities[1] != ()
    other = read_text(changed(PROFESSIONAL, "*B417*", "*B418*")).verdicts[0]
    assert identities[0] != other.translation.identities
    contents = {read_text(each).verdicts[0].content_sha256 for each in (PROFESSIONAL, again)}
    assert 1 == len(contents)


def test_each_sending_of_a_claim_has_an_identity_of_its_own() -> None:
    raw = changed(PROFESSIONAL, "*B417*", "*B418*")
    assert claim(PROFESSIONAL).claim == claim(raw).claim
    assert claim(PROFESSIONAL).submission != claim(raw).submission


def test_a_claim_that_does_not_add_up_holds_its_set_and_no_other() -> None:
    body = PROFESSIONAL.split("ST*837*")[1].split("GE*")[0]
    second = body.replace("0001*005010X222A1~", "0002*005010X222A1~", 1)
    second = second.replace("SE*66*0001", "SE*66*0002").replace("B417", "B418")
    broken = changed(body, "CLM*RB-0001*250*", "CLM*RB-0001*251*")
    envelope = PROFESSIONAL.split("ST*837*")[0]
    raw = f"{envelope}ST*837*{broken}ST*837*{second}GE*2*417~\nIEA*1*000000417~\n"
    assert [("837", "held", ["x12.837.claim.unbalanced"]), ("837", "accepted", [])] == (
        read_text(raw).statuses
    )


@pytest.mark.parametrize(
    ("version", "what"),
    [("005010X291", "predeterminations"), ("005010X298", "reports of claims that others paid")],
)
def test_a_set_that_asks_nobody_to_pay_is_held(version: str, what: str) -> None:
    told = read_text(PROFESSIONAL.replace("005010X222A1", version))
    assert [("837", "held", ["x12.837.purpose.unsupported"])] == told.statuses
    assert f"the set holds {what}" == told.verdicts[0].translation.faults[0].explanation


def test_a_dental_claim_that_asks_what_would_be_paid_is_held() -> None:
    raw = changed(
        DENTAL,
        "CLM*RB-2001*180***11:B:1*Y*A*Y*Y~",
        f"CLM*RB-2001*180***11:B:1*Y*A*Y*Y{'*' * 10}PB~",
    )
    assert [("837", "held", ["x12.837.purpose.unsupported"])] == read_text(raw).statuses


def test_claims_in_another_currency_are_held() -> None:
    raw = changed(PROFESSIONAL, "NM1*85*2", "CUR*85*CAD~\nNM1*85*2").replace("SE*66", "SE*67")
    assert [("837", "held", ["x12.currency.unsupported"] * 2)] == read_text(raw).statuses


def test_a_claim_without_a_number_stands_alone() -> None:
    raw = PROFESSIONAL.replace("CLM*RB-0001*", "CLM*0*").replace("CLM*RB-0002*", "CLM*0*")
    first, second = claims(raw)
    assert first.claim != second.claim


def test_an_older_version_is_read_by_assumption_and_what_is_missing_is_a_fault() -> None:
    old = PROFESSIONAL.replace("005010X222A1", "004010X098A1")
    assert [("837", "accepted", [])] == read_text(old).statuses
    assert claim(PROFESSIONAL).charge_minor == claim(old).charge_minor
    lost = changed(old, "CLM*RB-0001*250*", "CLM*RB-0001**")
    assert [("837", "held", ["x12.element.missing"])] == read_text(lost).statuses


def file_of(claims_count: int) -> Iterator[bytes]:
    """Yield a file of so many claims, of fifty patients, chunk by chunk."""
    lines = [each.strip() for each in PROFESSIONAL.split("~")]
    first, second = lines.index("HL*2*1*22*0"), lines.index("HL*3*1*22*1")
    header, claim_lines = lines[:first], lines[first + 1 : second]
    yield "".join(f"{each}~" for each in header).encode()
    for number in range(claims_count):
        told = "".join(f"{each}~" for each in (f"HL*{number + 2}*1*22*0", *claim_lines))
        yield told.replace("RB-0001", f"RB-{number % 50:04d}").encode()
    segments_count = len(header) - 2 + claims_count * (len(claim_lines) + 1) + 1
    yield f"SE*{segments_count}*0001~GE*1*417~IEA*1*000000417~".encode()


@pytest.mark.parametrize("replies", [X12Replies(), X12Replies(acknowledges_claims=True)])
def test_memory_does_not_grow_with_the_claims_of_a_file(
    replies: X12Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.translate.x12_837_reply._CLAIMS_MAX", 50)
    channel = msgspec.structs.replace(CHANNEL, x12=replies)
    peaks = []
    for claims_count in (2_000, 200, 2_000):  # The first fills what is remembered for good.
        tracemalloc.start()
        pieces = read_interchanges(file_of(claims_count), channel, SET_TRANSLATORS)
        facts_count = sum(isinstance(each, Routed) for each in pieces)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert claims_count == facts_count
    assert peaks[2] < peaks[1] + 100_000
