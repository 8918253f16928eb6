"""What a 278 asks for and what is decided: one fact for each event (translate/x12_278.py)."""

from __future__ import annotations

from datetime import date

import pytest
from tests.specs.riverbend_books import TOKENIZER
from tests.unit.translate.x12_messages import changed, only, read

from suture.model.authorization import (
    AuthorizationDecided,
    AuthorizationRequested,
    AuthorizedItem,
    Delivery,
)

ABOVE = (
    "BHT*0007*13*V1*20261101*0930",
    "HL*1**20*1",
    "NM1*X3*2*PRAIRIE HEALTH PLAN*****PI*PHP01",
    "HL*2*1*21*1",
    "NM1*1P*1*DOCTOR*DEE****XX*1888888885",
    "HL*3*2*22*1",
    "NM1*IL*1*EXAMPLE*AVA****MI*M100",
    "REF*EJ*ACC1",
    "DMG*D8*19800314*F",
)
EVENT = (
    "HL*4*3*EV*1",
    "TRN*1*RBV1*9RIVERBEND",
    "UM*HS*R*2*11:B**U",
    "REF*BB*AUTH1",
    "DTP*AAH*RD8*20261120-20261130",
    "HI*ABK:M1711*ABF:E119:D8:20260101",
    "HSD*VS*3*WK*1*34*2",
    "MSG*CALL AVA EXAMPLE AT HOME",
)
SERVICES = (
    "HL*5*4*SS*0",
    "DTP*472*D8*20261120",
    "SV1*HC:29881:RT:59*3100.5*UN*1",
    "HL*6*4*SS*0",
    "SV2*0360*HC:33510*100*DA*2",
    "HL*7*4*SS*0",
    "SV3*AD:D2740*900****2",
)
ANSWER = (
    *changed(ABOVE, "BHT", "BHT*0007*11*V1*20261103*0930*18"),
    "HL*4*3*EV*1",
    "TRN*2*RBV1*9RIVERBEND",
    "UM*HS*I*2",
    "HCR*A6*AUTH90210",
    "REF*NT*REVIEW7",
    "DTP*007*RD8*20261115-20270115",
    "HL*5*4*SS*0",
    "HCR*A3**0F",
    "DTP*036*D8*20261231",
    "SV1*HC:29881",
)
EVENT_AT = "ST02=0001/2000A/2000B/2000C/2000E[1]"


def requested(*segments: str) -> AuthorizationRequested:
    found = only(read("278", *segments)[0], AuthorizationRequested)
    assert isinstance(found, AuthorizationRequested)
    return found


def decided(*segments: str) -> AuthorizationDecided:
    found = only(read("278", *segments)[0], AuthorizationDecided)
    assert isinstance(found, AuthorizationDecided)
    return found


def test_a_request_says_what_is_asked_for_and_when() -> None:
    asked = requested(*ABOVE, *EVENT, *SERVICES)
    assert ("HS", "R", "2", "11:B", "U") == (
        asked.category,
        asked.kind,
        asked.service_type,
        asked.place,
        asked.urgency,
    )
    assert (date(2026, 11, 20), date(2026, 11, 30)) == (asked.starts_on, asked.ends_on)
    assert ("ABK:M1711", "ABF:E119") == asked.diagnoses
    assert (
        Delivery(unit="VS", quantity="3", interval="WK", modulus="1", period="34", periods="2")
        == asked.delivery
    )
    assert ("PHP01", "1888888885", date(2026, 11, 1)) == (
        asked.payer,
        asked.provider,
        asked.requested_on,
    )


def test_each_service_is_told_with_its_procedure_and_quantity() -> None:
    assert (
        AuthorizedItem(
            kind="professional",
            procedure="29881",
            modifiers=("RT", "59"),
            charge_minor=310_050,
            quantity="1",
            unit="UN",
            starts_on=date(2026, 11, 20),
            where=f"{EVENT_AT}/2000F[1]",
        ),
        AuthorizedItem(
            kind="institutional",
            procedure="33510",
            revenue_code="0360",
            charge_minor=10_000,
            quantity="2",
            unit="DA",
            where=f"{EVENT_AT}/2000F[2]",
        ),
        AuthorizedItem(
            kind="dental",
            procedure="D2740",
            charge_minor=90_000,
            quantity="2",
            where=f"{EVENT_AT}/2000F[3]",
        ),
    ) == requested(*ABOVE, *EVENT, *SERVICES).services


def test_an_answer_meets_its_request_on_one_stream() -> None:
    (asked,), _ = read("278", *ABOVE, *EVENT, *SERVICES)
    (answered,), _ = read("278", *ANSWER)
    authorization = TOKENIZER.token("authorization", "9RIVERBEND", "RBV1")
    assert [f"authorization/{authorization}"] * 2 == [asked.stream, answered.stream]


def test_without_a_trace_an_answer_meets_its_request_by_number_and_member() -> None:
    (asked,), _ = read("278", *ABOVE, *changed(EVENT, "TRN"), *SERVICES)
    (answered,), _ = read("278", *changed(ANSWER, "TRN"))
    assert asked.stream == answered.stream


def test_a_decision_says_what_is_certified_under_which_number_and_until_when() -> None:
    (routed,), _ = read("278", *ANSWER)
    told = only([routed], AuthorizationDecided)
    kept = {each.token: each.value for each in routed.secrets}
    assert ("A6", "AUTH90210", "REVIEW7") == (told.action, kept[told.number], kept[told.review])
    assert (date(2026, 11, 15), date(2027, 1, 15)) == (told.valid_from, told.valid_until)
    assert date(2026, 11, 3) == told.decided_on


def test_the_number_of_a_decision_is_the_one_that_a_claim_carries() -> None:
    told = decided(*ANSWER)
    assert TOKENIZER.token("authorization", "PHP01", "AUTH90210") == told.number
    assert TOKENIZER.token("authorization", "PHP01", "AUTH1") == requested(*ABOVE, *EVENT).earlier


def test_a_service_may_be_decided_otherwise_than_its_event() -> None:
    (service,) = decided(*ANSWER).services
    assert ("A3", "0F", date(2026, 12, 31)) == (
        service.action,
        service.reason,
        service.valid_until,
    )


@pytest.mark.parametrize("action", ["A1", "A2", "A3", "A4", "A6", "CT", "NA"])
def test_every_action_is_told_as_it_is(action: str) -> None:
    assert action == decided(*changed(ANSWER, "HCR*A6", f"HCR*{action}")).action


def test_a_decision_is_told_by_its_action_where_the_purpose_is_silent() -> None:
    purposeless = changed(ANSWER, "BHT", "BHT*0007*36*V1*20261103*0930")
    assert "A6" == decided(*purposeless).action


def test_a_cancellation_is_a_request_to_cancel() -> None:
    cancelled = changed(ABOVE, "BHT", "BHT*0007*01*V1*20261101*0930")
    event = changed(EVENT, "UM", "UM*HS**2*11:B")
    assert "3" == requested(*cancelled, *event, *SERVICES).kind


def test_a_refused_member_is_told_with_the_event() -> None:
    refused = changed(ANSWER, "DMG", "AAA*N**75*C")
    told = decided(*changed(refused, "HCR"))
    assert (("75",), "") == (told.refusals, told.action)


def test_a_refusal_above_every_event_holds_the_set_for_a_person() -> None:
    above = (*ANSWER[:3], "AAA*N**42*P")
    routed, translation = read("278", *changed(above, "HL", "HL*1**20*0"))
    assert ([], "held", ["x12.answer.refused"]) == (
        routed,
        translation.status,
        [each.code for each in translation.faults],
    )


def test_an_admission_begins_on_its_own_date() -> None:
    admitted = changed(EVENT, "DTP", "DTP*435*D8*20261120", "DTP*096*D8*20261125")
    asked = requested(*ABOVE, *admitted)
    assert (date(2026, 11, 20), date(2026, 11, 25)) == (asked.starts_on, asked.ends_on)


def test_texts_and_names_are_told_to_nobody() -> None:
    routed, _ = read("278", *ABOVE, *EVENT, *SERVICES)
    facts = str([each.fact for each in routed])
    assert [False] * 4 == [each in facts for each in ("AVA", "EXAMPLE", "M100", "RBV1")]
