"""Deposit facts: what a bank says arrived (NACHA CCD+ and CTX, BAI2).

Told to the stream of the payment they are: payer and trace where the addenda carry a TRN (the
CAQH CORE reassociation of an EFT with its 835), else bank account, day and the bank's own
reference. Matched with remittances in `reconcile/`.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational
from suture.model.identity import bounded_identity

_SHOWN_LENGTH = 4


class DepositReceived(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="deposit.received"
):
    """One credit or debit of a bank file."""

    deposit: Financial[str]
    """Key of its stream: `<payer>:<trace>`, or `<bank account>:<day>:<bank reference>`."""
    bank_account: Financial[str] = ""
    """The account as the file names it, its last four digits only."""
    payer: Financial[str] = ""
    """TRN03 of the addenda, else the company id of the batch header (NACHA 5, positions 41-50)."""
    trace: Financial[str] = ""
    """TRN02 of the addenda."""
    bank_reference: Financial[str] = ""
    """NACHA trace number (6, positions 80-94); BAI2 16 bank reference."""
    amount_minor: Financial[int]
    """Positive is money that came in."""
    kind: Financial[str] = ""
    """NACHA transaction code (22, 32 ...) or BAI type code (142, 165, 195 ...)."""
    deposited_on: Operational[date]
    """NACHA effective entry date, BAI2 as-of date or value date."""
    where: Operational[str]


def shown_account(number: str) -> str:
    """Return a bank account as a fact may tell it: its last four characters."""
    return number[-_SHOWN_LENGTH:]


def deposit_key(
    payer: str, trace: str, bank_account: str, deposited_on: date, bank_reference: str
) -> str:
    """Return the key of a deposit's stream: that of its remittance, where a trace is told."""
    if trace:
        return bounded_identity(f"{payer}:{trace}")
    return bounded_identity(f"{bank_account}:{deposited_on:%Y%m%d}:{bank_reference}")
