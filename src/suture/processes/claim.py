"""Claim: books what payers decided of one claim, and pairs its reversals (X12 835, `CLP`, `CAS`).

Here: every adjudication of one claim by business identity, the booking each makes, and which
original a reversal (CLP02 = 22) belongs to. Not here: the payment's cash and PLB (`remittance.py`),
balancing (`wire/x12/remittance.py`), what a CAS reason means in accounts (`ledger/`). Next:
`ledger/post.py`.

A reversal repeats its original with every amount negated; a correction follows as a fresh CLP (TR3
835, 1.10.2.8), in the same 835 or another, before or after it. Which belongs to which is therefore
read off the whole set of adjudications, never off the order they came in. A reversal books what the
835 says, with the difference flagged beside it where it is not its original's exact mirror; one
whose original is unknown waits (B34) and books by itself when the original comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import assert_never

import msgspec

from suture.model.claim import PREDETERMINATION, REVERSAL_OF_PREVIOUS_PAYMENT, ClaimAdjudicated
from suture.model.decision import Amount, Booking, Decision, Hold, Withdrawn
from suture.model.event import Event, Reconsidered, fact_type
from suture.model.fault import fault

_Told = ClaimAdjudicated | Reconsidered

_SECONDARY = frozenset(("2", "3", "20", "21"))
"""CLP02: processed as secondary or tertiary."""
_PRIOR_PAYER = ("OA", "23")
"""CAS01 and CARC of what a prior payer has settled."""


class _Adjudication(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What of one CLP enters the books or pairs it; ordered by stamp, content breaks a tie."""

    stamp: str
    status: str
    payer: str
    payer_claim: str
    remittance: str
    filing_indicator: str
    facility: str
    charge_minor: int
    paid_minor: int
    paid_on: date
    where: str
    adjustments: tuple[tuple[str, str, int, str], ...]
    """Group (CAS01), reason (CARC), amount in minor units, path."""
    source: str = ""
    event_id: str = ""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every adjudication of one claim, by business identity."""

    adjudications: dict[str, _Adjudication] = msgspec.field(default_factory=dict)


_Likeness = Callable[[_Adjudication, int], tuple[object, ...]]
"""What a reversal (sign -1) and its original (sign 1) have in common."""


def initial(key: str) -> State:  # noqa: ARG001 - the shape of every process
    """Return the state of a claim nothing is known of."""
    return State()


def evolve(state: State, event: Event) -> State:
    """Fold one adjudication in; the later stamp wins where an identity is told twice."""
    fact = _own(event)
    match fact:
        case ClaimAdjudicated():
            told = _adjudication(fact, event)
            known = state.adjudications.get(fact.adjudication)
            # The event id comes last and breaks no real tie.
            if known is not None and told <= known:
                return state
            return State({**state.adjudications, fact.adjudication: told})
        case Reconsidered():
            return state
        case _:
            assert_never(fact)


def decide(state: State, event: Event) -> tuple[Decision, ...]:
    """Return what should stand for the adjudication told and for every reversal it may pair."""
    fact = _own(event)
    match fact:
        case ClaimAdjudicated():
            touched = {fact.adjudication: None} | dict.fromkeys(_reversals(state))
        case Reconsidered():
            touched = dict.fromkeys(state.adjudications)
        case _:
            assert_never(fact)
    originals = _pair(state)
    return tuple(
        decision
        for identity in touched
        for decision in (
            _standing(state, identity, originals),
            _mirroring(state, identity, originals),
        )
    )


def _own(event: Event) -> _Told:
    fact = event.fact
    if isinstance(fact, _Told):
        return fact
    raise TypeError(f"a claim was told {fact_type(fact)}")


def _adjudication(fact: ClaimAdjudicated, event: Event) -> _Adjudication:
    return _Adjudication(
        stamp=event.stamp,
        status=fact.status,
        payer=fact.payer,
        payer_claim=fact.payer_claim,
        remittance=fact.remittance,
        filing_indicator=fact.filing_indicator,
        facility=fact.facility,
        charge_minor=fact.charge_minor,
        paid_minor=fact.paid_minor,
        paid_on=fact.paid_on,
        where=fact.where,
        adjustments=tuple(
            (adjustment.group, adjustment.reason, adjustment.amount_minor, adjustment.where)
            for adjustment in fact.adjustments
        ),
        source=event.source,
        event_id=event.id,
    )


def _standing(state: State, identity: str, originals: dict[str, str]) -> Booking | Hold | Withdrawn:
    """Return what should stand for one adjudication.

    Nothing for a predetermination (25) and where no money moves (23, a 4010 file's 5).
    """
    key, adjudication = f"adjudication:{identity}", state.adjudications[identity]
    if not _is_booked(adjudication):
        return Withdrawn(key)
    if adjudication.status == REVERSAL_OF_PREVIOUS_PAYMENT and identity not in originals:
        unpaired = fault("claim.reversal_without_original", adjudication.where)
        return Hold(
            key=key,
            fault=unpaired,
            amount_minor=adjudication.paid_minor,
            event_id=adjudication.event_id,
        )
    original = state.adjudications[originals.get(identity, identity)]
    return Booking(
        key=key,
        kind="secondary_claim_payment" if _is_secondary(original) else "claim_payment",
        amounts=_amounts(adjudication),
        effective_on=adjudication.paid_on,
        facility=adjudication.facility,
        payer=adjudication.payer,
        financial_class=adjudication.filing_indicator,
        where=adjudication.where,
        source=adjudication.source,
        event_id=adjudication.event_id,
    )


def _mirroring(state: State, identity: str, originals: dict[str, str]) -> Hold | Withdrawn:
    """Return the flag beside a reversal that leaves something of its original standing."""
    key = f"mirror:{identity}"
    if identity not in originals:
        return Withdrawn(key)
    reversal = state.adjudications[identity]
    difference_minor = _difference(reversal, state.adjudications[originals[identity]])
    if not difference_minor:
        return Withdrawn(key)
    unequal = fault("claim.reversal_not_mirror", reversal.where)
    return Hold(key=key, fault=unequal, amount_minor=difference_minor, event_id=reversal.event_id)


def _is_secondary(adjudication: _Adjudication) -> bool:
    """Tell whether another payer paid first.

    Then the balance left the payer's receivable with that payment (OA 23).
    """
    return adjudication.status in _SECONDARY or any(
        (group, reason) == _PRIOR_PAYER for group, reason, _, _ in adjudication.adjustments
    )


def _is_booked(adjudication: _Adjudication) -> bool:
    if adjudication.status == PREDETERMINATION:
        return False
    return bool(adjudication.paid_minor) or any(each[2] for each in adjudication.adjustments)


def _amounts(adjudication: _Adjudication) -> tuple[Amount, ...]:
    payment = Amount(
        name="payment", minor=adjudication.paid_minor, where=f"{adjudication.where}-04"
    )
    adjustments = [
        Amount(name="adjustment", minor=minor, where=where, group=group, reason=reason)
        for group, reason, minor, where in adjudication.adjustments
        if minor
    ]
    return (payment, *adjustments) if payment.minor else tuple(adjustments)


def _reversals(state: State) -> list[str]:
    return [
        identity
        for identity, adjudication in state.adjudications.items()
        if adjudication.status == REVERSAL_OF_PREVIOUS_PAYMENT and _is_booked(adjudication)
    ]


def _pair(state: State) -> dict[str, str]:
    """Return the original each reversal takes back, by identity.

    A function of the set alone: both sides sorted by stamp and identity, each original taken back
    once, the closest likeness first among all pairs, then the earliest. Likeness is looked up in a
    table and not pair by pair, for there are claim numbers shared by thousands (`CLP*0`).
    """
    waiting = _sorted(state, _reversals(state))
    if not waiting:
        return {}
    booked = [identity for identity, each in state.adjudications.items() if _is_booked(each)]
    free = _sorted(state, set(booked).difference(waiting))
    originals: dict[str, str] = {}
    for likeness in (_exact, _same_sums_and_payer_claim, _same_sums, _same_payer_claim):
        candidates: dict[tuple[object, ...], list[str]] = {}
        for identity in free:
            candidates.setdefault(likeness(state.adjudications[identity], 1), []).append(identity)
        for identity in waiting:
            reversal = state.adjudications[identity]
            alike = candidates.get(likeness(reversal, -1), [])
            for candidate in alike:
                if _may_take_back(reversal, state.adjudications[candidate], likeness):
                    alike.remove(candidate)
                    originals[identity] = candidate
                    break
        waiting = [identity for identity in waiting if identity not in originals]
        if not waiting:
            break
        taken = set(originals.values())
        free = [identity for identity in free if identity not in taken]
    return originals


def _sorted(state: State, identities: Iterable[str]) -> list[str]:
    return sorted(identities, key=lambda each: (state.adjudications[each].stamp, each))


def _exact(adjudication: _Adjudication, sign: int) -> tuple[object, ...]:
    parts = sorted(_parts(adjudication, sign).items())
    return (adjudication.payer_claim, adjudication.charge_minor * sign, *parts)


def _same_sums_and_payer_claim(adjudication: _Adjudication, sign: int) -> tuple[object, ...]:
    return (adjudication.payer_claim, *_same_sums(adjudication, sign))


def _same_sums(adjudication: _Adjudication, sign: int) -> tuple[object, ...]:
    return (adjudication.charge_minor * sign, adjudication.paid_minor * sign)


def _same_payer_claim(adjudication: _Adjudication, sign: int) -> tuple[object, ...]:
    # Two decisions without CLP07 share nothing: the sign keeps them apart.
    return (adjudication.payer_claim or sign,)


def _may_take_back(reversal: _Adjudication, original: _Adjudication, likeness: _Likeness) -> bool:
    """Tell whether a likely original was there to take back: decided no later than the reversal.

    By its payer claim number alone, a decision of the same remittance is rather the correction
    that follows the reversal.
    """
    if likeness is _same_payer_claim and original.remittance == reversal.remittance:
        return False
    return original.paid_on <= reversal.paid_on


def _parts(adjudication: _Adjudication, sign: int) -> dict[tuple[str, str], int]:
    """Return the sums by group and reason; the payment is under two empty texts."""
    parts = {("", ""): adjudication.paid_minor * sign}
    for group, reason, minor, _ in adjudication.adjustments:
        parts[group, reason] = parts.get((group, reason), 0) + minor * sign
    return {part: minor for part, minor in parts.items() if minor}


def _difference(reversal: _Adjudication, original: _Adjudication) -> int:
    """Return how much a reversal leaves where it should have cleared: 0 for an exact mirror."""
    left = _parts(original, 1)
    for part, minor in _parts(reversal, 1).items():
        left[part] = left.get(part, 0) + minor
    return max(
        sum(minor for minor in left.values() if minor > 0),
        -sum(minor for minor in left.values() if minor < 0),
    )
