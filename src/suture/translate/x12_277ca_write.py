"""Writes the 277CA (X214): which claims of a batch were taken, and why the others were returned.

From `ClaimAcknowledged` facts and what their surrogates stand for; pure, as every renderer is. The
claims stand below their providers in the order told; totals of the batch and of each provider are
those of all its claims. Not here: reading (`x12_277ca.py`), which claims of an 837 that came in are
answered how (`x12_837_reply.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from suture.model.claim import ClaimAcknowledged
from suture.model.disclosure import Disclosure
from suture.model.fault import Fault
from suture.model.person import NOBODY, Person
from suture.translate.x12_write import (
    Party,
    Sending,
    SetDraft,
    amount,
    composite,
    day,
    shown,
    written,
)

VERSION, FUNCTIONAL_ID, SET_ID = "005010X214", "HN", "277"
_TAKEN, _REFUSED = "WQ", "U"
_RECEIVED = ("A1", "19")
"""Acknowledged: the batch was received."""
_UNTOLD = "0"
"""What X12's own examples write where a number is required and there is none."""
_STATUSES_MAX = 3
_NO_NAME = Person(family="NOT TOLD")


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered, and who answers whom."""

    number: str
    """BHT03 of the batch that is answered."""
    answer: str
    """Our own number of the answer (BHT03, TRN02 of 2200A)."""
    source: Party
    """Who answers: a payer or a clearing house."""
    source_role: str = "PR"
    """NM101: PR payer, AY clearing house."""
    receiver: Party
    """Who sent the batch: NM1 41 of its 1000A."""
    received_on: date
    answered_on: date
    time: str
    """HHMM (BHT05)."""
    accepted: tuple[int, int]
    """Count and charge in minor units of the claims taken, told one by one or not."""
    rejected: tuple[int, int]


def render(
    facts: Sequence[ClaimAcknowledged],
    batch: Batch,
    disclosure: Disclosure,
    parties: Mapping[str, Party],
    sending: Sending,
) -> bytes | Fault:
    """Return the interchange that answers a batch, or what is missing for it.

    `parties` names the providers by their national ids.
    """
    return written(sending, [draft(facts, batch, disclosure, parties)])


def draft(
    facts: Sequence[ClaimAcknowledged],
    batch: Batch,
    disclosure: Disclosure,
    parties: Mapping[str, Party],
) -> SetDraft:
    """Return the set, with whatever is missing for it."""
    told = SetDraft(SET_ID, VERSION, FUNCTIONAL_ID)
    on = day(batch.answered_on)
    told.add("BHT", "0085", "08", shown(batch.answer), on, batch.time, "TH")
    source = told.level("20")
    told.party(batch.source_role, batch.source, "2100A")
    told.add("TRN", "1", shown(batch.answer))
    told.date("050", batch.received_on)
    told.date("009", batch.answered_on)
    by_provider: dict[str, list[ClaimAcknowledged]] = {}
    for fact in facts:
        by_provider.setdefault(fact.provider, []).append(fact)
    receiver = told.level("21", source, has_children=bool(by_provider))
    told.party("41", batch.receiver, "2100B")
    told.add("TRN", "2", told.need(shown(batch.number), "2200B/TRN-02"))
    total = batch.accepted[1] + batch.rejected[1]
    told.add("STC", composite(*_RECEIVED, batch.source_role), on, _TAKEN, amount(total))
    _totals(told, batch.accepted, batch.rejected, counts=("90", "AA"))
    for provider, claims in by_provider.items():
        level = told.level("19", receiver)
        told.party("85", parties.get(provider, Party(id=provider)), "2100C")
        told.add("TRN", "1", _UNTOLD)
        charges = sum(each.charge_minor for each in claims)
        told.add("STC", composite(*_RECEIVED, batch.source_role), "", _TAKEN, amount(charges))
        taken = [each.charge_minor for each in claims if each.is_accepted]
        refused = [each.charge_minor for each in claims if not each.is_accepted]
        _totals(told, (len(taken), sum(taken)), (len(refused), sum(refused)), counts=("QA", "QC"))
        for fact in claims:
            _claim(told, fact, level, disclosure)
    return told


def _totals(
    told: SetDraft,
    accepted: tuple[int, int],
    rejected: tuple[int, int],
    *,
    counts: tuple[str, str],
) -> None:
    for qualifier, (count, _) in zip(counts, (accepted, rejected), strict=True):
        if count:
            told.add("QTY", qualifier, str(count))
    for qualifier, (count, minor) in zip(("YU", "YY"), (accepted, rejected), strict=True):
        if count:
            told.add("AMT", qualifier, amount(minor))


def _claim(told: SetDraft, fact: ClaimAcknowledged, level: int, disclosure: Disclosure) -> None:
    told.level("PT", level, has_children=None)
    person = disclosure.person(fact.patient)
    member = disclosure.told(fact.member) or _UNTOLD
    told.person("QC", _NO_NAME if person == NOBODY else person, "2100D", member)
    number = told.identifier(disclosure.told(fact.claim), "2200D/TRN-02")
    told.add("TRN", "2", number)
    statuses = [
        composite(each.category, each.status, each.entity) for each in fact.statuses[:_STATUSES_MAX]
    ]
    first, second, third = (*statuses, "", "", "")[:_STATUSES_MAX]
    told.need(first, "2200D/STC-01")
    told.add(
        "STC",
        first,
        day(fact.decided_on),
        _TAKEN if fact.is_accepted else _REFUSED,
        amount(fact.charge_minor),
        *([""] * 5),
        second,
        third,
    )
    payer_claim = disclosure.told(fact.payer_claim)
    if payer_claim:
        told.add("REF", "1K", told.identifier(payer_claim, "2200D/REF-02"))
    told.date("472", fact.service_on, fact.service_ended_on)
