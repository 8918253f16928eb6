"""What a 271 answers: whether coverage is in force, and what it pays (translate/x12_271.py)."""

from __future__ import annotations

from datetime import date

import pytest
from tests.specs.riverbend_books import TOKENIZER
from tests.unit.translate.x12_messages import changed, only, read

from suture.model.coverage import Benefit, CoverageAsked, CoverageReported

ABOVE = (
    "BHT*0022*11*Q1*20261102*0931",
    "HL*1**20*1",
    "NM1*PR*2*PRAIRIE HEALTH PLAN*****PI*PHP01",
    "HL*2*1*21*1",
    "NM1*1P*2*RIVERBEND CLINIC*****XX*1999999984",
)
SUBSCRIBER = (
    "HL*3*2*22*0",
    "TRN*2*RB77*9RIVERBEND",
    "TRN*1*PAYERS OWN*9PHP",
    "NM1*IL*1*EXAMPLE*AVA****MI*M100",
    "DMG*D8*19800314*F",
    "DTP*346*D8*20260101",
    "DTP*347*D8*20261231",
)
BENEFITS = (
    "EB*1**30**GOLD FOR AVA EXAMPLE",
    "EB*C*IND*30*HM**29*400*****Y",
    "EB*A*FAM*UC^98***27**.2***Y*N",
    "DTP*348*D8*20260201",
    "DTP*349*D8*20260930",
    "MSG*ASK AVA EXAMPLE FOR A REFERRAL",
    "EB*F**MH***29***VS*12**W*HC:90834",
)


def reported(*segments: str) -> CoverageReported:
    routed, _ = read("271", *ABOVE, *segments)
    found = only(routed, CoverageReported)
    assert isinstance(found, CoverageReported)
    return found


def test_an_answer_says_whether_and_since_when_coverage_is_in_force() -> None:
    told = reported(*SUBSCRIBER, *BENEFITS)
    assert (True, date(2026, 1, 1), date(2026, 12, 31)) == (
        told.is_active,
        told.starts_on,
        told.ends_on,
    )
    assert ("PHP01", "1999999984", date(2026, 11, 2)) == (
        told.payer,
        told.provider,
        told.reported_on,
    )


def test_each_benefit_is_told_with_amount_share_number_network_and_days() -> None:
    told = reported(*SUBSCRIBER, *BENEFITS)
    place = "ST02=0001/2000A[1]/2000B[1]/2000C[1]/2100C/2110C"
    assert (
        Benefit(information="1", services=("30",), where=f"{place}[1]/EB"),
        Benefit(
            information="C",
            level="IND",
            services=("30",),
            insurance_type="HM",
            period="29",
            amount_minor=40_000,
            is_in_network=True,
            where=f"{place}[2]/EB",
        ),
        Benefit(
            information="A",
            level="FAM",
            services=("UC", "98"),
            period="27",
            percent=".2",
            is_authorization_required=True,
            is_in_network=False,
            starts_on=date(2026, 2, 1),
            ends_on=date(2026, 9, 30),
            where=f"{place}[3]/EB",
        ),
        Benefit(
            information="F",
            services=("MH",),
            period="29",
            quantity_kind="VS",
            quantity="12",
            procedure="90834",
            where=f"{place}[4]/EB",
        ),
    ) == told.benefits


def test_texts_of_an_answer_stay_in_the_raw_message() -> None:
    routed, _ = read("271", *ABOVE, *SUBSCRIBER, *BENEFITS)
    facts = str([each.fact for each in routed])
    assert [False, False] == [each in facts for each in ("GOLD FOR", "REFERRAL")]


def test_an_answer_meets_its_question_on_one_stream() -> None:
    question = (
        *changed(ABOVE, "BHT", "BHT*0022*13*Q9*20261101*0930"),
        *("HL*3*2*22*0", "TRN*1*RB77*9RIVERBEND", "NM1*IL*1*EXAMPLE*AVA", "EQ*30"),
    )
    asked, _ = read("270", *question)
    answered, _ = read("271", *ABOVE, *SUBSCRIBER, *BENEFITS)
    assert only(asked, CoverageAsked).inquiry == only(answered, CoverageReported).inquiry
    assert asked[0].stream == answered[0].stream


def test_an_answer_is_told_to_the_coverage_too() -> None:
    routed, _ = read("271", *ABOVE, *SUBSCRIBER, *BENEFITS)
    coverage = TOKENIZER.token("coverage", "PHP01", "M100")
    assert [f"coverage/{coverage}"] == [each.stream for each in routed[1:]]
    assert routed[0].fact == routed[1].fact


@pytest.mark.parametrize(
    ("benefits", "is_active"),
    [
        (("EB*6**30",), False),
        (("EB*6**30", "EB*1**30"), True),
        (("EB*6**30", "EB*1**MH"), False),
        (("EB*1**MH", "EB*6**88"), True),
        (("EB*1",), True),
        (("EB*C*IND*30***29*400",), None),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value),
)
def test_coverage_is_in_force_by_the_plan_and_by_services_where_no_plan_is_told(
    benefits: tuple[str, ...],
    is_active: bool | None,  # noqa: FBT001 - an expected value
) -> None:
    assert is_active == reported(*SUBSCRIBER, *benefits).is_active


def test_days_may_be_told_beside_the_active_benefit() -> None:
    told = reported(*SUBSCRIBER[:5], "EB*1**30", "DTP*291*RD8*20260101-20261231")
    assert (date(2026, 1, 1), date(2026, 12, 31)) == (told.starts_on, told.ends_on)


def test_a_refusal_goes_to_its_question_and_leaves_the_coverage_as_it_was_known() -> None:
    routed, translation = read("271", *ABOVE, *SUBSCRIBER[:4], "AAA*N**75*C")
    told = only(routed, CoverageReported)
    assert ("accepted", ("75",), None) == (translation.status, told.refusals, told.is_active)
    assert ["inquiry"] == [each.stream.partition("/")[0] for each in routed]


def test_a_refusal_of_the_provider_refuses_every_question_of_the_set() -> None:
    told, _ = read("271", *ABOVE, "AAA*N**51*C", *SUBSCRIBER[:4])
    assert ("51",) == only(told, CoverageReported).refusals


def test_a_refusal_that_names_nobody_holds_the_set_for_a_person() -> None:
    silent = (*ABOVE[:3], "HL*2*1*21*0", ABOVE[4], "AAA*N**50*N")
    routed, translation = read("271", *silent)
    (refused,) = translation.faults
    assert ([], "held", "x12.answer.refused") == (routed, translation.status, refused.code)
    assert "ST02=0001/2000A[1]/2000B[1]/AAA" == refused.where
    assert "the payer refused all of it: AAA03 50" == refused.explanation


def test_a_reason_that_is_no_code_is_not_repeated() -> None:
    silent = (*ABOVE[:3], "HL*2*1*21*0", ABOVE[4], "AAA*N**AVA EXAMPLE*N")
    _, translation = read("271", *silent)
    assert "AVA" not in str(translation.faults)


def test_dependents_of_one_member_id_are_told_apart() -> None:
    children = (
        *("HL*4*3*23*0", "TRN*2*RB78*9RIVERBEND", "NM1*03*1*EXAMPLE*CAL", "DMG*D8*20150620"),
        *("EB*1**30", "HL*5*3*23*0", "TRN*2*RB79*9RIVERBEND", "NM1*03*1*EXAMPLE*DOT"),
        *("DMG*D8*20170101", "EB*6**30"),
    )
    routed, _ = read("271", *ABOVE, "HL*3*2*22*1", "NM1*IL*1******MI*M100", *children)
    facts = [each.fact for each in routed[::2] if isinstance(each.fact, CoverageReported)]
    assert [True, False] == [each.is_active for each in facts]
    assert 2 == len({each.coverage for each in facts})
    assert 1 == len({each.member for each in facts})


def test_an_amount_that_is_none_holds_the_set() -> None:
    _, translation = read("271", *ABOVE, *SUBSCRIBER, "EB*C*IND*30***29*4OO")
    assert ("held", ["x12.element.character"]) == (
        translation.status,
        [each.code for each in translation.faults],
    )
