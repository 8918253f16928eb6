"""Claim ties: what of one claim's decisions hangs together (X12 835, CLP02, CAS).

Here: which decisions give way to others, whom a further payer's decision is taken off, and whether
it takes more than was left. Not here: which reversal takes back what (`claim_reversals.py`, asked
from here), what each decision books (`claim.py`, which asks).

All of it is read off the whole set of decisions, never off the order they came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import msgspec

from suture.model.claim import REVERSAL_OF_PREVIOUS_PAYMENT
from suture.processes.claim_reversals import Adjudication, Adjudications, is_booked, pair

FORWARDED = frozenset(("19", "20", "21"))
"""CLP02: processed as primary, secondary or tertiary, and forwarded to a further payer."""
_RANK_MAX = 3
_RANKS = {"2": 2, "20": 2, "3": 3, "21": 3}
"""CLP02 of those who decide after another payer."""
_PATIENT = "PR"
"""CAS01 of what is the patient's."""
_PRIOR_PAYER = "23"
"""CARC of what a prior payer has settled, whatever the group: OA by the guide."""
_EXACT_DUPLICATE = "18"
"""CARC."""


class Left(msgspec.Struct, frozen=True):
    """What the payers before one in the row left of a claim."""

    is_with_payers: bool
    """On the payers' receivable, for it was forwarded to the next. Else it is the patient's."""
    minor: int


class Ties(msgspec.Struct, frozen=True):
    """What of one claim's decisions hangs together."""

    originals: dict[str, str] = {}
    """By reversal: what it takes back."""
    reversed: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    """Decisions that paid nothing, and give way to another decision of the same charge."""
    settled_before: frozenset[str] = frozenset()
    """Of those released: denied after the charge was settled."""
    left: dict[int, Left] = {}
    """By rank of the payer who decides it; silent where no decision before it stands."""


def rank(adjudication: Adjudication) -> int:
    """Return the place of the deciding payer in the row: 1 primary, 2 secondary, 3 tertiary.

    A payer that names a prior payer's part comes second at least, whatever CLP02 says.
    """
    told = _RANKS.get(adjudication.status, 1)
    return max(told, 2) if told < 2 and prior_minor(adjudication) else told


def prior_minor(adjudication: Adjudication) -> int:
    """Return what the payer found settled by others before it."""
    return sum(
        minor
        for group, reason, minor, _ in adjudication.adjustments
        if group != _PATIENT and reason == _PRIOR_PAYER
    )


def patient_minor(adjudication: Adjudication) -> int:
    """Return what the payer left to the patient, or to the next payer."""
    return sum(minor for group, _, minor, _ in adjudication.adjustments if group == _PATIENT)


def duplicate_minor(adjudication: Adjudication) -> int:
    """Return what the payer refused for having decided it before (CARC 18)."""
    return sum(
        minor
        for group, reason, minor, _ in adjudication.adjustments
        if group != _PATIENT and reason == _EXACT_DUPLICATE
    )


def is_duplicate(adjudication: Adjudication) -> bool:
    """Tell whether a decision says no more than that the claim was decided before."""
    return not adjudication.paid_minor and all(
        group != _PATIENT and reason == _EXACT_DUPLICATE
        for group, reason, minor, _ in adjudication.adjustments
        if minor
    )


def is_linked(adjudication: Adjudication) -> bool:
    """Tell whether what this adjudication books may hang on others of its claim."""
    return is_booked(adjudication) and (
        adjudication.status == REVERSAL_OF_PREVIOUS_PAYMENT
        or not adjudication.paid_minor
        or rank(adjudication) > 1
        or bool(duplicate_minor(adjudication))
    )


def is_owed_by_payers(adjudication: Adjudication, ties: Ties) -> bool:
    """Tell whether a decision is taken off the payers' receivable; else off the patient's."""
    return _is_owed_by_payers(rank(adjudication), prior_minor(adjudication), ties.left)


def excess_minor(identity: str, adjudication: Adjudication, ties: Ties) -> int:
    """Return how much more a further payer takes off than those before it left; 0 for no more."""
    left = ties.left.get(rank(adjudication))
    is_gone = identity in ties.reversed or identity in ties.released
    if is_gone or left is None:
        return 0
    left_alone = prior_minor(adjudication) + duplicate_minor(adjudication)
    taken_minor = adjudication.charge_minor - left_alone - patient_minor(adjudication)
    return max(0, taken_minor - left.minor)


class _Decision(NamedTuple):
    """An adjudication that stands: no reversal, not reversed, no mere duplicate."""

    remittance: str
    payer: str
    status: str
    rank: int
    charge: tuple[int, str]
    """What two decisions of the same charge have in common: amount and day of service."""
    paid_minor: int
    patient_minor: int
    prior_minor: int
    when: tuple[date, str, str]

    @property
    def role(self) -> tuple[object, ...]:
        """What two decisions of one payer have in common of which only the later holds."""
        return (self.charge, self.rank, self.payer)

    @property
    def sharing(self) -> tuple[object, ...]:
        """The same, of primaries whoever they are: of further payers there may be several."""
        return (self.charge, self.rank, self.payer if self.rank > 1 else "")


_Decisions = Mapping[str, _Decision]
"""By identity."""


def tie(adjudications: Adjudications, linked: Iterable[str]) -> Ties:
    """Read off the whole set what hangs together. `linked` are those `is_linked` tells of."""
    reversals, places = list[str](), set[int]()
    for identity in linked:
        each = adjudications[identity]
        if each.status == REVERSAL_OF_PREVIOUS_PAYMENT:
            reversals.append(identity)
        else:
            places.add(rank(each))
    originals = pair(adjudications, reversals)
    taken_back = frozenset(originals.values())
    standing = {
        identity: _decision(identity, each)
        for identity, each in adjudications.items()
        if each.status != REVERSAL_OF_PREVIOUS_PAYMENT
        and identity not in taken_back
        and is_booked(each)
        and not is_duplicate(each)
    }
    released, settled_before = _released(standing)
    live = [each for identity, each in standing.items() if identity not in released]
    left: dict[int, Left] = {}
    for place in sorted(places - {1}):
        before = _left(live, left, place)
        if before is not None:
            left[place] = before
    return Ties(originals, taken_back, released, settled_before, left)


def _decision(identity: str, adjudication: Adjudication) -> _Decision:
    return _Decision(
        adjudication.remittance,
        adjudication.payer,
        adjudication.status,
        rank(adjudication),
        (adjudication.charge_minor, adjudication.service_on),
        adjudication.paid_minor,
        patient_minor(adjudication),
        prior_minor(adjudication),
        (adjudication.paid_on, adjudication.stamp, identity),
    )


def _released(standing: _Decisions) -> tuple[frozenset[str], frozenset[str]]:
    """Return the decisions of nothing paid that give way, and those of them settled before.

    First whatever was decided anew, later; of what is left, whatever had been settled already. So
    somebody's decision of each charge always stands.
    """
    unpaid = {identity: each for identity, each in standing.items() if not each.paid_minor}
    if not unpaid or len(standing) < 2:
        return frozenset(), frozenset()
    overtaken = _overtaken(standing, unpaid)
    live = {identity: each for identity, each in standing.items() if identity not in overtaken}
    before = _settled_before(live)
    return overtaken | before, before


def _overtaken(standing: _Decisions, unpaid: _Decisions) -> frozenset[str]:
    """Return those of nothing paid after which the same charge was decided again.

    By the same payer; by another primary, which paid it, or where nothing was left to the patient
    (the one that denied it was not its payer); by a further payer that names no prior payer's part,
    where nothing was left to the patient. In another remittance: beside each other they are parts.
    """
    decided: dict[tuple[object, ...], dict[str, tuple[date, str, str]]] = {}
    for each in standing.values():
        keys: list[tuple[object, ...]] = [each.role]
        if each.rank == 1:
            keys += [
                ("primary", each.charge),
                *([("paid", each.charge)] if each.paid_minor else []),
            ]
        elif not each.prior_minor:
            keys += [("further", each.charge, before) for before in range(1, each.rank)]
        for key in keys:
            told = decided.setdefault(key, {})
            told[each.remittance] = max(each.when, told.get(each.remittance, each.when))
    overtaken = set()
    for identity, each in unpaid.items():
        asked: list[tuple[object, ...]] = [each.role]
        if each.rank == 1:
            asked.append(("paid" if each.patient_minor else "primary", each.charge))
        if not each.patient_minor:
            asked.append(("further", each.charge, each.rank))
        if any(
            later > each.when and remittance != each.remittance
            for key in asked
            for remittance, later in decided.get(key, {}).items()
        ):
            overtaken.add(identity)
    return frozenset(overtaken)


def _settled_before(live: _Decisions) -> frozenset[str]:
    """Return those of nothing paid whose charge another remittance had settled.

    By a payment of the same payer, or of any primary; where all of it was denied, by what another
    payer of the same place, or any of one before it, paid or left to the patient. A further payer
    that names what was settled before denies the rest alone: that is news, and stands.
    """
    paid: dict[tuple[object, ...], set[str]] = {}
    settled: dict[tuple[object, ...], set[tuple[str, str, int]]] = {}
    for each in live.values():
        if each.paid_minor:
            paid.setdefault(each.sharing, set()).add(each.remittance)
        if each.paid_minor or each.patient_minor:
            for after in range(each.rank, _RANK_MAX + 1):
                found = settled.setdefault((each.charge, after), set())
                found.add((each.remittance, each.payer, each.rank))
    before = set()
    for identity, each in live.items():
        if each.paid_minor:
            continue
        is_denied = not (each.patient_minor or each.prior_minor)
        others = settled.get((each.charge, each.rank), set()) if is_denied else set()
        if paid.get(each.sharing, set()) - {each.remittance} or any(
            remittance != each.remittance and (payer != each.payer or place < each.rank)
            for remittance, payer, place in others
        ):
            before.add(identity)
    return frozenset(before)


def _left(live: Iterable[_Decision], left: Mapping[int, Left], place: int) -> Left | None:
    """Return what the payers before this place in the row left; None where nobody's word stands."""
    before = [each for each in live if each.rank < place]
    if not before:
        return None
    last = max(each.rank for each in before)
    deciding = [each for each in before if each.rank == last]
    return Left(
        is_with_payers=any(
            each.status in FORWARDED and _is_owed_by_payers(each.rank, each.prior_minor, left)
            for each in deciding
        ),
        minor=sum(each.patient_minor for each in deciding),
    )


def _is_owed_by_payers(place: int, settled_minor: int, left: Mapping[int, Left]) -> bool:
    """Tell whether a decision is taken off the payers' receivable.

    A primary payer's is. A further payer's is where those before left it with the payers. Where no
    decision before it stands, it is one that names no prior payer's part: it decided the whole
    charge.
    """
    if place == 1:
        return True
    before = left.get(place)
    return not settled_minor if before is None else before.is_with_payers
