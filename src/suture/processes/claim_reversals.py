"""Claim reversals: which adjudication each reversal of a claim takes back (X12 835, CLP02 = 22).

Here: what is kept of an adjudication, the pairing, and how a reversal in 4010's one group is read.
Not here: what follows from it for the books (`claim_ties.py` and `claim.py`, which ask).

A reversal repeats its original with every amount negated; a correction follows as a fresh CLP (TR3
835, 1.10.2.8), in the same 835 or another, before or after it. Which belongs to which is therefore
read off the whole set of adjudications, never off the order they came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

import msgspec

from suture.model.claim import PREDETERMINATION, UNDECIDED


class Adjudication(msgspec.Struct, frozen=True, array_like=True, order=True):
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
    service_on: str = ""
    """The day, as text, where one was told."""
    source: str = ""
    event_id: str = ""


_CORRECTION = "CR"
"""CAS01 of every adjustment of a reversal in 4010."""

Adjudications = Mapping[str, Adjudication]
"""By business identity."""
_Likeness = Callable[[Adjudication, int], tuple[object, ...]]
"""What a reversal (sign -1) and its original (sign 1) have in common."""


def is_booked(adjudication: Adjudication) -> bool:
    """Tell whether an adjudication moves money; a predetermination (25) never does.

    Nor do the adjustments of a claim that nobody has decided: they only make it balance (CLP03 less
    CAS is CLP04). What it pays, should it pay, came with the rest.
    """
    if adjudication.status == PREDETERMINATION:
        return False
    if adjudication.paid_minor:
        return True
    is_undecided = adjudication.status in UNDECIDED
    return not is_undecided and any(each[2] for each in adjudication.adjustments)


def pair(adjudications: Adjudications, reversals: Iterable[str]) -> dict[str, str]:
    """Return the original each of the reversals takes back, by identity.

    A function of the set alone: both sides sorted by stamp and identity, each original taken back
    once, the closest likeness first among all pairs, then the earliest. Likeness is looked up in a
    table and not pair by pair, for there are claim numbers shared by thousands (`CLP*0`).
    Nobody takes back what another payer paid.
    """
    waiting = _sorted(adjudications, reversals)
    if not waiting:
        return {}
    free = _sorted(adjudications, _alike(adjudications, waiting))
    originals: dict[str, str] = {}
    for likeness in (_exact, _same_sums_and_payer_claim, _same_sums, _same_payer_claim):
        candidates: dict[tuple[object, ...], list[str]] = {}
        for identity in free:
            candidates.setdefault(likeness(adjudications[identity], 1), []).append(identity)
        for identity in waiting:
            reversal = adjudications[identity]
            alike = candidates.get(likeness(reversal, -1), [])
            for candidate in alike:
                if _may_take_back(reversal, adjudications[candidate], likeness):
                    alike.remove(candidate)
                    originals[identity] = candidate
                    break
        waiting = [identity for identity in waiting if identity not in originals]
        if not waiting:
            break
        taken = set(originals.values())
        free = [identity for identity in free if identity not in taken]
    return originals


def _alike(adjudications: Adjudications, reversals: Iterable[str]) -> list[str]:
    """Return what may be an original at all: whatever is booked and like one of the reversals.

    Every likeness includes that of the sums or that of the payer claim number.
    """
    reversing = set(reversals)
    taken_back = [adjudications[identity] for identity in reversing]
    sums = {_same_sums(each, -1) for each in taken_back}
    payer_claims = {_same_payer_claim(each, -1) for each in taken_back}
    return [
        identity
        for identity, each in adjudications.items()
        if (_same_sums(each, 1) in sums or _same_payer_claim(each, 1) in payer_claims)
        and identity not in reversing
        and is_booked(each)
    ]


def _sorted(adjudications: Adjudications, identities: Iterable[str]) -> list[str]:
    return sorted(identities, key=lambda each: (adjudications[each].stamp, each))


def _exact(adjudication: Adjudication, sign: int) -> tuple[object, ...]:
    parts = sorted(_parts(adjudication, sign).items())
    payer, payer_claim = adjudication.payer, adjudication.payer_claim
    return (payer, payer_claim, adjudication.charge_minor * sign, *parts)


def _same_sums_and_payer_claim(adjudication: Adjudication, sign: int) -> tuple[object, ...]:
    return (adjudication.payer_claim, *_same_sums(adjudication, sign))


def _same_sums(adjudication: Adjudication, sign: int) -> tuple[object, ...]:
    charge_minor, paid_minor = adjudication.charge_minor * sign, adjudication.paid_minor * sign
    return (adjudication.payer, charge_minor, paid_minor)


def _same_payer_claim(adjudication: Adjudication, sign: int) -> tuple[object, ...]:
    # Two decisions without CLP07 share nothing: the sign keeps them apart.
    return (adjudication.payer, adjudication.payer_claim or sign)


def _may_take_back(reversal: Adjudication, original: Adjudication, likeness: _Likeness) -> bool:
    """Tell whether a likely original was there to take back: decided no later than the reversal.

    By its payer claim number alone, a decision of the same remittance is rather the correction
    that follows the reversal.
    """
    if likeness is _same_payer_claim and original.remittance == reversal.remittance:
        return False
    return original.paid_on <= reversal.paid_on


def _parts(adjudication: Adjudication, sign: int) -> dict[tuple[str, str], int]:
    """Return the sums by group and reason; the payment is under two empty texts."""
    parts = {("", ""): adjudication.paid_minor * sign}
    for group, reason, minor, _ in adjudication.adjustments:
        parts[group, reason] = parts.get((group, reason), 0) + minor * sign
    return {part: minor for part, minor in parts.items() if minor}


def regrouped(reversal: Adjudication, original: Adjudication) -> Adjudication:
    """Return a reversal under the groups of its original, where it has them all in CR.

    4010 says CR for whatever was CO, OA, PI or PR (4010 guide, 2.2.8; 5010 repeats the groups). The
    reasons still tell: a reason taken back as a whole is the original's own amounts negated, and
    one that the original has under a single group belongs to that group.
    """
    taken_back: dict[str, int] = {}
    for group, reason, minor, _ in reversal.adjustments:
        if group == _CORRECTION:
            taken_back[reason] = taken_back.get(reason, 0) + minor
    if not taken_back:
        return reversal
    given = _parts(original, -1)
    adjustments = []
    for group, reason, minor, where in reversal.adjustments:
        groups = [(each, given[each, reason]) for each, named in sorted(given) if named == reason]
        if group != _CORRECTION or not groups:
            adjustments.append((group, reason, minor, where))
        elif len(groups) == 1:
            adjustments.append((groups[0][0], reason, minor, where))
        elif taken_back.get(reason) == sum(each for _, each in groups):
            adjustments += [(each, reason, negated, where) for each, negated in groups]
            del taken_back[reason]  # the first of a reason stands for all of them
        elif reason in taken_back:
            adjustments.append((group, reason, minor, where))
    return msgspec.structs.replace(reversal, adjustments=tuple(adjustments))


def difference(reversal: Adjudication, original: Adjudication) -> int:
    """Return how much a reversal leaves where it should have cleared: 0 for an exact mirror."""
    left = _parts(original, 1)
    for part, minor in _parts(reversal, 1).items():
        left[part] = left.get(part, 0) + minor
    return max(
        sum(minor for minor in left.values() if minor > 0),
        -sum(minor for minor in left.values() if minor < 0),
    )
