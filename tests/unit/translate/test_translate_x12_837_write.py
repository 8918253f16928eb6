"""Claims on their way out: what stands where, and what is refused for want of something.

That every field comes back is tests/properties/test_x12_claims_round_trip.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import msgspec
import pytest
from tests.unit.translate.x12_files import example, read_text

from suture.model.claim import ClaimStatusAsked, ClaimSubmitted
from suture.model.disclosure import WITHHELD, Disclosure
from suture.model.fault import Fault
from suture.model.person import Address as PostalAddress
from suture.model.person import Person
from suture.translate.x12_276_write import Inquiry, inquiry_about
from suture.translate.x12_276_write import render as ask
from suture.translate.x12_837_write import Submission, render
from suture.translate.x12_write import Party, Sending
from suture.wire.x12 import Address

SENDING = Sending(
    address=Address(sender_id="RIVERBEND", receiver_id="PHP01"),
    control_number=7,
    made_at=datetime(2026, 11, 3, 8, 0),  # noqa: DTZ001 - an envelope names local time
)
STREET = PostalAddress(lines=("1 River Road",), city="Springdale", state="IL", postcode="62701")
PARTIES: dict[str, Party] = {
    "1999999984": Party(
        id="1999999984", name="Riverbend Clinic", address=STREET, tax_id="371234567"
    ),
    "1888888885": Party(id="1888888885", person=Person(family="Doctor", given="Dee")),
    "1777777772": Party(id="1777777772", name="Cast Room", address=STREET),
    "PHP01": Party(id="PHP01", id_kind="PI", name="Prairie Health Plan"),
    "OTH01": Party(id="OTH01", id_kind="PI", name="Other Plan"),
}
SUBMISSION = Submission(
    number="B900",
    submitter=Party(
        id="RB100", id_kind="46", name="Riverbend", contact="Desk", telephone="5550100"
    ),
    receiver=Party(id="PHP01", id_kind="46", name="Prairie Health Plan"),
)
TOLD = read_text(example("01_837p"))
FACTS = [each for each in TOLD.facts if isinstance(each, ClaimSubmitted)]
OPEN = Disclosure(TOLD.vault)


def segments(data: object) -> list[str]:
    """Return the segments of what was written."""
    assert isinstance(data, bytes), data
    return data.decode().split("~")


def written(
    *facts: ClaimSubmitted,
    submission: Submission = SUBMISSION,
    disclosure: Disclosure = OPEN,
    parties: Mapping[str, Party] = PARTIES,
) -> bytes | Fault:
    return render(facts or FACTS, submission, disclosure, parties, SENDING)


def test_claims_of_one_provider_stand_under_it_and_dependents_under_their_subscriber() -> None:
    told = segments(written())
    assert ["HL*1**20*1", "HL*2*1*22*0", "HL*3*1*22*1", "HL*4*3*23*0"] == [
        each for each in told if each.startswith("HL*")
    ]
    assert ["CLM*RB-0001*250***11:B:1*Y*A*Y*Y", "CLM*RB-0002*310.5***11:B:7*Y*A*Y*Y"] == [
        each for each in told if each.startswith("CLM*")
    ]


def test_a_claim_is_told_with_its_subscriber_diagnoses_and_lines() -> None:
    told = segments(written(FACTS[0]))
    assert [
        "SBR*P*18*GROUP7******CI",
        "NM1*IL*1*EXAMPLE*AVA****MI*M100200300",
        "N3*5 ELM STREET",
        "N4*SPRINGDALE*IL*62703",
        "DMG*D8*19800314*F",
    ] == told[told.index("SBR*P*18*GROUP7******CI") :][:5]
    assert "HI*ABK:J0190*ABF:R05" in told
    assert "SV1*HC:99213*150*UN*1***1:2" in told
    assert "REF*6R*RB-0001-1" in told


def test_what_another_payer_decided_is_told_at_the_level_of_the_claim() -> None:
    told = segments(written(FACTS[1]))
    begins = told.index("SBR*P*18*******BL")
    assert [
        "CAS*CO*45*40.5**45*40.5",
        "CAS*PR*2*70",
        "AMT*D*200",
        "OI***Y***Y",
        "NM1*IL*1*EXAMPLE*BEN****MI*X900",
        "NM1*PR*2*Other Plan*****PI*OTH01",
        "DTP*573*D8*20261001",
    ] == told[begins + 1 : begins + 8]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"filing_indicator": ""}, "2000B/SBR-09"),
        ({"relationship": "19"}, "2010CA/NM1-03"),
        ({"subscriber": ""}, "2010BA/NM1-03"),
        ({"consents": ()}, "2300/CLM-07"),
        ({"place_of_service": ""}, "2300/CLM-05-1"),
        ({"billing_provider": ""}, "2010AA/NM1-09"),
    ],
)
def test_what_a_claim_lacks_is_named_by_its_place(changes: dict[str, object], where: str) -> None:
    refused = written(msgspec.structs.replace(FACTS[0], **changes))
    assert isinstance(refused, Fault)
    assert ("x12.write.incomplete", where) == (refused.code, refused.where)


def test_a_claim_without_diagnoses_would_be_refused_and_is_not_sent() -> None:
    refused = written(msgspec.structs.replace(FACTS[0], diagnoses=()))
    assert isinstance(refused, Fault)
    assert "2000A[1]/2000B[1]/2300[1]/HI" == refused.where


def test_a_charge_that_is_not_the_sum_of_its_lines_is_not_sent() -> None:
    refused = written(msgspec.structs.replace(FACTS[0], charge_minor=1))
    assert isinstance(refused, Fault)
    assert "837 would be refused: x12.837.claim.unbalanced" == refused.explanation


def test_a_destination_that_may_not_know_persons_is_sent_no_claim() -> None:
    refused = written(disclosure=WITHHELD)
    assert isinstance(refused, Fault)
    assert "x12.write.incomplete" == refused.code
    assert "EXAMPLE" not in refused.explanation


def test_a_provider_that_master_data_does_not_know_is_a_fault() -> None:
    refused = written(parties={})
    assert isinstance(refused, Fault)
    assert "2010AA/NM1-03" == refused.where


def test_the_site_says_for_claims_that_do_not_what_patients_consented_to() -> None:
    submission = msgspec.structs.replace(SUBMISSION, consents=("Y", "A", "Y", "Y"))
    silent = msgspec.structs.replace(FACTS[0], consents=())
    assert written(FACTS[0]) == written(silent, submission=submission)


def test_more_claims_than_fit_one_set_are_sent_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.translate.x12_837_write._CLAIMS_PER_SET_MAX", 1)
    told = segments(written())
    assert ["ST*837*0001*005010X222A1", "ST*837*0002*005010X222A1"] == [
        each for each in told if each.startswith("ST*")
    ]


def test_claims_of_several_kinds_are_never_of_one_interchange() -> None:
    with pytest.raises(ValueError, match="of one kind"):
        written(FACTS[0], msgspec.structs.replace(FACTS[0], kind="dental"))


# Asking about them ------------------------------------------------------------------------------


def asked(*facts: ClaimStatusAsked) -> bytes | Fault:
    return ask(facts, Inquiry(number="S1", receiver=SUBMISSION.submitter), OPEN, PARTIES, SENDING)


def test_a_claim_is_asked_about_by_all_that_it_can_be_found_by() -> None:
    told = segments(asked(inquiry_about(FACTS[0], asked_on=date(2026, 11, 3))))
    begins = told.index("HL*4*3*22*0")
    assert [
        "DMG*D8*19800314*F",
        "NM1*IL*1*EXAMPLE*AVA****MI*M100200300",
        "TRN*1*RB-0001",
        "REF*EJ*RB-0001",
        "AMT*T3*250",
        "DTP*472*D8*20261015",
    ] == told[begins + 1 : begins + 7]


def test_a_claim_of_a_dependent_is_asked_about_under_its_subscriber() -> None:
    told = segments(asked(inquiry_about(FACTS[1], asked_on=date(2026, 11, 3))))
    assert ["HL*4*3*22*1", "HL*5*4*23*0"] == [each for each in told if each[:3] == "HL*"][3:]
    assert "NM1*QC*1*EXAMPLE*CAL" in told
    assert "REF*1K*PHP2026000077" in told


def test_the_answer_comes_back_to_the_claim_that_was_submitted() -> None:
    data = asked(inquiry_about(FACTS[0], asked_on=date(2026, 11, 3)))
    assert isinstance(data, bytes)
    (fact,) = read_text(data).facts
    assert isinstance(fact, ClaimStatusAsked)
    assert FACTS[0].claim == fact.claim


def test_a_question_without_a_member_is_not_asked() -> None:
    question = inquiry_about(FACTS[0], asked_on=date(2026, 11, 3))
    refused = asked(msgspec.structs.replace(question, member=""))
    assert isinstance(refused, Fault)
    assert "2100D/NM1-09" == refused.where
