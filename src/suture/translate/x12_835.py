"""Translates the 835: one `RemittanceReceived` for the payment, one `ClaimAdjudicated` per `CLP`.

Streams: claims become facts as they are read, the verdict comes last (`RemittanceEnd`), and whoever
stores the facts takes them back unless it is accepted. A remittance whose three equations do not
hold is held whole (B28). Names, addresses and member ids (`NM1`, `REF`) never enter a fact; the two
claim numbers (CLP01, CLP07) enter as surrogates. Not here: what the facts book, which is decided in
`processes/claim.py` and `processes/remittance.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b

from suture.model.claim import ClaimAdjudicated, ClaimAdjustment
from suture.model.fault import Fault
from suture.model.identity import bounded_identity
from suture.model.remittance import ProviderAdjustment as ProviderAdjustmentFact
from suture.model.remittance import RemittanceReceived
from suture.model.translation import (
    Begun,
    Channel,
    ControlTotal,
    Routed,
    Secret,
    Translation,
)
from suture.translate.x12_common import Told, control_id, recorded_at_ms, recorded_on
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.loops import (
    ClaimLoop,
    ProviderAdjustment,
    RemittanceEnd,
    RemittanceHeader,
)
from suture.wire.x12.remittance import read_remittance
from suture.wire.x12.segment import Segment

UNKNOWN_PAYER = "unknown"

_PLACES_REMEMBERED = 4_096
_SURROGATE_BYTES = 13
"""26 hex digits: a surrogate as long as every other."""


def translate(
    segments: Iterable[Segment], transaction_set: TransactionSet, channel: Channel
) -> Iterator[Told]:
    """Translate one 835: begun, its claims as they come, its payment, and last the verdict."""
    yield Begun(recorded_at_ms=recorded_at_ms(transaction_set, channel))
    items = read_remittance(segments)
    header = next(items)
    assert isinstance(header, RemittanceHeader), "a remittance is read header first"
    reading = _Reading(header, transaction_set, channel)
    for item in items:
        match item:
            case ClaimLoop():
                yield reading.claim(item)
            case ProviderAdjustment():
                reading.adjust(item)
            case RemittanceEnd():
                yield reading.received(item)
                yield item
                yield reading.verdict(item)


class _Reading:
    """One 835 on its way: what its header said, once for all claims, and its PLB so far."""

    def __init__(
        self, header: RemittanceHeader, transaction_set: TransactionSet, channel: Channel
    ) -> None:
        self._header = header
        self._set = transaction_set
        self._channel = channel
        self._where = transaction_set.where
        payer = header.payer_id or header.payer.id or header.payer.name
        # TRN03, else the payer's id or name: what the payment is known by at the bank.
        self._payer = payer.strip() or UNKNOWN_PAYER
        # TRN02, else the control numbers: without a trace it is at least never itself twice.
        self._trace = header.trace.strip() or control_id(transaction_set)
        # A stream's key too: a trace of any length must not stop its file (B76).
        self._remittance = bounded_identity(f"{self._payer}:{self._trace}")
        # BPR16 or DTM*405, else the date of the group or interchange.
        self._paid_on = header.paid_on or recorded_on(transaction_set)
        self._facility = header.payee.id.strip()
        self._adjustments: list[ProviderAdjustmentFact] = []

    def claim(self, loop: ClaimLoop) -> Routed:
        """Make the fact of one claim."""
        token = self._channel.tokenizer.token
        if loop.claim_id.strip("0 "):
            claim = token("claim", "", loop.claim_id)
            secrets = [Secret(claim, "claim", loop.claim_id)]
        else:
            # No claim number at all: such claims have nothing in common, so each stands alone.
            claim, secrets = token("claim", self._remittance, f"{loop.ordinal}"), []
        payer_claim = ""
        if loop.payer_claim_id:
            payer_claim = token("payer_claim", self._payer, loop.payer_claim_id)
            secrets.append(Secret(payer_claim, "payer_claim", loop.payer_claim_id))
        where = f"{self._where}/{loop.where}"
        # The place in the file tells equal claims apart; counting equals would cost memory (B29).
        identity = f"{self._remittance}|{claim}|{payer_claim}|{loop.status}|{loop.ordinal}"
        fact = ClaimAdjudicated(
            claim=claim,
            adjudication=_surrogate(identity),
            remittance=self._remittance,
            payer=self._payer,
            payer_claim=payer_claim,
            status=loop.status,
            filing_indicator=loop.filing_indicator,
            charge_minor=loop.charge_minor,
            paid_minor=loop.paid_minor,
            patient_responsibility_minor=loop.patient_responsibility_minor,
            adjustments=tuple(
                [
                    ClaimAdjustment(
                        group=each.group,
                        reason=each.reason,
                        amount_minor=each.amount_minor,
                        where=where + _place(each.line, each.segment, each.element),
                    )
                    for each in loop.adjustments
                ]
            ),
            service_on=loop.service_on,
            paid_on=self._paid_on,
            facility=self._facility,
            where=where,
        )
        return Routed(f"claim/{claim}", fact, where, tuple(secrets))

    def adjust(self, adjustment: ProviderAdjustment) -> None:
        """Remember a provider-level adjustment; its reference (PLB03-2) may name a claim."""
        self._adjustments.append(
            ProviderAdjustmentFact(
                reason=adjustment.reason,
                amount_minor=adjustment.amount_minor,
                where=f"{self._where}/{adjustment.where}",
            )
        )

    def received(self, end: RemittanceEnd) -> Routed:
        """Make the fact of the payment itself."""
        fact = RemittanceReceived(
            remittance=self._remittance,
            payer=self._payer,
            trace=self._trace,
            paid_minor=self._header.amount_minor,
            method=self._header.method,
            paid_on=self._paid_on,
            facility=self._facility,
            claims_count=end.balance.claims_count,
            claims_paid_minor=end.balance.claims_paid_minor,
            provider_adjustments=tuple(self._adjustments),
            where=self._where,
        )
        return Routed(f"remittance/{self._remittance}", fact, f"{self._where}/BPR")

    def verdict(self, end: RemittanceEnd) -> Translation:
        """Return the verdict: held when anything does not add up or could not be read."""
        balance = end.balance
        return Translation(
            format="x12",
            type=self._set.set_id,
            control_id=control_id(self._set),
            status="held" if end.faults else "accepted",
            identities=(f"remittance:{self._remittance}",),
            recorded_at_ms=recorded_at_ms(self._set, self._channel),
            faults=tuple(self._placed(each) for each in end.faults),
            notes=tuple(self._placed(each) for each in end.notes),
            totals=(
                ControlTotal("remittance_cash", 1, balance.paid_minor),
                ControlTotal("claims_paid", balance.claims_count, balance.claims_paid_minor),
            ),
        )

    def _placed(self, finding: Fault) -> Fault:
        """Return a finding with a path that begins at its transaction set."""
        where = f"{self._where}/{finding.where}"
        return Fault(finding.code, where, finding.explanation, finding.remedy, finding.permanent)


def _surrogate(identity: str) -> str:
    """Name an adjudication. No key is needed: what it is made of is surrogates and public codes."""
    return f"adj_{blake2b(identity.encode(), digest_size=_SURROGATE_BYTES).hexdigest()}"


@lru_cache(_PLACES_REMEMBERED)
def _place(line: int, segment: int, element: int) -> str:
    """Return the end of an adjustment's path, `/SVC[2]/CAS[1]-03`: there are few of them."""
    inner = f"/SVC[{line}]" if line else ""
    return f"{inner}/CAS[{segment}]-{element:02d}"
