"""What is told of a claim before its decision: the latest of each kind is kept, none is booked."""

from __future__ import annotations

from datetime import date
from itertools import permutations

from suture.model.claim import ClaimAcknowledged, ClaimSubmitted
from suture.model.event import Event, Reconsidered
from suture.processes import claim


def event(fact: ClaimSubmitted | ClaimAcknowledged | Reconsidered, stamp: str) -> Event:
    return Event(
        id=f"evt_{stamp}.0001",
        stream="claim/clm_1",
        fact=fact,
        source="billing",
        message_id=f"msg_{stamp}",
        where="Claim",
        stamp=stamp,
        received_at_ms=0,
    )


def submitted(charge_minor: int) -> ClaimSubmitted:
    return ClaimSubmitted(
        claim="clm_1",
        submission="sbm_1",
        kind="professional",
        charge_minor=charge_minor,
        submitted_on=date(2026, 3, 3),
        where="Claim",
    )


EVENTS = (
    event(submitted(100), "1"),
    event(submitted(200), "2"),
    event(
        ClaimAcknowledged(
            claim="clm_1",
            acknowledgement="ack_1",
            is_accepted=True,
            decided_on=date(2026, 3, 4),
            where="STC",
        ),
        "3",
    ),
)


def test_the_latest_of_each_kind_is_kept_in_any_order() -> None:
    ends = []
    for order in permutations((*EVENTS, EVENTS[0])):
        state = claim.initial("clm_1")
        for each in order:
            state = claim.evolve(state, each)
            assert () == claim.decide(state, each)
        ends.append(state)
    assert all(each == ends[0] for each in ends)
    assert {"claim.submitted": "2", "claim.acknowledged": "3"} == {
        kind: stamp for kind, (stamp, _) in ends[0].story.items()
    }


def test_the_same_thing_again_changes_nothing_and_a_new_release_books_nothing() -> None:
    state = claim.evolve(claim.initial("clm_1"), EVENTS[1])
    assert state is claim.evolve(state, EVENTS[1])
    assert state is claim.evolve(state, EVENTS[0])
    assert () == claim.decide(state, event(Reconsidered(release="r"), "9"))
