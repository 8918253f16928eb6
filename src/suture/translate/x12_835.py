"""Translates the 835: one `RemittanceReceived` for the payment, one `ClaimAdjudicated` for each `CLP`.

Streams: claims become facts as they are read, the verdict comes last (`RemittanceEnd`), and whoever stores the facts takes them back
unless it is accepted. A remittance whose three equations do not hold is held whole (B28). What the facts book is decided in
`processes/claim.py` and `processes/remittance.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from suture.model.claim import ClaimAdjudicated, ClaimAdjustment
from suture.model.fault import Fault
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
from suture.translate.x12_common import control_id, recorded_at_ms, recorded_on
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


def translate(
    segments: Iterable[Segment], transaction_set: TransactionSet, channel: Channel
) -> Iterator[Begun | Routed | Translation]:
    """Translate one 835: begun, its claims as they come, its payment, and last the verdict."""
    yield Begun(recorded_at_ms=recorded_at_ms(transaction_set, channel))
    reading = _Reading(transaction_set, channel)
    for item in read_remittance(segments):
        match item:
            case RemittanceHeader():
                reading.header = item
            case ClaimLoop():
                yield reading.claim(item)
            case ProviderAdjustment():
                reading.adjust(item)
            case RemittanceEnd():
                received = reading.received(item)
                if received is not None:
                    yield received
                yield reading.verdict(item)


class _Reading:
    """One 835 on its way: what its header said, and what has been counted."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self.transaction_set = transaction_set
        self.channel = channel
        self.header: RemittanceHeader | None = None
        self._adjustments: list[ProviderAdjustmentFact] = []
        self._faults: list[Fault] = []

    @property
    def payer(self) -> str:
        """TRN03, else the payer's id or name: what the payment is known by at the bank."""
        header = self.header
        if header is None:
            return UNKNOWN_PAYER
        return header.payer_id or header.payer.id or header.payer.name or UNKNOWN_PAYER

    @property
    def trace(self) -> str:
        """TRN02, else the control numbers: a payment without a trace is at least never itself twice."""
        told = self.header.trace if self.header else ""
        return told or control_id(self.transaction_set)

    @property
    def paid_on(self) -> date:
        """BPR16 or DTM*405, else the date of the group or interchange."""
        told = self.header.paid_on if self.header else None
        return told or recorded_on(self.transaction_set)

    def claim(self, loop: ClaimLoop) -> Routed:
        """Make the fact of one claim."""
        tokenizer = self.channel.tokenizer
        claim = tokenizer.token("claim", "", loop.claim_id)
        secrets = [Secret(claim, "claim", loop.claim_id)]
        payer_claim = ""
        if loop.payer_claim_id:
            payer_claim = tokenizer.token("payer_claim", self.payer, loop.payer_claim_id)
            secrets.append(Secret(payer_claim, "payer_claim", loop.payer_claim_id))
        identity = "|".join(
            (self.trace, loop.claim_id, loop.payer_claim_id, loop.status, str(loop.ordinal))
        )
        prefix = self.transaction_set.where
        where = f"{prefix}/{loop.where}"
        fact = ClaimAdjudicated(
            claim=claim,
            adjudication=tokenizer.token("adjudication", self.payer, identity),
            remittance=f"{self.payer}:{self.trace}",
            payer=self.payer,
            payer_claim=payer_claim,
            status=loop.status,
            filing_indicator=loop.filing_indicator,
            charge_minor=loop.charge_minor,
            paid_minor=loop.paid_minor,
            patient_responsibility_minor=loop.patient_responsibility_minor,
            adjustments=tuple(
                ClaimAdjustment(
                    group=adjustment.group,
                    reason=adjustment.reason,
                    amount_minor=adjustment.amount_minor,
                    where=f"{prefix}/{adjustment.where}",
                )
                for adjustment in loop.adjustments
            ),
            service_on=loop.service_on,
            paid_on=self.paid_on,
            facility=self.header.payee.id if self.header else "",
            where=where,
        )
        return Routed(f"claim/{claim}", fact, where, tuple(secrets))

    def adjust(self, adjustment: ProviderAdjustment) -> None:
        """Remember a provider-level adjustment."""
        self._adjustments.append(
            ProviderAdjustmentFact(
                reason=adjustment.reason,
                amount_minor=adjustment.amount_minor,
                where=f"{self.transaction_set.where}/{adjustment.where}",
            )
        )

    def received(self, end: RemittanceEnd) -> Routed | None:
        """Make the fact of the payment itself; None when no header could be read."""
        header = self.header
        if header is None:
            return None
        remittance = f"{self.payer}:{self.trace}"
        where = self.transaction_set.where
        fact = RemittanceReceived(
            remittance=remittance,
            payer=self.payer,
            trace=self.trace,
            paid_minor=header.amount_minor,
            method=header.method,
            paid_on=self.paid_on,
            facility=header.payee.id,
            claims_count=end.balance.claims_count,
            claims_paid_minor=end.balance.claims_paid_minor,
            provider_adjustments=tuple(self._adjustments),
            where=where,
        )
        return Routed(f"remittance/{remittance}", fact, f"{where}/BPR")

    def verdict(self, end: RemittanceEnd) -> Translation:
        """Return the verdict: held when anything does not add up or could not be read."""
        prefix = self.transaction_set.where
        balance = end.balance
        return Translation(
            format="x12",
            type=self.transaction_set.set_id,
            control_id=control_id(self.transaction_set),
            status="held" if end.faults else "accepted",
            identities=(f"remittance:{self.payer}:{self.trace}",),
            recorded_at_ms=recorded_at_ms(self.transaction_set, self.channel),
            faults=_prefixed(end.faults, prefix),
            notes=_prefixed(end.notes, prefix),
            totals=(
                ControlTotal("remittance_cash", 1, balance.paid_minor),
                ControlTotal("claims_paid", balance.claims_count, balance.claims_paid_minor),
            ),
        )


def _prefixed(faults: Iterable[Fault], prefix: str) -> tuple[Fault, ...]:
    """Return the faults with paths that begin at their transaction set."""
    return tuple(
        Fault(
            each.code,
            each.where if each.where.startswith("ST02=") else f"{prefix}/{each.where}",
            each.explanation,
            each.remedy,
            each.permanent,
        )
        for each in faults
    )


