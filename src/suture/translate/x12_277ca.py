"""Translates the 277CA (X214): one `ClaimAcknowledged` for each claim a payer took or returned.

A claim that is returned was never looked at and will never be paid as it is: it is told to the
claim's stream by the number that billing gave it (TRN02). What is said of a whole batch or of a
provider (2200B, 2200C) is told to the batch's stream. Not here: the 277 that answers a 276
(`x12_277.py`), writing (`x12_277ca_write.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.model.claim import ClaimAcknowledged
from suture.model.translation import Channel, Routed
from suture.translate.x12_claim_common import (
    Identifiers,
    batch_acknowledged,
    batch_of,
    begun_on,
    decided_on,
    identity,
    is_refusal,
    member_id,
    party_id,
    period,
    statuses,
    surrogate,
)
from suture.translate.x12_common import partners
from suture.translate.x12_units import Ending
from suture.wire.x12.claim import parse_amount
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.units import Unit, UnitsEnd

_CLAIM = "2200D"


class ClaimAcknowledgements:
    """One 277CA being read."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        """Begin a set."""
        self._set = transaction_set
        self._channel = channel

    def unit(self, unit: Unit) -> Iterator[Routed]:
        """Make the fact of one claim, or of what is said above the claims."""
        if unit.loop.id != _CLAIM:
            if unit.loop.all("STC"):
                yield batch_acknowledged(unit, self._set)
            return
        loop, root = unit.loop, unit.around[0]
        where = f"{self._set.where}/{loop.where}"
        identifiers = Identifiers(self._channel)
        trace = loop.first("TRN")
        claim = identifiers.claim("" if trace is None else trace.get(2), where)
        payer = party_id(unit.find("2100A"))
        told = loop.all("STC")
        patient = unit.find("2100D")
        begins, ends = period(loop.first("DTP", "472"))
        charges = [parse_amount(each.get(4)) for each in told]
        fact = ClaimAcknowledged(
            claim=claim,
            acknowledgement=surrogate(
                "ack", partners(self._set)[0], batch_of(root), str(unit.ordinal), claim
            ),
            payer=payer,
            payer_claim=identifiers.token("payer_claim", payer, loop.reference("1K")),
            is_accepted=not is_refusal(told),
            statuses=statuses(told),
            charge_minor=next((each for each in charges if each is not None), 0),
            provider=party_id(unit.find("2100C")),
            patient=identifiers.person(patient),
            member=identifiers.token("member", payer, member_id(patient)),
            service_on=begins,
            service_ended_on=ends,
            decided_on=decided_on(told) or begun_on(self._set, root),
            where=where,
        )
        yield Routed(f"claim/{claim}", fact, where, tuple(identifiers.secrets))

    def end(self, end: UnitsEnd) -> Ending:
        """Return what makes the set the same again."""
        return Ending(identities=(identity(self._set, end.root),))
