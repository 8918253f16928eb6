"""Claim: books what payers decided of one claim (X12 835, `CLP`, `CAS`).

Here: every adjudication of one claim by business identity, and the booking each makes. Not here:
which original a reversal takes back (`claim_reversals.py`), which decisions give way to others
(`claim_ties.py`), the payment's cash and PLB (`remittance.py`), balancing
(`wire/x12/remittance.py`), what a CAS reason means in accounts (`ledger/`). Next: `claim_ties.py`,
then `ledger/post.py`.

What an adjudication books may hang on others of the same claim, always on the whole set of them and
never on the order they came in; reversals pair first:

- A reversal (CLP02 = 22) books what the 835 says once its original is known (B34), with the
  difference flagged beside it where it is not its original's exact mirror.
- A decision that paid nothing is withdrawn when the same charge is decided again in a later
  remittance, or is paid in any, and neither has been reversed (a denial overturned, upheld, or
  answered by the right payer): only one of them takes the charge off the receivable. A denial of
  what another decision has settled is told to a person.
- Where the payers before left the claim with the payers (CLP02 = 19 to 21), their PR did not move
  to the patient: the next payer's decision is booked against the payers' receivable like a
  primary's. Else it is booked against the patient, to whom PR moved the balance
  (`secondary_claim_payment`). Where it takes more than was left, a person is told.
- An exact duplicate (CARC 18) decides nothing anew: the first claim's adjudication did. A person is
  told.
"""

from __future__ import annotations

from bisect import insort
from typing import assert_never

import msgspec

from suture.model.claim import (
    REVERSAL_OF_PREVIOUS_PAYMENT,
    ClaimAcknowledged,
    ClaimAdjudicated,
    ClaimStatusAsked,
    ClaimStatusReported,
    ClaimSubmitted,
)
from suture.model.decision import Amount, Booking, Decision, Hold, Withdrawn
from suture.model.event import Event, Reconsidered, encode_fact, fact_type
from suture.model.fault import fault
from suture.processes.claim_reversals import Adjudication, difference, is_booked, regrouped
from suture.processes.claim_ties import (
    FORWARDED,
    Ties,
    duplicate_minor,
    excess_minor,
    is_linked,
    is_owed_by_payers,
    prior_minor,
    tie,
)

_Story = ClaimSubmitted | ClaimAcknowledged | ClaimStatusAsked | ClaimStatusReported
_Told = ClaimAdjudicated | _Story | Reconsidered


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every adjudication of one claim, by business identity."""

    adjudications: dict[str, Adjudication] = msgspec.field(default_factory=dict)
    linked: tuple[str, ...] = ()
    """Those whose booking may hang on others, sorted: few, or none, whatever a claim holds."""
    is_retold: bool = False
    """Whether some identity was told with two contents, in whatever order."""
    story: dict[str, tuple[str, bytes]] = msgspec.field(default_factory=dict)
    """What was told last of the claim before its decision, which books nothing: type of the fact ->
    its stamp, and the fact as the log holds it."""


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
            is_retold = state.is_retold
            if known is not None:
                is_retold = is_retold or _content(told) != _content(known)
                # The event id comes last and breaks no real tie.
                if told <= known and is_retold == state.is_retold:
                    return state
                told = max(told, known)
            return _folded(state, fact.adjudication, told, is_retold=is_retold)
        case ClaimSubmitted() | ClaimAcknowledged() | ClaimStatusAsked() | ClaimStatusReported():
            return _kept(state, fact, event.stamp)
        case Reconsidered():
            return state
        case _:
            assert_never(fact)


def decide(state: State, event: Event) -> tuple[Decision, ...]:
    """Return what should stand for the adjudication told, and for others that hang on it."""
    fact = _own(event)
    ties = _tie(state)
    match fact:
        case ClaimAdjudicated():
            touched = {fact.adjudication: None} | dict.fromkeys(
                state.linked if state.is_retold else _shifted(state, fact.adjudication, ties)
            )
        case ClaimSubmitted() | ClaimAcknowledged() | ClaimStatusAsked() | ClaimStatusReported():
            return ()
        case Reconsidered():
            touched = dict.fromkeys(state.adjudications)
        case _:
            assert_never(fact)
    return tuple(
        decision
        for identity in touched
        for decision in (
            _standing(state, identity, ties),
            _mirroring(state, identity, ties),
            _repeating(state, identity, ties),
            _exceeding(state, identity, ties),
        )
    )


def _own(event: Event) -> _Told:
    fact = event.fact
    if isinstance(fact, _Told):
        return fact
    raise TypeError(f"a claim was told {fact_type(fact)}")


def _adjudication(fact: ClaimAdjudicated, event: Event) -> Adjudication:
    return Adjudication(
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
        service_on=fact.service_on.isoformat() if fact.service_on else "",
        source=event.source,
        event_id=event.id,
    )


def _content(adjudication: Adjudication) -> Adjudication:
    """Return what an adjudication says, without who told it, when and where."""
    return msgspec.structs.replace(adjudication, stamp="", where="", source="", event_id="")


def _folded(state: State, identity: str, told: Adjudication, *, is_retold: bool) -> State:
    linked = [each for each in state.linked if each != identity]
    if is_linked(told):
        insort(linked, identity)
    adjudications = {**state.adjudications, identity: told}
    return State(adjudications, tuple(linked), is_retold, state.story)


def _kept(state: State, fact: _Story, stamp: str) -> State:
    """Keep a fact of the claim's story where none of its kind has a later stamp."""
    kind, told = fact_type(fact), (stamp, encode_fact(fact))
    if told <= state.story.get(kind, ("", b"")):
        return state
    return msgspec.structs.replace(state, story={**state.story, kind: told})


def _shifted(state: State, told: str, ties: Ties) -> list[str]:
    """Return what books otherwise because of the adjudication told: without it, it was as below."""
    before = _tie(state, without=told)
    is_other = before.left != ties.left
    return [
        each
        for each in state.linked
        if is_other
        or before.originals.get(each) != ties.originals.get(each)
        or any(
            (each in then) != (each in now)
            for then, now in (
                (before.reversed, ties.reversed),
                (before.released, ties.released),
                (before.settled_before, ties.settled_before),
            )
        )
    ]


def _tie(state: State, without: str = "") -> Ties:
    """Return what hangs together, as if `without` were not there: nothing, for most claims."""
    linked = [each for each in state.linked if each != without]
    others_count = len(state.adjudications) - bool(without)
    if not linked or others_count < 2:
        return Ties()
    adjudications = state.adjudications
    if without:
        adjudications = {**adjudications}
        del adjudications[without]
    return tie(adjudications, linked)


def _standing(state: State, identity: str, ties: Ties) -> Booking | Hold | Withdrawn:
    """Return what should stand for one adjudication.

    Nothing for a predetermination (25), a claim nobody has decided (23, a 4010 file's 5), and for a
    decision that gave way to another.
    """
    key, adjudication = f"adjudication:{identity}", state.adjudications[identity]
    if not is_booked(adjudication) or identity in ties.released:
        return Withdrawn(key)
    if adjudication.status == REVERSAL_OF_PREVIOUS_PAYMENT and identity not in ties.originals:
        unpaired = fault("claim.reversal_without_original", adjudication.where)
        return Hold(
            key=key,
            fault=unpaired,
            amount_minor=adjudication.paid_minor,
            event_id=adjudication.event_id,
        )
    original = state.adjudications[ties.originals.get(identity, identity)]
    return Booking(
        key=key,
        kind=_kind(original, ties),
        amounts=_amounts(regrouped(adjudication, original)),
        effective_on=adjudication.paid_on,
        facility=adjudication.facility,
        payer=adjudication.payer,
        financial_class=adjudication.filing_indicator,
        where=adjudication.where,
        source=adjudication.source,
        event_id=adjudication.event_id,
    )


def _kind(adjudication: Adjudication, ties: Ties) -> str:
    """Return whom the journal rules take an adjudication's amounts off, and who gets the rest."""
    if not is_owed_by_payers(adjudication, ties):
        return "secondary_claim_payment"
    if adjudication.status in FORWARDED:
        return "forwarded_claim_payment"
    return "claim_payment"


def _mirroring(state: State, identity: str, ties: Ties) -> Hold | Withdrawn:
    """Return the flag beside a reversal that leaves something of its original standing."""
    key = f"mirror:{identity}"
    if identity not in ties.originals:
        return Withdrawn(key)
    original = state.adjudications[ties.originals[identity]]
    reversal = regrouped(state.adjudications[identity], original)
    difference_minor = difference(reversal, original)
    if not difference_minor:
        return Withdrawn(key)
    unequal = fault("claim.reversal_not_mirror", reversal.where)
    return Hold(key=key, fault=unequal, amount_minor=difference_minor, event_id=reversal.event_id)


def _repeating(state: State, identity: str, ties: Ties) -> Hold | Withdrawn:
    """Return the flag beside a decision for which nothing is booked: another has settled it.

    An exact duplicate (CARC 18), and a denial of what was settled before.
    """
    key, adjudication = f"duplicate:{identity}", state.adjudications[identity]
    if identity in ties.settled_before:
        again = fault("claim.denied_after_settlement", adjudication.where)
        amount_minor = adjudication.charge_minor - prior_minor(adjudication)
        return Hold(key=key, fault=again, amount_minor=amount_minor, event_id=adjudication.event_id)
    amount_minor = duplicate_minor(adjudication)
    is_gone = (
        not is_booked(adjudication)
        or adjudication.status == REVERSAL_OF_PREVIOUS_PAYMENT
        or identity in ties.reversed
        or identity in ties.released
    )
    if is_gone or not amount_minor:
        return Withdrawn(key)
    repeated = fault("claim.exact_duplicate", adjudication.where)
    return Hold(key=key, fault=repeated, amount_minor=amount_minor, event_id=adjudication.event_id)


def _exceeding(state: State, identity: str, ties: Ties) -> Hold | Withdrawn:
    """Return the flag beside a further payer's decision that takes more than was left."""
    key, adjudication = f"excess:{identity}", state.adjudications[identity]
    amount_minor = excess_minor(identity, adjudication, ties)
    is_decision = is_booked(adjudication) and adjudication.status != REVERSAL_OF_PREVIOUS_PAYMENT
    if not is_decision or not amount_minor:
        return Withdrawn(key)
    beyond = fault("claim.more_than_left", adjudication.where)
    return Hold(key=key, fault=beyond, amount_minor=amount_minor, event_id=adjudication.event_id)


def _amounts(adjudication: Adjudication) -> tuple[Amount, ...]:
    payment = Amount(
        name="payment", minor=adjudication.paid_minor, where=f"{adjudication.where}-04"
    )
    adjustments = [
        Amount(name="adjustment", minor=minor, where=where, group=group, reason=reason)
        for group, reason, minor, where in adjudication.adjustments
        if minor
    ]
    return (payment, *adjustments) if payment.minor else tuple(adjustments)
