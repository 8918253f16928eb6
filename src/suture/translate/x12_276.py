"""Translates the 276 (X212): one `ClaimStatusAsked` for each claim somebody asks a payer about.

The claim is the number that billing gave it (REF EJ), else TRN02, which the 277 echoes. Not here:
the answer (`x12_277.py`), asking ourselves (`x12_276_write.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.model.claim import ClaimStatusAsked
from suture.model.translation import Channel, Routed
from suture.translate.x12_claim_common import (
    Identifiers,
    amount,
    begun_on,
    identity,
    member_id,
    party_id,
    period,
)
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.units import Unit, UnitsEnd

_DEPENDENT = "2200E"


class StatusInquiries:
    """One 276 being read."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        """Begin a set."""
        self._set = transaction_set
        self._channel = channel

    def unit(self, unit: Unit) -> Iterator[Routed]:
        """Make the fact of what is asked about one claim."""
        loop, root = unit.loop, unit.around[0]
        where = f"{self._set.where}/{loop.where}"
        identifiers = Identifiers(self._channel)
        trace = loop.first("TRN")
        asked = "" if trace is None else trace.get(2)
        claim = identifiers.claim(loop.reference("EJ") or asked, where)
        payer = party_id(unit.find("2100A"))
        insured = unit.find("2100D")
        begins, ends = period(loop.first("DTP", "472"))
        is_dependent = loop.id == _DEPENDENT
        fact = ClaimStatusAsked(
            claim=claim,
            inquiry=identifiers.token("inquiry", "", asked),
            payer=payer,
            payer_claim=identifiers.token("payer_claim", payer, loop.reference("1K")),
            member=identifiers.token("member", payer, member_id(insured)),
            subscriber=identifiers.person(insured, unit.find("2000D")),
            dependent=identifiers.person(unit.find("2100E"), unit.find("2000E"))
            if is_dependent
            else "",
            provider=party_id(unit.find("2100C")),
            charge_minor=amount(loop, "T3"),
            service_on=begins,
            service_ended_on=ends,
            asked_on=begun_on(self._set, root),
            where=where,
        )
        yield Routed(f"claim/{claim}", fact, where, tuple(identifiers.secrets))

    def end(self, end: UnitsEnd) -> Ending:
        """Return what makes the set the same again."""
        return Ending(identities=(identity(self._set, end.root),))


translate = by_units(StatusInquiries)
