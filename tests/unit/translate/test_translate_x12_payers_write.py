"""What is sent to payers, and what their stand-ins answer: 270, 271 and 278 written.

That everything comes back is tests/properties/test_x12_payers_round_trip.py.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from tests.specs.riverbend_books import TOKENIZER

from suture.model.authorization import AuthorizationDecided, AuthorizationRequested
from suture.model.coverage import CoverageAsked, CoverageReported
from suture.model.disclosure import WITHHELD, Disclosure
from suture.model.fault import Fault
from suture.model.person import Person, sealed
from suture.translate.x12_270_write import render_inquiries, render_reports
from suture.translate.x12_278_write import render_decisions, render_requests
from suture.translate.x12_write import Party, Sending
from suture.wire.x12 import Address

SENDING = Sending(
    address=Address(sender_id="RIVERBEND", receiver_id="PHP"),
    control_number=7,
    made_at=datetime(2026, 11, 3, 8, 0),  # noqa: DTZ001 - an envelope names local time
)
PARTIES = {
    "PHP01": Party(id="PHP01", id_kind="PI", name="Prairie Health Plan"),
    "1999999984": Party(id="1999999984", name="Riverbend Clinic"),
}
AVA = sealed(Person(family="Example", given="Ava", born_on=date(1980, 3, 14), sex="F"), TOKENIZER)
assert AVA is not None
MEMBER = TOKENIZER.token("member", "PHP01", "M100")
TRACE = TOKENIZER.token("inquiry", "9RIVERBEND", "RB77")
DISCLOSURE = Disclosure({AVA.token: AVA.value, MEMBER: "M100", TRACE: "RB77"})
ASKED = CoverageAsked(
    coverage="",
    payer="PHP01",
    member=MEMBER,
    person=AVA.token,
    inquiry=TRACE,
    asker="9RIVERBEND",
    provider="1999999984",
    services=("30", "UC"),
    service_on=date(2026, 11, 3),
    asked_on=date(2026, 11, 3),
)
REQUESTED = AuthorizationRequested(
    authorization=TRACE,
    asker="9RIVERBEND",
    payer="PHP01",
    provider="1999999984",
    member=MEMBER,
    person=AVA.token,
    category="HS",
    kind="I",
    requested_on=date(2026, 11, 3),
)


def segments(data: bytes | Fault) -> list[str]:
    assert isinstance(data, bytes), data
    return data.decode("latin-1").split("~")[2:-4]


def refused(data: bytes | Fault) -> Fault:
    assert isinstance(data, Fault)
    return data


def ask(fact: CoverageAsked, disclosure: Disclosure = DISCLOSURE) -> bytes | Fault:
    return render_inquiries([fact], parties=PARTIES, disclosure=disclosure, sending=SENDING)


def test_a_question_is_written_as_its_guide_has_it() -> None:
    assert [
        "ST*270*0001*005010X279A1",
        "BHT*0022*13*RB77*20261103*0800",
        "HL*1**20*1",
        "NM1*PR*2*Prairie Health Plan*****PI*PHP01",
        "HL*2*1*21*1",
        "NM1*1P*2*Riverbend Clinic*****XX*1999999984",
        "HL*3*2*22*0",
        "TRN*1*RB77*9RIVERBEND",
        "NM1*IL*1*Example*Ava****MI*M100",
        "DMG*D8*19800314*F",
        "DTP*291*D8*20261103",
        "EQ*30^UC",
    ] == segments(ask(ASKED))


def test_questions_are_one_set_each() -> None:
    data = render_inquiries([ASKED, ASKED], parties=PARTIES, disclosure=DISCLOSURE, sending=SENDING)
    assert ["ST*270*0001*005010X279A1", "ST*270*0002*005010X279A1"] == [
        each for each in segments(data) if each.startswith("ST*")
    ]


def test_a_question_without_a_service_or_a_known_payer_names_what_is_missing() -> None:
    bare = msgspec.structs.replace(ASKED, services=(), payer="PHP99")
    fault = refused(ask(bare))
    assert ("x12.write.incomplete", "2100A/NM1-03") == (fault.code, fault.where)
    assert "2100C/EQ-01" in fault.explanation


def test_who_may_not_be_told_names_is_told_none() -> None:
    told = segments(ask(ASKED, WITHHELD))
    assert f"NM1*IL*1******MI*{MEMBER}" in told
    assert f"TRN*1*{TRACE}*9RIVERBEND" in told
    assert [] == [each for each in told if each.startswith("DMG")]


def test_a_person_with_neither_name_nor_member_id_cannot_be_asked_about() -> None:
    nobody = msgspec.structs.replace(ASKED, member="", person="")
    assert "2100C/NM1-03" == refused(ask(nobody)).where


def test_a_member_id_with_a_separator_is_refused_and_not_repeated() -> None:
    odd = Disclosure({**DISCLOSURE.values, MEMBER: "M*1"})
    fault = refused(ask(ASKED, odd))
    assert ("x12.write.unwritable", "2100C/NM1-09") == (fault.code, fault.where)
    assert "M*1" not in fault.explanation


def test_an_answer_of_whether_alone_is_told_as_a_benefit_of_the_plan() -> None:
    fact = CoverageReported(
        coverage="",
        payer="PHP01",
        provider="1999999984",
        member=MEMBER,
        report="",
        is_active=False,
        reported_on=date(2026, 11, 3),
    )
    data = render_reports([fact], parties=PARTIES, disclosure=DISCLOSURE, sending=SENDING)
    assert ["NM1*IL*1******MI*M100", "EB*6**30"] == segments(data)[-2:]


def test_an_answer_to_a_question_without_a_trace_has_none() -> None:
    fact = CoverageReported(
        coverage="",
        payer="PHP01",
        provider="1999999984",
        member=MEMBER,
        inquiry="inq_of_no_trace",
        report="",
        refusals=("42",),
        reported_on=date(2026, 11, 3),
    )
    told = segments(render_reports([fact], parties=PARTIES, disclosure=DISCLOSURE, sending=SENDING))
    assert ["AAA*N**42*R"] == [each for each in told if each.startswith(("TRN", "AAA"))]


def test_a_request_needs_its_category() -> None:
    bare = msgspec.structs.replace(REQUESTED, category="")
    data = render_requests([bare], parties=PARTIES, disclosure=DISCLOSURE, sending=SENDING)
    assert "2000E/UM-01" == refused(data).where


def test_a_pended_decision_says_that_more_will_follow() -> None:
    common = {
        name: getattr(REQUESTED, name)
        for name in ("authorization", "asker", "payer", "provider", "member", "category", "kind")
    }
    pended, final = (
        AuthorizationDecided(**common, decision="", action=action, decided_on=date(2026, 11, 3))
        for action in ("A4", "A1")
    )
    data = render_decisions(
        [pended, final], parties=PARTIES, disclosure=DISCLOSURE, sending=SENDING
    )
    assert ["BHT*0007*11*RB77*20261103*0800*19", "BHT*0007*11*RB77*20261103*0800*18"] == [
        each for each in segments(data) if each.startswith("BHT")
    ]
