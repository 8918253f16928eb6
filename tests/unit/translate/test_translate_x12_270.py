"""What a 270 asks: one fact for each person, on the stream of its trace (translate/x12_270.py)."""

from __future__ import annotations

from datetime import date

from tests.specs.riverbend_books import TOKENIZER
from tests.unit.translate.x12_messages import changed, only, read

from suture.model.coverage import CoverageAsked
from suture.model.person import Address, opened

ABOVE = (
    "BHT*0022*13*Q1*20261101*0930",
    "HL*1**20*1",
    "NM1*PR*2*PRAIRIE HEALTH PLAN*****PI*PHP01",
    "HL*2*1*21*1",
    "NM1*1P*2*RIVERBEND CLINIC*****XX*1999999984",
)
SUBSCRIBER = (
    "HL*3*2*22*0",
    "TRN*1*RB77*9RIVERBEND",
    "NM1*IL*1*EXAMPLE*AVA*M***MI*M100",
    "REF*6P*G55",
    "REF*EJ*ACC1",
    "REF*EA*MRN1",
    "N3*5 ELM STREET*FLAT 2",
    "N4*SPRINGDALE*IL*62703",
    "DMG*D8*19800314*F",
    "INS*Y*18",
    "DTP*291*RD8*20261102-20261130",
    "EQ*30^UC",
    "EQ**HC:99213",
)
DEPENDENT = (
    "HL*3*2*22*1",
    "NM1*IL*1******MI*M100",
    "HL*4*3*23*0",
    "TRN*1*RB78*9RIVERBEND",
    "NM1*03*1*EXAMPLE*CAL",
    "DMG*D8*20150620",
    "INS*N*19",
    "EQ*30",
)


def test_a_question_says_who_asks_whom_about_what() -> None:
    routed, translation = read("270", *ABOVE, *SUBSCRIBER)
    asked = only(routed, CoverageAsked)
    assert "accepted" == translation.status
    assert ("PHP01", "1999999984", "9RIVERBEND") == (asked.payer, asked.provider, asked.asker)
    assert (("30", "UC"), ("99213",)) == (asked.services, asked.procedures)
    assert (date(2026, 11, 2), date(2026, 11, 30)) == (asked.service_on, asked.service_ends_on)
    assert (date(2026, 11, 1), "G55") == (asked.asked_on, asked.group)
    assert (True, "18") == (asked.is_subscriber, asked.relationship)


def test_a_question_goes_to_the_stream_of_its_trace() -> None:
    routed, _ = read("270", *ABOVE, *SUBSCRIBER)
    assert [f"inquiry/{TOKENIZER.token('inquiry', '9RIVERBEND', 'RB77')}"] == [
        each.stream for each in routed
    ]


def test_identifiers_and_details_are_surrogates_with_secrets_behind_them() -> None:
    (routed,), _ = read("270", *ABOVE, *SUBSCRIBER)
    asked = only([routed], CoverageAsked)
    kept = {each.token: each.value for each in routed.secrets}
    assert ("M100", "M100") == (kept[asked.member], kept[asked.coverage])
    assert ("MRN1", "RB77") == (kept[asked.patient], kept[asked.inquiry])
    person = opened(kept[asked.person])
    assert ("EXAMPLE", "AVA", "M", "F") == (person.family, person.given, person.middle, person.sex)
    assert date(1980, 3, 14) == person.born_on
    assert (
        Address(lines=("5 ELM STREET", "FLAT 2"), city="SPRINGDALE", state="IL", postcode="62703")
        == person.address
    )


def test_a_dependent_is_asked_about_under_the_subscribers_member_id() -> None:
    (routed,), _ = read("270", *ABOVE, *DEPENDENT)
    asked = only([routed], CoverageAsked)
    kept = {each.token: each.value for each in routed.secrets}
    assert ("M100", "RB78") == (kept[asked.member], kept[asked.inquiry])
    assert (False, "19", "") == (asked.is_subscriber, asked.relationship, asked.subscriber)
    assert "CAL" == opened(kept[asked.person]).given
    assert TOKENIZER.token("coverage", "PHP01", "M100") != asked.coverage


def test_a_dependents_trace_may_stand_at_the_subscribers_level() -> None:
    segments = (DEPENDENT[0], DEPENDENT[3], *DEPENDENT[1:3], *DEPENDENT[4:])
    routed, _ = read("270", *ABOVE, *segments)
    asked = only(routed, CoverageAsked)
    assert TOKENIZER.token("inquiry", "9RIVERBEND", "RB78") == asked.inquiry


def test_a_subscriber_who_is_asked_about_beside_a_dependent_is_a_question_too() -> None:
    both = (*changed(SUBSCRIBER, "HL", "HL*3*2*22*1"), *DEPENDENT[2:])
    routed, _ = read("270", *ABOVE, *both)
    assert [True, False] == [
        each.fact.is_subscriber for each in routed if isinstance(each.fact, CoverageAsked)
    ]


def test_a_day_may_be_told_beside_the_service_it_is_asked_for() -> None:
    moved = (*changed(SUBSCRIBER, "DTP"), "DTP*291*D8*20261105")
    routed, _ = read("270", *ABOVE, *moved)
    asked = only(routed, CoverageAsked)
    assert (date(2026, 11, 5), None) == (asked.service_on, asked.service_ends_on)


def test_without_a_trace_a_question_is_known_by_its_number_and_its_member() -> None:
    untraced = changed(SUBSCRIBER, "TRN")
    (first,), _ = read("270", *ABOVE, *untraced)
    (again,), _ = read("270", *ABOVE, *untraced)
    (other,), _ = read("270", *changed(ABOVE, "BHT", "BHT*0022*13*Q2*20261101*0930"), *untraced)
    assert (True, False) == (first.stream == again.stream, first.stream == other.stream)


def test_a_person_searched_for_by_name_has_no_coverage_yet() -> None:
    searched = changed(SUBSCRIBER, "NM1", "NM1*IL*1*EXAMPLE*AVA")
    routed, translation = read("270", *ABOVE, *searched)
    asked = only(routed, CoverageAsked)
    assert ("accepted", "", "") == (translation.status, asked.coverage, asked.member)


def test_a_clinicians_social_security_number_is_told_to_nobody() -> None:
    told = changed(ABOVE, "NM1*1P", "NM1*1P*1*DOCTOR*DEE****34*123456789")
    routed, _ = read("270", *told, *SUBSCRIBER)
    assert "" == only(routed, CoverageAsked).provider
    assert "123456789" not in str(routed)


def test_a_set_that_its_guide_refuses_is_held() -> None:
    _, translation = read("270", *ABOVE, *changed(SUBSCRIBER, "NM1"))
    assert ("held", {"x12.segment.missing"}) == (
        translation.status,
        {each.code for each in translation.faults},
    )
