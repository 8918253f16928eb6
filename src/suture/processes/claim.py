"""Claim: books what payers decided of one claim (X12 835, `CLP`, `CAS`).

Here: every adjudication of one claim by business identity, and the booking each makes. Not here:
which original a reversal takes back (`claim_reversals.py`), the payment's cash and PLB
(`remittance.py`), balancing (`wire/x12/remittance.py`), what a CAS reason means in accounts
(`ledger/`). Next: `claim_reversals.py`, then `ledger/post.py`.

What an adjudication books may hang on others of the same claim, always on the whole set of them and
never on the order they came in; reversals pair first:

- A reversal (CLP02 = 22) books what the 835 says once its original is known (B34), with the
  difference flagged beside it where it is not its original's exact mirror.
- Where the primary payer forwarded the claim (CLP02 = 19), its PR did not move to the patient: the
  next payer's decision is booked against the payers' receivable like a primary's. Else it is booked
  against the patient, to whom the primary's PR moved the balance (`secondary_claim_payment`).
- A decision that paid nothing and denied something is withdrawn when the same payer decides the
  same charge again in a later remittance, and neither has been reversed (a denial overturned, or
  upheld): only the later one takes the charge off the receivable.
- An exact duplicate (CARC 18) decides nothing anew: the first claim's adjudication did. A person is
  told.
"""

from __future__ import annotations

from bisect import insort
from typing import assert_never

import msgspec

from suture.model.claim import REVERSAL_OF_PREVIOUS_PAYMENT, ClaimAdjudicated
from suture.model.decision import Amount, Booking, Decision, Hold, Withdrawn
from suture.model.event import Event, Reconsidered, fact_type
from suture.model.fault import fault
from suture.processes.claim_reversals import (
    Adjudication,
    Adjudications,
    difference,
    is_booked,
    pair,
)

_Told = ClaimAdjudicated | Reconsidered

_PRIMARY_FORWARDED = "19"
_FORWARDED = frozenset((_PRIMARY_FORWARDED, "20", "21"))
"""CLP02: processed as primary, secondary or tertiary, and forwarded to a further payer."""
_SECONDARY = frozenset(("2", "3", "20", "21"))
"""CLP02: processed as secondary or tertiary."""
_PATIENT = "PR"
"""CAS01 of what is the patient's."""
_EXACT_DUPLICATE = "18"
"""CARC."""
_PRIOR_PAYER = ("OA", "23")
"""CAS01 and CARC of what a prior payer has settled."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every adjudication of one claim, by business identity."""

    adjudications: dict[str, Adjudication] = msgspec.field(default_factory=dict)
    linked: tuple[str, ...] = ()
    """Those whose booking may hang on others, sorted: few, or none, whatever a claim holds."""
    is_retold: bool = False
    """Whether some identity was told with two contents, in whatever order."""


class _Ties(msgspec.Struct, frozen=True):
    """What of one claim's adjudications hangs together."""

    originals: dict[str, str] = {}
    """By reversal: what it takes back."""
    reversed: frozenset[str] = frozenset()
    superseded: frozenset[str] = frozenset()
    """Denials after which the same payer decided the same charge again."""
    is_forwarded: bool = False
    """Whether a primary decision stands that left the patient's share with the payers."""


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
            _duplicating(state, identity, ties),
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
    if _is_linked(told):
        insort(linked, identity)
    return State({**state.adjudications, identity: told}, tuple(linked), is_retold)


def _is_linked(told: Adjudication) -> bool:
    """Tell whether what this adjudication books may hang on others of its claim."""
    return is_booked(told) and (
        told.status == REVERSAL_OF_PREVIOUS_PAYMENT
        or not told.paid_minor
        or _is_secondary(told)
        or bool(_duplicate_minor(told))
    )


def _shifted(state: State, told: str, ties: _Ties) -> list[str]:
    """Return what books otherwise because of the adjudication told: without it, it was as below."""
    before = _tie(state, without=told)
    is_other = before.is_forwarded != ties.is_forwarded
    return [
        each
        for each in state.linked
        if is_other
        or before.originals.get(each) != ties.originals.get(each)
        or (each in before.reversed) != (each in ties.reversed)
        or (each in before.superseded) != (each in ties.superseded)
    ]


def _tie(state: State, without: str = "") -> _Ties:
    """Read off the whole set what hangs together, as if `without` were not there."""
    if not state.linked or state.linked == (without,):
        return _Ties()
    adjudications = state.adjudications
    if without:
        adjudications = {**adjudications}
        del adjudications[without]
    linked = [each for each in state.linked if each != without]
    reversals = [
        each for each in linked if adjudications[each].status == REVERSAL_OF_PREVIOUS_PAYMENT
    ]
    originals = pair(adjudications, reversals)
    taken_back = frozenset(originals.values())
    standing = [
        identity
        for identity, each in adjudications.items()
        if each.status != REVERSAL_OF_PREVIOUS_PAYMENT
        and identity not in taken_back
        and is_booked(each)
    ]
    superseded = _superseded(adjudications, standing)
    return _Ties(
        originals,
        taken_back,
        superseded,
        any(
            adjudications[each].status == _PRIMARY_FORWARDED
            and not _is_secondary(adjudications[each])
            for each in standing
            if each not in superseded
        ),
    )


def _superseded(adjudications: Adjudications, standing: list[str]) -> frozenset[str]:
    """Return the denials after which the same charge was decided again.

    By the same payer in the same role, for the same day of service, in another remittance paid
    later: a part of a split claim, another visit or another payer's view decides something else.
    """
    latest: dict[tuple[object, ...], dict[str, tuple[object, ...]]] = {}
    for identity in standing:
        each = adjudications[identity]
        if not _is_duplicate(each):
            told = latest.setdefault(_charge(each), {})
            key = (each.paid_on, each.stamp, identity)
            told[each.remittance] = max(key, told.get(each.remittance, key))
    superseded = set()
    for identity in standing:
        each = adjudications[identity]
        if each.paid_minor or _is_duplicate(each) or not _denied_minor(each):
            continue
        key = (each.paid_on, each.stamp, identity)
        if any(
            remittance != each.remittance and later > key
            for remittance, later in latest[_charge(each)].items()
        ):
            superseded.add(identity)
    return frozenset(superseded)


def _charge(adjudication: Adjudication) -> tuple[object, ...]:
    """Return what two decisions of the same charge by the same payer have in common."""
    return (
        adjudication.payer,
        adjudication.charge_minor,
        adjudication.service_on,
        _is_secondary(adjudication),
    )


def _denied_minor(adjudication: Adjudication) -> int:
    """Return what the payer neither paid nor left to the patient nor found paid already."""
    return sum(
        minor
        for group, reason, minor, _ in adjudication.adjustments
        if group != _PATIENT and (group, reason) != _PRIOR_PAYER
    )


def _duplicate_minor(adjudication: Adjudication) -> int:
    return sum(
        minor
        for group, reason, minor, _ in adjudication.adjustments
        if group != _PATIENT and reason == _EXACT_DUPLICATE
    )


def _is_duplicate(adjudication: Adjudication) -> bool:
    """Tell whether a decision says no more than that the claim was decided before."""
    return not adjudication.paid_minor and all(
        reason == _EXACT_DUPLICATE for _, reason, minor, _ in adjudication.adjustments if minor
    )


def _standing(state: State, identity: str, ties: _Ties) -> Booking | Hold | Withdrawn:
    """Return what should stand for one adjudication.

    Nothing for a predetermination (25), where no money moves (23, a 4010 file's 5), and for a
    denial that the payer has decided anew.
    """
    key, adjudication = f"adjudication:{identity}", state.adjudications[identity]
    if not is_booked(adjudication) or identity in ties.superseded:
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
        amounts=_amounts(adjudication),
        effective_on=adjudication.paid_on,
        facility=adjudication.facility,
        payer=adjudication.payer,
        financial_class=adjudication.filing_indicator,
        where=adjudication.where,
        source=adjudication.source,
        event_id=adjudication.event_id,
    )


def _kind(adjudication: Adjudication, ties: _Ties) -> str:
    """Return whom the journal rules take an adjudication's amounts off, and who gets the rest."""
    if _is_secondary(adjudication) and not ties.is_forwarded:
        return "secondary_claim_payment"
    if adjudication.status in _FORWARDED:
        return "forwarded_claim_payment"
    return "claim_payment"


def _mirroring(state: State, identity: str, ties: _Ties) -> Hold | Withdrawn:
    """Return the flag beside a reversal that leaves something of its original standing."""
    key = f"mirror:{identity}"
    if identity not in ties.originals:
        return Withdrawn(key)
    reversal = state.adjudications[identity]
    difference_minor = difference(reversal, state.adjudications[ties.originals[identity]])
    if not difference_minor:
        return Withdrawn(key)
    unequal = fault("claim.reversal_not_mirror", reversal.where)
    return Hold(key=key, fault=unequal, amount_minor=difference_minor, event_id=reversal.event_id)


def _duplicating(state: State, identity: str, ties: _Ties) -> Hold | Withdrawn:
    """Return the flag beside an exact duplicate (CARC 18), whose amount no rule books."""
    key, adjudication = f"duplicate:{identity}", state.adjudications[identity]
    amount_minor = _duplicate_minor(adjudication)
    is_gone = (
        not is_booked(adjudication)
        or adjudication.status == REVERSAL_OF_PREVIOUS_PAYMENT
        or identity in ties.reversed
        or identity in ties.superseded
    )
    if is_gone or not amount_minor:
        return Withdrawn(key)
    repeated = fault("claim.exact_duplicate", adjudication.where)
    return Hold(key=key, fault=repeated, amount_minor=amount_minor, event_id=adjudication.event_id)


def _is_secondary(adjudication: Adjudication) -> bool:
    """Tell whether another payer paid first.

    Then the balance left the payer's receivable with that payment (OA 23).
    """
    return adjudication.status in _SECONDARY or any(
        (group, reason) == _PRIOR_PAYER for group, reason, _, _ in adjudication.adjustments
    )


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
