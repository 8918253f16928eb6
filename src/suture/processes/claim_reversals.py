"""Claim reversals: which adjudication each reversal of a claim takes back (X12 835, CLP02 = 22).

Here: what is kept of an adjudication, and the pairing. Not here: what follows from it for the books
(`claim.py`, which asks).

A reversal repeats its original with every amount negated; a correction follows as a fresh CLP (TR3
835, 1.10.2.8), in the same 835 or another, before or after it. Which belongs to which is therefore
read off the whole set of adjudications, never off the order they came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

import msgspec

from suture.model.claim import PREDETERMINATION


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


Adjudications = Mapping[str, Adjudication]
"""By business identity."""
_Likeness = Callable[[Adjudication, int], tuple[object, ...]]
"""What a reversal (sign -1) and its original (sign 1) have in common."""


def is_booked(adjudication: Adjudication) -> bool:
    """Tell whether an adjudication moves money; a predetermination (25) never does."""
    if adjudication.status == PREDETERMINATION:
        return False
    return bool(adjudication.paid_minor) or any(each[2] for each in adjudication.adjustments)


def pair(adjudications: Adjudications, reversals: Iterable[str]) -> dict[str, str]:
    """Return the original each of the reversals takes back, by identity.

    A function of the set alone: both sides sorted by stamp and identity, each original taken back
    once, the closest likeness first among all pairs, then the earliest. Likeness is looked up in a
    table and not pair by pair, for there are claim numbers shared by thousands (`CLP*0`).
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
    return (adjudication.payer_claim, adjudication.charge_minor * sign, *parts)


def _same_sums_and_payer_claim(adjudication: Adjudication, sign: int) -> tuple[object, ...]:
    return (adjudication.payer_claim, *_same_sums(adjudication, sign))


def _same_sums(adjudication: Adjudication, sign: int) -> tuple[object, ...]:
    return (adjudication.charge_minor * sign, adjudication.paid_minor * sign)


def _same_payer_claim(adjudication: Adjudication, sign: int) -> tuple[object, ...]:
    # Two decisions without CLP07 share nothing: the sign keeps them apart.
    return (adjudication.payer_claim or sign,)


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


def difference(reversal: Adjudication, original: Adjudication) -> int:
    """Return how much a reversal leaves where it should have cleared: 0 for an exact mirror."""
    left = _parts(original, 1)
    for part, minor in _parts(reversal, 1).items():
        left[part] = left.get(part, 0) + minor
    return max(
        sum(minor for minor in left.values() if minor > 0),
        -sum(minor for minor in left.values() if minor < 0),
    )
