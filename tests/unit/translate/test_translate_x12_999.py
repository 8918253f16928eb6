"""What partners say of what we sent: 999 and 997 of groups, TA1 of interchanges."""

from __future__ import annotations

from datetime import date

import msgspec
from tests.unit.translate.x12_files import CHANNEL, changed, example, read_text

from suture.catalogue import SET_TRANSLATORS
from suture.model.interchange import GroupAcknowledged, InterchangeAcknowledged, SetVerdict
from suture.model.translation import Reading
from suture.translate.x12_common import read_interchanges

ANSWER = example("13_999")
PLAIN = example("27_997")
HEADER = ANSWER.partition("GS*")[0]
TA1 = f"{HEADER}TA1*000000077*261101*0600*R*021~\nIEA*0*000000417~\n"


def group(raw: str) -> GroupAcknowledged:
    """Return the one fact of a file."""
    (fact,) = read_text(raw).facts
    assert isinstance(fact, GroupAcknowledged)
    return fact


def test_a_999_tells_the_verdict_on_the_group_and_on_each_set() -> None:
    fact = group(ANSWER)
    assert ("HC", "P", 2, 1, date(2026, 11, 2)) == (
        fact.kind,
        fact.verdict,
        fact.sets_count,
        fact.accepted_count,
        fact.told_on,
    )
    refused, taken = fact.sets
    assert (
        SetVerdict(
            set_id="837",
            control_number="0001",
            verdict="R",
            codes=("5",),
            errors=("CLM-02:1",),
            where="ST02=0001/2000[1]",
        )
        == refused
    )
    assert ("0002", "A", ()) == (taken.control_number, taken.verdict, taken.errors)


def test_it_is_told_to_the_group_that_we_sent_to_that_partner() -> None:
    (told,) = read_text(ANSWER).routed
    assert "group/PARTNER:RIVERBEND:HC:417" == told.stream


def test_no_value_of_what_was_sent_and_no_claim_number_is_read() -> None:
    raw = changed(ANSWER, "IK4*2*782*1~", "IK4*2*782*7*CANARY JANE~")
    assert "CANARY" not in repr(read_text(raw).facts)
    assert "RB-0001" not in repr(read_text(raw).facts)


def test_an_error_names_the_loop_the_element_and_the_component() -> None:
    raw = changed(ANSWER, "IK3*CLM*22**8~", "IK3*CLM*22*2300*8~")
    raw = changed(raw, "IK4*2*782*1~", "IK4*5:3*1325*7~")
    assert ("2300/CLM-05-3:7",) == group(raw).sets[0].errors


def test_a_segment_error_is_told_by_its_own_code() -> None:
    raw = changed(ANSWER, "IK3*CLM*22**8~", "IK3*HI*22*2300*3~")
    raw = changed(raw, "IK4*2*782*1~\n", "").replace("SE*11", "SE*10")
    assert ("2300/HI:3",) == group(raw).sets[0].errors


def test_a_997_is_read_like_a_999() -> None:
    fact = group(PLAIN)
    assert ("PO", "R", 1, 0) == (fact.kind, fact.verdict, fact.sets_count, fact.accepted_count)
    assert ("PO1-07:2",) == fact.sets[0].errors


def test_an_answer_that_names_no_set_tells_the_group() -> None:
    raw = ANSWER.partition("AK2*")[0] + "AK9*A*2*2*2~\nSE*4*0001~\nGE*1*417~\nIEA*1*000000417~\n"
    fact = group(raw)
    assert ("A", 2, ()) == (fact.verdict, fact.accepted_count, fact.sets)


def test_an_answer_without_its_verdict_is_held() -> None:
    raw = changed(ANSWER, "AK9*P*2*2*1~\n", "").replace("SE*11", "SE*10")
    assert [("999", "held", ["x12.segment.missing"])] == read_text(raw).statuses


def test_acknowledgements_are_never_acknowledged() -> None:
    assert [] == read_text(ANSWER).reply


def test_a_ta1_tells_the_interchange_that_it_was_refused() -> None:
    told = read_text(TA1)
    assert [("TA1", "accepted", [])] == told.statuses
    (routed,) = told.routed
    assert isinstance(routed.fact, InterchangeAcknowledged)
    assert "interchange/PARTNER:RIVERBEND:000000077" == routed.stream
    assert ("R", "021", date(2026, 11, 2)) == (
        routed.fact.verdict,
        routed.fact.note,
        routed.fact.told_on,
    )


def test_a_ta1_without_a_verdict_is_held() -> None:
    raw = changed(TA1, "*R*021~", "**021~")
    assert [("TA1", "held", ["x12.element.missing"])] == read_text(raw).statuses


def test_a_ta1_through_the_wrong_door_is_held_and_claims_no_identity() -> None:
    channel = msgspec.structs.replace(CHANNEL, translations=frozenset({"x12_835"}))
    pieces = read_interchanges([TA1.encode()], channel, SET_TRANSLATORS)
    (verdict,) = (each.translation for each in pieces if isinstance(each, Reading))
    assert ("held", (), ["intake.type.unexpected"]) == (
        verdict.status,
        verdict.identities,
        [each.code for each in verdict.faults],
    )


def test_the_same_ta1_again_is_known() -> None:
    first, second = (read_text(TA1).verdicts[0] for _ in range(2))
    assert first.translation.identities == second.translation.identities != ()
    assert first.content_sha256 == second.content_sha256 != b""
