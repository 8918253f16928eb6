"""Streams that decide nothing: what was told last of each kind, in any order, and no booking."""

from __future__ import annotations

from datetime import date
from itertools import permutations

from tests.unit.processes.telling import state_after, told_to

from suture.catalogue import PROCESSES
from suture.model.event import Event, Fact, Reconsidered
from suture.model.purchase import PurchaseAcknowledged, PurchaseLine, PurchaseOrdered
from suture.processes import known

ORDERED = PurchaseOrdered(
    order="4500012",
    document="850:1",
    dated_on=date(2026, 3, 2),
    lines=(PurchaseLine(number="1", item="IMP-7", quantity="2", unit="EA"),),
)
CHANGED = PurchaseOrdered(order="4500012", document="850:2", dated_on=date(2026, 3, 3))
ANSWERED = PurchaseAcknowledged(order="4500012", document="855:1", dated_on=date(2026, 3, 3))


def told(fact: Fact, minute: int) -> Event:
    return told_to("purchase/4500012", fact, minute, source="supply", where="BEG", digest="00")


EVENTS = [told(ORDERED, 1), told(CHANGED, 2), told(ANSWERED, 2), told(ORDERED, 1)]


def end(events: list[Event]) -> known.State:
    return state_after(known, "4500012", *events)


def test_any_order_and_any_repetition_leave_the_latest_of_each_kind() -> None:
    ends = {tuple(sorted(end(list(order)).latest.items())) for order in permutations(EVENTS)}
    assert 1 == len(ends)
    assert ["purchase.acknowledged", "purchase.ordered"] == sorted(end(EVENTS).latest)
    assert told(CHANGED, 2).stamp == end(EVENTS).latest["purchase.ordered"][0]


def test_the_same_fact_again_tells_nothing_new() -> None:
    state = end(EVENTS)
    assert all(known.evolve(state, event) is state for event in EVENTS)
    assert known.evolve(state, told(Reconsidered(release="rel_1"), 9)) is state


def test_nothing_is_booked() -> None:
    assert all(known.decide(end(EVENTS), event) == () for event in EVENTS)


def test_every_such_stream_is_served() -> None:
    assert all(PROCESSES[stream] is known for stream in known.STREAMS)
