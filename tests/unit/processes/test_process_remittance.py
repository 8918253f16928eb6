"""What a payment's cash and provider adjustments book (processes/remittance.py, 835 BPR, PLB)."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from tests.unit.processes.telling import state_after, told_to

from suture.model.decision import Amount, Booking, Hold, Withdrawn
from suture.model.encounter import EncounterUpdated
from suture.model.event import Event, Fact, Reconsidered
from suture.model.remittance import ProviderAdjustment, RemittanceReceived
from suture.processes import remittance

RECEIVED = RemittanceReceived(
    remittance="P1:T1",
    payer="P1",
    trace="T1",
    paid_minor=9_500,
    method="ACH",
    paid_on=date(2024, 3, 4),
    facility="RBGH",
    claims_count=2,
    claims_paid_minor=10_000,
    provider_adjustments=(
        ProviderAdjustment(reason="WO", amount_minor=700, where="ST02=0001/PLB[1]-04"),
        ProviderAdjustment(reason="L6", amount_minor=-200, where="ST02=0001/PLB[1]-06"),
    ),
    where="ST02=0001",
)
ADJUSTMENTS = (
    Amount(name="provider_adjustment", minor=700, where="ST02=0001/PLB[1]-04", reason="WO"),
    Amount(name="provider_adjustment", minor=-200, where="ST02=0001/PLB[1]-06", reason="L6"),
)


def told(fact: Fact, minute: int) -> Event:
    """Return the fact as an event recorded at this minute."""
    return told_to("remittance/P1:T1", fact, minute, source="clearinghouse")


def after(*events: Event) -> remittance.State:
    """Return the state once these events were told in this order."""
    return state_after(remittance, "P1:T1", *events)


def test_a_remittance_books_its_cash_and_each_provider_adjustment() -> None:
    event = told(RECEIVED, 1)
    assert remittance.decide(after(event), event) == (
        Booking(
            key="cash",
            kind="remittance",
            amounts=(Amount(name="cash", minor=9_500, where="ST02=0001/BPR-02"), *ADJUSTMENTS),
            effective_on=date(2024, 3, 4),
            facility="RBGH",
            payer="P1",
            needs_payer_class=False,
            source="clearinghouse",
            event_id="evt_1",
        ),
        Withdrawn("trace"),
    )


def test_a_remittance_without_cash_still_books_its_provider_adjustments() -> None:
    event = told(msgspec.structs.replace(RECEIVED, paid_minor=0), 1)
    booked, _ = remittance.decide(after(event), event)
    assert isinstance(booked, Booking)
    assert booked.amounts == ADJUSTMENTS


def test_a_remittance_of_no_money_books_nothing() -> None:
    event = told(msgspec.structs.replace(RECEIVED, paid_minor=0, provider_adjustments=()), 1)
    assert remittance.decide(after(event), event) == (Withdrawn("cash"), Withdrawn("trace"))


def test_the_same_remittance_told_again_changes_nothing() -> None:
    state = after(told(RECEIVED, 1))
    assert remittance.evolve(state, told(RECEIVED, 1)) is state
    assert remittance.evolve(state, told(RECEIVED, 5)) is state
    assert after(told(RECEIVED, 5), told(RECEIVED, 1)) == state


def test_b31_a_second_payment_under_the_same_trace_never_books_cash_again() -> None:
    first = told(RECEIVED, 1)
    second = told(msgspec.structs.replace(RECEIVED, paid_minor=100, where="ST02=0009"), 2)
    assert after(first, second) == after(second, first)
    booked, reused = remittance.decide(after(second, first), first)
    assert (booked, Withdrawn("trace")) == remittance.decide(after(first), first)
    assert isinstance(reused, Hold)
    assert (reused.key, reused.amount_minor) == ("trace", 100)
    assert (reused.fault.code, reused.fault.where) == ("remittance.trace_reused", "ST02=0009")


def test_a_new_release_decides_again_and_an_unknown_trace_decides_nothing() -> None:
    event, again = told(RECEIVED, 1), told(Reconsidered("r2"), 9)
    state = after(event)
    assert remittance.evolve(state, again) is state
    assert remittance.decide(state, again) == remittance.decide(state, event)
    assert remittance.decide(remittance.initial("P1:T1"), again) == ()


def test_a_remittance_survives_being_stored() -> None:
    state = after(told(RECEIVED, 1))
    blob = msgspec.msgpack.encode(state)
    assert msgspec.msgpack.decode(blob, type=remittance.State) == state


def test_a_fact_of_another_process_is_a_bug() -> None:
    stray = told(EncounterUpdated(visit="vis_1"), 1)
    with pytest.raises(TypeError, match=r"encounter\.updated"):
        remittance.evolve(remittance.initial("P1:T1"), stray)
    with pytest.raises(TypeError, match=r"encounter\.updated"):
        remittance.decide(remittance.initial("P1:T1"), stray)
