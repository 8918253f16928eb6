"""Remittance facts: one payment with its explanation (X12 835: BPR, TRN, PLB).

The payment's cash and the provider-level adjustments are booked by `processes/remittance.py`; each
claim it pays is a fact of its own (`claim.py`) in the claim's stream. Only a remittance whose three
balancing equations hold becomes facts at all (`wire/x12/remittance.py`, `translate/x12_835.py`).
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational


class ProviderAdjustment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason, reference and amount out of a PLB segment."""

    reason: Financial[str]
    """PLB03-1: WO, 72, FB, L6, CS, J1, IR, LE ..."""
    amount_minor: Financial[int]
    """Positive takes money away from the payment."""
    where: Operational[str]


class RemittanceReceived(msgspec.Struct, frozen=True, kw_only=True, tag="remittance.received"):
    """One 835 transaction set that balances."""

    remittance: Financial[str]
    """`<payer>:<trace>`: TRN03 and TRN02, the natural key that joins it to the bank."""
    payer: Financial[str]
    trace: Financial[str]
    """TRN02 as sent, no surrogate: the number the bank books the payment under (check or EFT)."""
    paid_minor: Financial[int]
    """BPR02."""
    method: Financial[str]
    """BPR04: ACH, CHK, NON, FWT, BOP."""
    paid_on: Operational[date]
    """BPR16."""
    facility: Operational[str] = ""
    """The payee's id (1000B N104)."""
    claims_count: Operational[int] = 0
    claims_paid_minor: Financial[int] = 0
    """Sum of CLP04: equals paid_minor plus the provider adjustments."""
    provider_adjustments: Financial[tuple[ProviderAdjustment, ...]] = ()
    where: Operational[str]
