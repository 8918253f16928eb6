"""The answer to an 837, claim by claim: the 277CA its sender is owed where the source's file asks.

A claim of a set that was taken is accepted (A2:20). Where a set was not taken nothing of it counts:
each claim with a finding of its own is told by that finding (A6, A7), the others that the set they
came in was refused (A3:481). Beyond a cap only the totals tell of them. Not here: how a 277CA is
written (`x12_277ca_write.py`), which status tells which finding (`wire/x12/claim_status.py`).
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.claim import ClaimAcknowledged, StatusInformation
from suture.model.disclosure import Disclosure
from suture.model.person import NOBODY
from suture.model.translation import Channel
from suture.translate.x12_277ca_write import (
    FUNCTIONAL_ID,
    SET_ID,
    VERSION,
    Batch,
    draft,
)
from suture.translate.x12_claim_common import (
    Identifiers,
    batch_of,
    member_id,
    party_id,
    period,
    read_person,
    surrogate,
)
from suture.translate.x12_common import recorded_on
from suture.translate.x12_reply import SetAnswer
from suture.translate.x12_write import Party
from suture.wire.x12.claim import parse_amount
from suture.wire.x12.claim_status import ACCEPTED, SET_REFUSED, ClaimStatus, claim_status
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.loops import Loop
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_CLAIMS_MAX = 5_000
"""Told one by one of those taken, and of those refused: as many as the guide puts into one set."""
_STATUSES_MAX = 3
_ORGANISATION = "2"


class ClaimReplies:
    """The answer to one 837 while it is being read."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        """Begin with no claim."""
        self._set = transaction_set
        self._channel = channel
        self._on = recorded_on(transaction_set)
        self._sound: list[ClaimAcknowledged] = []
        self._refused: list[ClaimAcknowledged] = []
        self._sound_totals = self._refused_totals = (0, 0)
        self._values: dict[str, str] = {}
        self._providers: dict[str, Party] = {}

    def take(self, unit: Unit) -> None:
        """Note a claim in which nothing is wrong."""
        fact = self._claim(unit, (ACCEPTED,), is_kept=len(self._sound) < _CLAIMS_MAX)
        count, minor = self._sound_totals
        self._sound_totals = (count + 1, minor + fact.charge_minor)
        if len(self._sound) < _CLAIMS_MAX:
            self._sound.append(fact)

    def refuse(self, unit: Unit) -> None:
        """Note a claim with faults."""
        found = tuple(dict.fromkeys(claim_status(each) for each in unit.faults))[:_STATUSES_MAX]
        fact = self._claim(unit, found, is_kept=len(self._refused) < _CLAIMS_MAX)
        count, minor = self._refused_totals
        self._refused_totals = (count + 1, minor + fact.charge_minor)
        if len(self._refused) < _CLAIMS_MAX:
            self._refused.append(fact)

    def answer(self, end: UnitsEnd, *, is_taken: bool) -> SetAnswer | None:
        """Return the answer to the whole set; None for a set without a claim."""
        accepted, rejected = self._sound_totals, self._refused_totals
        sound = self._sound
        if not is_taken:
            rejected = (accepted[0] + rejected[0], accepted[1] + rejected[1])
            accepted = (0, 0)
            sound = [
                msgspec.structs.replace(
                    each, is_accepted=False, statuses=_information((SET_REFUSED,))
                )
                for each in sound
            ]
        if not (accepted[0] or rejected[0]):
            return None
        number = batch_of(end.root)
        batch = Batch(
            number=number,
            answer=surrogate("ans", number, self._set.control_number, self._on.isoformat()),
            source=_party(end.root, "1000B", "40"),
            source_role="AY",
            receiver=_party(end.root, "1000A", "41"),
            received_on=self._on,
            answered_on=self._on,
            time=self._set.envelope.interchange.time or "0000",
            accepted=accepted,
            rejected=rejected,
        )
        told = draft([*self._refused, *sound], batch, Disclosure(self._values), self._providers)
        return SetAnswer(
            functional_id=FUNCTIONAL_ID,
            version=VERSION,
            set_id=SET_ID,
            segments=told.segments,
        )

    def _claim(
        self, unit: Unit, told: tuple[ClaimStatus, ...], *, is_kept: bool
    ) -> ClaimAcknowledged:
        loop = unit.loop
        claim = loop.first("CLM")
        number = "" if claim is None else claim.get(1)
        patient = unit.find("2010CA") if unit.find("2000C") else unit.find("2010BA")
        billing = unit.find("2010AA")
        provider = party_id(billing)
        identifiers = Identifiers(self._channel)
        begins, ends = _days(loop)
        fact = ClaimAcknowledged(
            claim=identifiers.claim(number, f"{self._set.where}/{loop.where}"),
            acknowledgement="",
            is_accepted=told == (ACCEPTED,),
            statuses=_information(told),
            charge_minor=(parse_amount(claim.get(2)) if claim else None) or 0,
            provider=provider,
            patient=identifiers.person(patient),
            member=identifiers.token("member", "", member_id(unit.find("2010BA"))),
            service_on=begins,
            service_ended_on=ends,
            decided_on=self._on,
            where=loop.where,
        )
        if is_kept:
            self._values.update((each.token, each.value) for each in identifiers.secrets)
            if provider not in self._providers and billing is not None:
                self._providers[provider] = _provider(billing, provider)
        return fact


def _information(told: tuple[ClaimStatus, ...]) -> tuple[StatusInformation, ...]:
    return tuple(
        StatusInformation(category=each.category, status=each.status, entity=each.entity)
        for each in told
    )


def _days(loop: LoopNode) -> tuple[date | None, date | None]:
    """Return the days of service: the claim's, else those of its first line."""
    told = loop.first("DTP", "434") or loop.first("DTP", "472")
    lines = loop.inner_all("2400")
    if told is None and lines:
        told = lines[0].first("DTP", "472")
    return period(told)


def _party(root: Loop, loop_id: str, role: str) -> Party:
    """Return the submitter or the receiver of a set."""
    assert isinstance(root, LoopNode), "a set is read by its guide"
    loop = root.inner(loop_id)
    name = None if loop is None else loop.first("NM1", role)
    if name is None:
        return Party(id="0", id_kind="46", name="NOT TOLD")
    return Party(id=name.get(9) or "0", id_kind="46", name=name.text(3) or "NOT TOLD")


def _provider(loop: LoopNode, provider: str) -> Party:
    name = loop.first("NM1")
    person = read_person(loop)
    if name is not None and name.get(2) != _ORGANISATION and person not in {None, NOBODY}:
        return Party(id=provider or "0", person=person)
    return Party(id=provider or "0", name=name.text(3) if name else "NOT TOLD")
