"""What the sender of an interchange is owed: when a 999, when a 277CA, and what is in it."""

from __future__ import annotations

import pytest
from tests.unit.governance.estate_edits import FILES, edited
from tests.unit.translate.x12_files import TOKENIZER, changed, example, read_text

from suture.connectors.registry import CONNECTORS
from suture.governance.channels import open_channel
from suture.governance.estate import Estate, load
from suture.model.claim import ClaimAcknowledged
from suture.model.translation import X12Replies

CLAIMS = example("01_837p")
UNBALANCED = changed(CLAIMS, "CLM*RB-0001*250*", "CLM*RB-0001*251*")
UNNAMED = changed(CLAIMS, "HI*ABK:S52501A~\n", "").replace("SE*66", "SE*65")
ANSWERED = X12Replies(acknowledges_claims=True)
QUIET = X12Replies(acknowledge="rejected")


def verdicts(raw: str, replies: X12Replies) -> list[str]:
    """Return the segments of a 999 that hold a verdict."""
    told = read_text(raw, replies=replies).reply
    return [each for each in told if each.startswith(("IK3", "IK4", "CTX", "IK5", "AK9"))]


def answers(raw: str, replies: X12Replies = ANSWERED) -> list[ClaimAcknowledged]:
    """Return what the 277CA in a reply says of each claim, read as its sender would."""
    reply = "~".join(read_text(raw, replies=replies).reply) + "~"
    again = read_text(reply)
    assert {"accepted"} == {status for _, status, _ in again.statuses}
    assert [] == [one for each in again.verdicts for one in each.translation.notes]
    return [each for each in again.facts if isinstance(each, ClaimAcknowledged)]


# Settings ---------------------------------------------------------------------------------------


def test_a_source_says_in_its_file_what_its_sender_is_told() -> None:
    said = '[x12]\nacknowledge = "rejected"\nacknowledges_claims = true\n\n[files]'
    loaded = load(edited("sources/remits.toml", "[files]", said), CONNECTORS)
    assert isinstance(loaded, Estate)
    replies = open_channel(loaded, loaded.sources["remits"], TOKENIZER).x12
    assert X12Replies(acknowledge="rejected", acknowledges_claims=True) == replies
    silent = load(FILES, CONNECTORS)
    assert isinstance(silent, Estate)
    assert X12Replies() == open_channel(silent, silent.sources["remits"], TOKENIZER).x12


# 999 --------------------------------------------------------------------------------------------


def test_a_group_that_is_taken_is_acknowledged_too() -> None:
    assert ["IK5*A", "AK9*A*1*1*1"] == verdicts(CLAIMS, X12Replies())


def test_a_source_may_be_told_of_rejections_only() -> None:
    assert [] == verdicts(CLAIMS, QUIET)
    assert ["IK3*CLM*22*2300*8", "IK4*2**7", "IK5*R*5", "AK9*R*1*1*0"] == (
        verdicts(UNBALANCED, QUIET)
    )


def test_a_claim_is_named_only_where_the_source_says_so() -> None:
    assert [] == [each for each in verdicts(UNBALANCED, X12Replies()) if each.startswith("CTX")]
    assert ["CTX*CLM01:RB-0001"] == [
        each for each in verdicts(UNBALANCED, X12Replies(tells_claims=True)) if each[:3] == "CTX"
    ]


# 277CA ------------------------------------------------------------------------------------------


def test_claims_are_answered_one_by_one_only_where_the_source_says_so() -> None:
    assert [] == [each for each in read_text(CLAIMS).reply if each.startswith("STC")]
    assert 2 == len(answers(CLAIMS))


def test_each_claim_that_is_taken_is_accepted() -> None:
    told = answers(CLAIMS)
    assert [(True, "A2", "20", 25_000), (True, "A2", "20", 31_050)] == [
        (each.is_accepted, each.statuses[0].category, each.statuses[0].status, each.charge_minor)
        for each in told
    ]


def test_the_answer_comes_back_to_the_claim_that_was_sent() -> None:
    sent = [each.stream for each in read_text(CLAIMS).routed]
    assert sent == [f"claim/{each.claim}" for each in answers(CLAIMS)]


@pytest.mark.parametrize(
    ("raw", "first", "second"),
    [
        (UNBALANCED, ("A7", "400"), ("A3", "481")),
        (UNNAMED, ("A6", "254"), ("A3", "481")),
        (
            changed(CLAIMS, "SV1*HC:99213*150*", "SV1*XX:99213*150*"),
            ("A7", "454"),
            ("A3", "481"),
        ),
        (changed(CLAIMS, "11:B:1*Y", "11:B*Y"), ("A6", "535"), ("A3", "481")),
    ],
)
def test_a_claim_is_returned_for_what_is_wrong_with_it_and_its_neighbours_for_its_set(
    raw: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    told = answers(raw)
    assert [False, False] == [each.is_accepted for each in told]
    assert [first, second] == [
        (each.statuses[0].category, each.statuses[0].status) for each in told
    ]


def test_the_totals_say_how_many_were_taken_and_returned() -> None:
    told = read_text(CLAIMS, replies=ANSWERED).reply
    assert ["QTY*90*2", "AMT*YU*560.5"] == told[told.index("QTY*90*2") :][:2]
    told = read_text(UNBALANCED, replies=ANSWERED).reply
    assert ["QTY*AA*2", "AMT*YY*561.5"] == told[told.index("QTY*AA*2") :][:2]


def test_a_set_whose_envelope_is_at_fault_is_answered_by_its_999_alone() -> None:
    raw = CLAIMS.replace("SE*66*", "SE*67*")
    told = read_text(raw, replies=ANSWERED).reply
    assert "IK5*R*4" in told
    assert [] == [each for each in told if each.startswith("STC")]


def test_beyond_the_cap_only_the_totals_tell_of_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.translate.x12_837_reply._CLAIMS_MAX", 1)
    assert 1 == len(answers(CLAIMS))
    assert "QTY*90*2" in read_text(CLAIMS, replies=ANSWERED).reply


def test_the_same_file_again_gets_the_same_answer() -> None:
    first, second = (read_text(CLAIMS, replies=ANSWERED).reply for _ in range(2))
    assert first == second
