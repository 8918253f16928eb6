"""Remittance: books one payment's cash and provider-level adjustments (X12 835: BPR, TRN, PLB).

Here: what BPR02 and PLB put into the books under the key `cash`, whatever becomes of the claims it
pays. Not here: those claims (`claim.py`, one stream each), the three balancing equations
(`wire/x12/remittance.py`: a remittance that does not balance never becomes a fact), the bank's
side. Next: `ledger/post.py`.

TRN03 and TRN02 name a remittance (B31). The store refuses a second message that claims the same
trace; should one come through all the same, the first by stamp stands and the other waits as
`remittance.trace_reused`: never a second cash entry.
"""

from __future__ import annotations

from datetime import date
from typing import assert_never

import msgspec

from suture.model.decision import Amount, Booking, Decision, Hold, Withdrawn
from suture.model.event import Event, Reconsidered, fact_type
from suture.model.fault import fault
from suture.model.remittance import RemittanceReceived

_CASH_KEY = "cash"
_TRACE_KEY = "trace"


_Told = RemittanceReceived | Reconsidered


class _Received(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What of one remittance enters the books; ordered by stamp."""

    stamp: str
    payer: str
    paid_minor: int
    paid_on: date
    facility: str
    where: str
    provider_adjustments: tuple[tuple[str, int, str], ...]
    """Reason (PLB03-1), amount in minor units, path."""
    source: str = ""
    event_id: str = ""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every different remittance told under this payer and trace: one, unless it was reused."""

    received: tuple[_Received, ...] = ()
    """Sorted by the first stamp of each."""


def initial(key: str) -> State:  # noqa: ARG001 - the shape of every process
    """Return the state of a payer and trace nothing is known of."""
    return State()


def evolve(state: State, event: Event) -> State:
    """Fold one remittance in; the first stamp of each content is kept."""
    fact = _own(event)
    match fact:
        case RemittanceReceived():
            told = _received(fact, event)
        case Reconsidered():
            return state
        case _:
            assert_never(fact)
    for known in state.received:
        if msgspec.structs.replace(told, stamp=known.stamp, event_id=known.event_id) == known:
            if known.stamp <= told.stamp:
                return state
            others = tuple(other for other in state.received if other is not known)
            return State(tuple(sorted((*others, told))))
    return State(tuple(sorted((*state.received, told))))


def decide(state: State, event: Event) -> tuple[Decision, ...]:
    """Return the cash booking of the remittance that stands, and whether its trace was reused."""
    _own(event)
    if not state.received:
        return ()
    first, *others = state.received
    reused: Decision = Withdrawn(_TRACE_KEY)
    if others:
        reused = Hold(
            key=_TRACE_KEY,
            fault=fault("remittance.trace_reused", others[0].where),
            amount_minor=sum(other.paid_minor for other in others),
        )
    return (_cash(first), reused)


def _own(event: Event) -> _Told:
    fact = event.fact
    if isinstance(fact, _Told):
        return fact
    raise TypeError(f"a remittance was told {fact_type(fact)}")


def _received(fact: RemittanceReceived, event: Event) -> _Received:
    return _Received(
        stamp=event.stamp,
        payer=fact.payer,
        paid_minor=fact.paid_minor,
        paid_on=fact.paid_on,
        facility=fact.facility,
        where=fact.where,
        provider_adjustments=tuple(
            (adjustment.reason, adjustment.amount_minor, adjustment.where)
            for adjustment in fact.provider_adjustments
        ),
        source=event.source,
        event_id=event.id,
    )


def _cash(received: _Received) -> Booking | Withdrawn:
    """Return the booking: BPR02 as cash, and each PLB amount (positive = withheld by the payer)."""
    amounts = [
        Amount(name="provider_adjustment", minor=minor, where=where, reason=reason)
        for reason, minor, where in received.provider_adjustments
        if minor
    ]
    if received.paid_minor:
        where = f"{received.where}/BPR-02"
        amounts.insert(0, Amount(name="cash", minor=received.paid_minor, where=where))
    if not amounts:
        return Withdrawn(_CASH_KEY)
    return Booking(
        key=_CASH_KEY,
        kind="remittance",
        amounts=tuple(amounts),
        effective_on=received.paid_on,
        facility=received.facility,
        payer=received.payer,
        source=received.source,
        event_id=received.event_id,
        # Money that came in is booked even where the payer crosswalk has a gap.
        needs_payer_class=False,
    )
