"""What payers' decisions book, and which reversal takes back what (processes/claim.py, 835 CLP)."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import msgspec
import pytest
from tests.unit.processes.telling import told_to

from suture.model.claim import ClaimAdjudicated, ClaimAdjustment
from suture.model.decision import Amount, Booking, Decision, Hold, Withdrawn
from suture.model.encounter import EncounterUpdated
from suture.model.event import Event, Fact, Reconsidered
from suture.processes import claim

ORIGINAL = ClaimAdjudicated(
    claim="clm_1",
    adjudication="adj_original",
    remittance="P1:T1",
    payer="P1",
    payer_claim="pcl_1",
    status="1",
    filing_indicator="MB",
    charge_minor=10_000,
    paid_minor=7_000,
    patient_responsibility_minor=1_000,
    adjustments=(
        ClaimAdjustment(group="CO", reason="45", amount_minor=2_000, where="CLP[1]/CAS[1]-03"),
        ClaimAdjustment(group="PR", reason="2", amount_minor=1_000, where="CLP[1]/CAS[2]-03"),
    ),
    paid_on=date(2024, 3, 4),
    facility="RBGH",
    where="CLP[1]",
)


def negated(fact: ClaimAdjudicated, **changes: object) -> ClaimAdjudicated:
    """Return the reversal of an adjudication, two weeks later."""
    reversal = msgspec.structs.replace(
        fact,
        adjudication="adj_reversal",
        remittance="P1:T2",
        status="22",
        charge_minor=-fact.charge_minor,
        paid_minor=-fact.paid_minor,
        adjustments=tuple(
            msgspec.structs.replace(each, amount_minor=-each.amount_minor)
            for each in fact.adjustments
        ),
        paid_on=date(2024, 3, 18),
        where="CLP[2]",
    )
    return msgspec.structs.replace(reversal, **changes)


REVERSAL = negated(ORIGINAL)
CORRECTION = msgspec.structs.replace(
    ORIGINAL,
    adjudication="adj_correction",
    remittance="P1:T2",
    paid_minor=7_500,
    adjustments=(
        ClaimAdjustment(group="CO", reason="45", amount_minor=2_500, where="CLP[3]/CAS[1]-03"),
    ),
    paid_on=date(2024, 3, 18),
    where="CLP[3]",
)


def told(fact: Fact, minute: int) -> Event:
    """Return the fact as an event recorded at this minute."""
    return told_to("claim/clm_1", fact, minute, source="clearinghouse", where="CLP")


def end(*facts: Fact) -> dict[str, Decision]:
    """Return what stands or waits after facts recorded in this order and told in every order."""
    events = [told(fact, minute) for minute, fact in enumerate(facts, start=1)]
    ends = [settled(*order) for order in permutations(events)]
    assert all(each == ends[0] for each in ends)
    return ends[0]


def settled(*events: Event) -> dict[str, Decision]:
    """Return what stands or waits per booking key after these events."""
    state, standing = claim.initial("clm_1"), dict[str, Decision]()
    for event in events:
        state = claim.evolve(state, event)
        for decision in claim.decide(state, event):
            match decision:
                case Booking() | Hold():
                    standing[decision.key] = decision
                case Withdrawn():
                    standing.pop(decision.key, None)
                case _:
                    pytest.fail("a claim forwards nothing")
    return standing


def codes(standing: dict[str, Decision]) -> dict[str, tuple[str, int]]:
    """Return code and amount of what waits, by key."""
    return {
        key: (decision.fault.code, decision.amount_minor)
        for key, decision in standing.items()
        if isinstance(decision, Hold)
    }


def paid(standing: dict[str, Decision]) -> int:
    """Return the sum of the payments that stand."""
    return sum(
        amount.minor
        for decision in standing.values()
        if isinstance(decision, Booking)
        for amount in decision.amounts
        if amount.name == "payment"
    )


def test_a_paid_claim_books_its_payment_and_every_adjustment_under_its_payer() -> None:
    assert end(ORIGINAL) == {
        "adjudication:adj_original": Booking(
            key="adjudication:adj_original",
            kind="claim_payment",
            amounts=(
                Amount(name="payment", minor=7_000, where="CLP[1]-04"),
                Amount(
                    name="adjustment",
                    minor=2_000,
                    where="CLP[1]/CAS[1]-03",
                    group="CO",
                    reason="45",
                ),
                Amount(
                    name="adjustment", minor=1_000, where="CLP[1]/CAS[2]-03", group="PR", reason="2"
                ),
            ),
            effective_on=date(2024, 3, 4),
            facility="RBGH",
            payer="P1",
            financial_class="MB",
            where="CLP[1]",
            source="clearinghouse",
            event_id="evt_1",
        )
    }


def test_a_denied_claim_books_its_adjustments_alone() -> None:
    denial = ClaimAdjustment(group="CO", reason="50", amount_minor=10_000, where="CLP[1]/CAS[1]-03")
    denied = msgspec.structs.replace(ORIGINAL, status="4", paid_minor=0, adjustments=(denial,))
    (booked,) = end(denied).values()
    assert isinstance(booked, Booking)
    assert [(each.name, each.reason, each.minor) for each in booked.amounts] == [
        ("adjustment", "50", 10_000)
    ]


def test_an_adjustment_of_no_money_is_left_out() -> None:
    informational = ClaimAdjustment(
        group="CO", reason="42", amount_minor=0, where="CLP[1]/CAS[3]-03"
    )
    padded = msgspec.structs.replace(ORIGINAL, adjustments=(*ORIGINAL.adjustments, informational))
    assert end(padded) == end(ORIGINAL)


def test_a_predetermination_never_books() -> None:
    assert end(msgspec.structs.replace(ORIGINAL, status="25")) == {}


@pytest.mark.parametrize("status", ["5", "10", "13", "15", "16", "17", "23"])
def test_what_makes_an_undecided_claim_balance_books_nothing(status: str) -> None:
    denial = ClaimAdjustment(group="OA", reason="109", amount_minor=10_000, where="CLP[1]/CAS[1]")
    undecided = msgspec.structs.replace(
        ORIGINAL, status=status, paid_minor=0, adjustments=(denial,)
    )
    assert end(undecided) == {}


@pytest.mark.parametrize("status", ["5", "23", "22"])
def test_a_decision_that_moves_no_money_books_nothing(status: str) -> None:
    empty = msgspec.structs.replace(ORIGINAL, status=status, paid_minor=0, adjustments=())
    assert end(empty) == {}


def test_b34_a_reversal_without_its_original_waits_with_the_amount_taken_back() -> None:
    standing = end(REVERSAL)
    assert codes(standing) == {
        "adjudication:adj_reversal": ("claim.reversal_without_original", -7_000)
    }


def test_f26_a_reversal_before_its_original_books_by_itself_and_nets_to_zero() -> None:
    standing = end(REVERSAL, ORIGINAL)
    assert not codes(standing)
    assert (len(standing), paid(standing)) == (2, 0)


def test_reversal_and_correction_in_one_remittance_leave_the_corrected_payment() -> None:
    standing = end(ORIGINAL, REVERSAL, CORRECTION)
    assert not codes(standing)
    assert paid(standing) == 7_500


def test_b34_a_reversal_is_not_paired_with_the_correction_that_follows_it() -> None:
    standing = end(REVERSAL, CORRECTION)
    assert codes(standing) == {
        "adjudication:adj_reversal": ("claim.reversal_without_original", -7_000)
    }
    assert paid(standing) == 7_500


def test_a_payment_twice_corrected_over_three_remittances_nets_in_any_order() -> None:
    second_reversal = negated(
        CORRECTION,
        adjudication="adj_reversal_2",
        remittance="P1:T3",
        paid_on=date(2024, 4, 2),
    )
    second_correction = msgspec.structs.replace(
        ORIGINAL, adjudication="adj_correction_2", remittance="P1:T3", paid_on=date(2024, 4, 2)
    )
    standing = end(ORIGINAL, REVERSAL, CORRECTION, second_reversal, second_correction)
    assert not codes(standing)
    assert paid(standing) == 7_000


def test_a_reversal_of_another_amount_books_what_it_says_and_flags_the_difference() -> None:
    partial = negated(
        ORIGINAL,
        paid_minor=-6_500,
        adjustments=(
            ClaimAdjustment(group="CO", reason="45", amount_minor=-2_500, where="CLP[2]/CAS[1]-03"),
            ClaimAdjustment(group="PR", reason="2", amount_minor=-1_000, where="CLP[2]/CAS[2]-03"),
        ),
    )
    standing = end(ORIGINAL, partial)
    assert codes(standing) == {"mirror:adj_reversal": ("claim.reversal_not_mirror", 500)}
    assert paid(standing) == 500


def corrected_in_4010(*amounts: tuple[str, int]) -> ClaimAdjudicated:
    """Return the reversal of the original with these reasons, all in group CR."""
    adjustments = tuple(
        ClaimAdjustment(group="CR", reason=reason, amount_minor=minor, where=f"CAS[1]-{number:02d}")
        for number, (reason, minor) in enumerate(amounts, 1)
    )
    return negated(ORIGINAL, adjustments=adjustments)


def booked_groups(standing: dict[str, Decision], key: str) -> list[tuple[str, str, int]]:
    """Return group, reason and amount of each adjustment of a booking."""
    decision = standing[key]
    assert isinstance(decision, Booking)
    return [(a.group, a.reason, a.minor) for a in decision.amounts if a.name == "adjustment"]


def test_a_4010_reversal_is_booked_under_the_groups_of_its_original() -> None:
    standing = end(ORIGINAL, corrected_in_4010(("45", -2_000), ("2", -1_000)))
    assert not codes(standing)
    assert booked_groups(standing, "adjudication:adj_reversal") == [
        ("CO", "45", -2_000),
        ("PR", "2", -1_000),
    ]


def test_a_4010_reversal_that_takes_back_other_amounts_is_flagged_with_what_it_leaves() -> None:
    standing = end(ORIGINAL, corrected_in_4010(("45", -3_000)))
    assert codes(standing) == {"mirror:adj_reversal": ("claim.reversal_not_mirror", 1_000)}
    assert booked_groups(standing, "adjudication:adj_reversal") == [("CO", "45", -3_000)]
    assert paid(standing) == 0


def test_a_reason_of_two_groups_is_taken_back_from_both_or_from_neither() -> None:
    """CO 45 20.00 and PR 45 10.00: a CR 45 of 30.00 is both, one of 25.00 nobody can say."""
    both = regrouped(ORIGINAL, ("CO", 2_000), ("PR", 1_000))
    whole = end(both, corrected_in_4010(("45", -1_200), ("45", -1_800)))
    assert not codes(whole)
    assert booked_groups(whole, "adjudication:adj_reversal") == [
        ("CO", "45", -2_000),
        ("PR", "45", -1_000),
    ]
    part = end(both, corrected_in_4010(("45", -2_500), ("300", -500)))
    assert codes(part) == {"mirror:adj_reversal": ("claim.reversal_not_mirror", 3_000)}
    assert booked_groups(part, "adjudication:adj_reversal") == [
        ("CR", "45", -2_500),
        ("CR", "300", -500),
    ]


def test_a_reversal_that_takes_back_more_than_was_paid_is_flagged_with_the_excess() -> None:
    greedy = negated(ORIGINAL, charge_minor=-11_000, paid_minor=-8_000)
    standing = end(ORIGINAL, greedy)
    assert codes(standing) == {"mirror:adj_reversal": ("claim.reversal_not_mirror", 1_000)}
    assert paid(standing) == -1_000


def test_an_original_that_comes_late_clears_the_flag_of_a_reversal_paired_with_another() -> None:
    lesser = msgspec.structs.replace(
        CORRECTION, adjudication="adj_other", remittance="P1:T0", paid_on=date(2024, 3, 1)
    )
    assert codes(end(lesser, REVERSAL)) == {
        "mirror:adj_reversal": ("claim.reversal_not_mirror", 1_000)
    }
    assert not codes(end(lesser, REVERSAL, ORIGINAL))


def test_of_two_mirrors_the_one_with_the_same_payer_claim_is_taken_back() -> None:
    other = msgspec.structs.replace(
        ORIGINAL, adjudication="adj_other", payer_claim="pcl_2", remittance="P1:T0"
    )
    other_reversal = negated(other, adjudication="adj_other_reversal")
    third = negated(ORIGINAL, adjudication="adj_third", payer_claim="pcl_2", remittance="P1:T4")
    assert not codes(end(other, ORIGINAL, REVERSAL, other_reversal))
    standing = end(other, REVERSAL, other_reversal, third)
    assert sorted(codes(standing)) == ["adjudication:adj_reversal", "adjudication:adj_third"]


def regrouped(fact: ClaimAdjudicated, *groups: tuple[str, int]) -> ClaimAdjudicated:
    """Return the same sums under other groups."""
    adjustments = tuple(
        ClaimAdjustment(group=group, reason="45", amount_minor=minor, where="CLP[1]/CAS[1]-03")
        for group, minor in groups
    )
    return msgspec.structs.replace(
        fact, adjudication="adj_regrouped", remittance="P1:T0", adjustments=adjustments
    )


def test_of_two_originals_of_the_same_sums_the_exact_mirror_is_taken_back() -> None:
    assert not codes(end(regrouped(ORIGINAL, ("CO", 3_000)), ORIGINAL, REVERSAL))


def test_of_two_originals_of_the_same_sums_the_same_payer_claim_goes_before_the_earliest() -> None:
    earliest = msgspec.structs.replace(regrouped(ORIGINAL, ("OA", 3_000)), payer_claim="pcl_2")
    reversal = negated(regrouped(ORIGINAL, ("CO", 2_500), ("PR", 500)), adjudication="adj_reversal")
    assert codes(end(earliest, ORIGINAL, reversal)) == {
        "mirror:adj_reversal": ("claim.reversal_not_mirror", 1_000)
    }


def test_a_mirror_under_another_payer_claim_is_still_its_original() -> None:
    assert not codes(end(ORIGINAL, negated(ORIGINAL, payer_claim="pcl_new")))


def test_without_a_payer_claim_only_a_mirror_is_taken_back() -> None:
    nameless = msgspec.structs.replace(ORIGINAL, payer_claim="")
    assert not codes(end(nameless, negated(nameless)))
    unequal = negated(nameless, paid_minor=-6_000)
    assert sorted(codes(end(nameless, unequal))) == ["adjudication:adj_reversal"]


def test_what_was_paid_after_a_reversal_is_not_what_it_takes_back() -> None:
    later = msgspec.structs.replace(ORIGINAL, paid_on=date(2024, 4, 1), remittance="P1:T3")
    assert sorted(codes(end(REVERSAL, later))) == ["adjudication:adj_reversal"]


def test_an_original_is_taken_back_once() -> None:
    again = negated(ORIGINAL, adjudication="adj_reversal_2", remittance="P1:T3")
    standing = end(ORIGINAL, REVERSAL, again)
    assert codes(standing) == {
        "adjudication:adj_reversal_2": ("claim.reversal_without_original", -7_000)
    }


def test_a_predetermination_is_never_taken_back() -> None:
    priced = msgspec.structs.replace(ORIGINAL, status="25")
    assert sorted(codes(end(priced, REVERSAL))) == ["adjudication:adj_reversal"]


def test_the_same_adjudication_told_twice_books_once_and_the_later_content_stands() -> None:
    corrected = msgspec.structs.replace(ORIGINAL, paid_minor=7_001)
    assert paid(end(ORIGINAL, ORIGINAL)) == 7_000
    assert paid(end(ORIGINAL, corrected)) == 7_001
    state = claim.evolve(claim.initial("clm_1"), told(ORIGINAL, 1))
    assert claim.evolve(state, told(ORIGINAL, 1)) is state


def test_a_plain_decision_leaves_other_plain_decisions_alone() -> None:
    secondary = msgspec.structs.replace(ORIGINAL, adjudication="adj_2", payer="P2", status="2")
    state = claim.evolve(claim.initial("clm_1"), told(ORIGINAL, 1))
    state = claim.evolve(state, told(secondary, 2))
    decisions = claim.decide(state, told(secondary, 2))
    assert [each.key for each in decisions if isinstance(each, Booking)] == ["adjudication:adj_2"]


def test_a_new_release_decides_every_key_again() -> None:
    state = claim.initial("clm_1")
    for minute, fact in enumerate((ORIGINAL, REVERSAL, CORRECTION)):
        state = claim.evolve(state, told(fact, minute))
    again = told(Reconsidered("r2"), 9)
    assert claim.evolve(state, again) is state
    booked = [each for each in claim.decide(state, again) if isinstance(each, Booking)]
    assert len(booked) == 3


def test_a_claim_survives_being_stored() -> None:
    state = claim.evolve(claim.initial("clm_1"), told(ORIGINAL, 1))
    blob = msgspec.msgpack.encode(state)
    assert msgspec.msgpack.decode(blob, type=claim.State) == state
    assert len(blob) < 300


def test_a_claim_number_shared_by_two_hundred_decisions_is_still_paired() -> None:
    state = claim.initial("clm_0")
    last = told(ORIGINAL, 1)
    for number in range(100):
        changes = {"payer_claim": f"pcl_{number}"}
        for fact in (ORIGINAL, REVERSAL):
            told_fact = msgspec.structs.replace(
                fact, adjudication=f"{fact.adjudication}_{number}", **changes
            )
            last = told(told_fact, number)
            state = claim.evolve(state, last)
    holds = [each for each in claim.decide(state, last) if isinstance(each, Hold)]
    assert not holds


def test_paid_decisions_that_share_a_claim_number_each_decide_only_themselves() -> None:
    """Else a remittance whose claims all say `CLP*NA` would cost the square of its claims."""
    state, decided = claim.initial("clm_0"), 0
    for number in range(2_000):
        event = told(msgspec.structs.replace(ORIGINAL, adjudication=f"adj_{number}"), number)
        state = claim.evolve(state, event)
        decided += sum(isinstance(each, Booking) for each in claim.decide(state, event))
    assert (decided, state.linked) == (2_000, ())


def test_a_fact_of_another_process_is_a_bug() -> None:
    stray = told(EncounterUpdated(visit="vis_1"), 1)
    with pytest.raises(TypeError, match=r"encounter\.updated"):
        claim.evolve(claim.initial("clm_1"), stray)
    with pytest.raises(TypeError, match=r"encounter\.updated"):
        claim.decide(claim.initial("clm_1"), stray)
