"""What an 834 says: who is enrolled in which coverage, and since when (translate/x12_834.py)."""

from __future__ import annotations

from datetime import date

from tests.specs.riverbend_books import TOKENIZER
from tests.unit.translate.x12_documents import an_interchange, facts_of, meaning

from suture.model.coverage import CoverageEnrolled
from suture.model.person import Address, Person, opened

VERSION = "005010X220A1"
HEAD = (
    "BGN*00*E1*20261102*0930****4",
    "REF*38*POLICY1",
    "N1*P5**FI*37123",
    "N1*IN*PLAN*FI*36111",
)
SUBSCRIBER = (
    "INS*Y*18*021*20*A***FT",
    "REF*0F*ZZPHI-S1",
    "REF*1L*GROUP9",
    "DTP*356*D8*20261101",
    "NM1*IL*1*ZZPHIFAMILY*IDA*B**JR",
    "N3*4 ZZPHI STREET",
    "N4*SPRINGDALE*IL*62703",
    "DMG*D8*19851212*F",
)
HEALTH = ("HD*030**HLT*GOLD*EMP", "DTP*348*D8*20261201", "AMT*P3*150.5")
DENTAL = ("HD*024**DEN*SMILE*EMP", "DTP*348*D8*20260101", "DTP*349*D8*20261130")
CHILD = ("INS*N*19*024*07*A", "REF*0F*ZZPHI-S1", "DTP*357*D8*20261130")
KIT = ("NM1*IL*1*ZZPHIFAMILY*KIT", "DMG*D8*20180101*M")


def enrolled(*segments: str) -> list[CoverageEnrolled]:
    facts = facts_of("834", *HEAD, *segments, version=VERSION)
    return [fact for fact in facts if isinstance(fact, CoverageEnrolled)]


def test_each_coverage_of_a_member_is_a_fact_with_its_own_change_and_dates() -> None:
    health, dental = enrolled(*SUBSCRIBER, *HEALTH, *DENTAL)
    assert [
        ("030", "HLT", "GOLD", date(2026, 12, 1), None, 15_050),
        ("024", "DEN", "SMILE", date(2026, 1, 1), date(2026, 11, 30), None),
    ] == [
        (
            each.maintenance,
            each.line,
            each.plan,
            each.starts_on,
            each.ends_on,
            each.premium_minor,
        )
        for each in (health, dental)
    ]
    assert health.enrolment != dental.enrolment


def test_a_member_who_is_told_without_a_coverage_is_one_fact() -> None:
    (fact,) = enrolled(*CHILD, *KIT)
    assert ("024", "", date(2026, 11, 30), False, "19") == (
        fact.maintenance,
        fact.line,
        fact.ends_on,
        fact.is_subscriber,
        fact.relationship,
    )


def test_a_coverage_is_keyed_by_payer_and_subscriber_number_as_an_answer_about_it_is() -> None:
    (fact,) = enrolled(*SUBSCRIBER, *HEALTH)
    assert TOKENIZER.token("coverage", "36111", "ZZPHI-S1") == fact.coverage
    assert TOKENIZER.token("member", "36111", "ZZPHI-S1") == fact.member
    assert ("36111", "GROUP9") == (fact.payer, fact.group)


def test_a_dependent_shares_the_number_and_not_the_coverage() -> None:
    subscriber, child = enrolled(*SUBSCRIBER, *HEALTH, *CHILD, *KIT)
    sibling = enrolled(*CHILD, "NM1*IL*1*ZZPHIFAMILY*SAM", "DMG*D8*20180101*M")[0]
    assert subscriber.member == child.member == sibling.member
    assert 3 == len({subscriber.coverage, child.coverage, sibling.coverage})


def test_the_policy_of_the_file_stands_in_for_a_group_that_is_not_told() -> None:
    assert "POLICY1" == enrolled(*CHILD, *KIT)[0].group


def test_a_members_details_go_to_the_vault_together() -> None:
    raw = an_interchange("834", *HEAD, *SUBSCRIBER, *HEALTH, version=VERSION)
    (routed,), _ = meaning(raw)
    assert isinstance(routed.fact, CoverageEnrolled)
    (details,) = (each for each in routed.secrets if each.token == routed.fact.person)
    assert opened(details.value) == Person(
        family="ZZPHIFAMILY",
        given="IDA",
        middle="B",
        suffix="JR",
        born_on=date(1985, 12, 12),
        sex="F",
        address=Address(lines=("4 ZZPHI STREET",), city="SPRINGDALE", state="IL", postcode="62703"),
    )


def test_b92_no_fact_of_an_enrolment_names_anybody() -> None:
    raw = an_interchange("834", *HEAD, *SUBSCRIBER, *HEALTH, *CHILD, *KIT, version=VERSION)
    routed, verdict = meaning(raw)
    told = [(each.stream, each.where, each.fact) for each in routed]
    assert "ZZPHI" not in repr((told, verdict))


def test_a_member_without_a_subscriber_number_holds_the_set_and_is_placed() -> None:
    """An exchange's own form (X307), read on assumption, numbers its members otherwise."""
    raw = an_interchange(
        "834", *HEAD, CHILD[0], "REF*17*1", *KIT, *SUBSCRIBER, *HEALTH, version="005010X307"
    )
    _, verdict = meaning(raw)
    assert ("held", [("x12.element.missing", "ST02=0001/2000[1]/REF-02")]) == (
        verdict.status,
        [(each.code, each.where) for each in verdict.faults],
    )
