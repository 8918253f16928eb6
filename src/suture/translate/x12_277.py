"""Translates the 277 (X212): one `ClaimStatusReported` for each claim a payer answers about.

The claim is the number that billing gave it (REF EJ); TRN02 is the inquiry that is answered, and
the claim where there is no REF EJ. What is said of the inquiry as a whole (2200B, 2200C) is told to
its batch. Not here: the 277CA (`x12_277ca.py`), what is asked (`x12_276.py`). A status books
nothing: the payment that pays the claim tells its money.
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.model.claim import ClaimStatusReported
from suture.model.identity import shown_text
from suture.model.translation import Channel, Routed
from suture.translate.x12_claim_common import (
    Identifiers,
    batch_acknowledged,
    batch_of,
    begun_on,
    decided_on,
    identity,
    party_id,
    period,
    statuses,
    surrogate,
)
from suture.translate.x12_common import partners
from suture.translate.x12_units import Ending
from suture.wire.x12.claim import parse_amount
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.units import Unit, UnitsEnd

_CLAIMS = frozenset(("2200D", "2200E"))


class StatusReports:
    """One 277 being read."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        """Begin a set."""
        self._set = transaction_set
        self._channel = channel

    def unit(self, unit: Unit) -> Iterator[Routed]:
        """Make the fact of one claim, or of what is said above the claims."""
        if unit.loop.id not in _CLAIMS:
            if unit.loop.all("STC"):
                yield batch_acknowledged(unit, self._set)
            return
        loop, root = unit.loop, unit.around[0]
        where = f"{self._set.where}/{loop.where}"
        identifiers = Identifiers(self._channel)
        trace = loop.first("TRN")
        asked = "" if trace is None else trace.get(2)
        claim = identifiers.claim(loop.reference("EJ") or asked, where)
        payer = party_id(unit.find("2100A"))
        told = loop.all("STC")
        begins, _ = period(loop.first("DTP", "472"))
        fact = ClaimStatusReported(
            claim=claim,
            inquiry=identifiers.token("inquiry", "", asked),
            report=surrogate(
                "rep", partners(self._set)[0], batch_of(root), str(unit.ordinal), claim
            ),
            payer=payer,
            payer_claim=identifiers.token("payer_claim", payer, loop.reference("1K")),
            statuses=statuses(told),
            charge_minor=_amount(told, 4),
            paid_minor=_amount(told, 5),
            paid_on=next(
                (on for each in told if (on := read_date(each.get(8)) or read_date(each.get(6)))),
                None,
            ),
            trace=shown_text(next((each.get(9) for each in told if each.get(9)), "")),
            service_on=begins,
            decided_on=decided_on(told) or begun_on(self._set, root),
            where=where,
        )
        yield Routed(f"claim/{claim}", fact, where, tuple(identifiers.secrets))

    def end(self, end: UnitsEnd) -> Ending:
        """Return what makes the set the same again."""
        return Ending(identities=(identity(self._set, end.root),))


def _amount(told: list[Segment], number: int) -> int:
    """Return the first amount that these STC tell there; 0 where none does."""
    amounts = (parse_amount(each.get(number)) for each in told)
    return next((each for each in amounts if each is not None), 0)
